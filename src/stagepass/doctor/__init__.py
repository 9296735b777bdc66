"""Explains an installation: why a job waits, and what is wired or configured wrongly. Read-only."""
