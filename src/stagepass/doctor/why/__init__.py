"""Why a job waits, or how it ended: what was seen, what happens next, and the command that moves it."""
