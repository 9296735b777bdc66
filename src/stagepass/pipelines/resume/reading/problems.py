"""Why a file gives no text; each text names the fix."""


class Unreadable(Exception):
    """A file gives no text; the message says why, and what to do."""


A_SCAN = (
    "the {kind} holds no text, only pictures of it (a scan); save it as a PDF from the program "
    "that it was written in, run text recognition (OCR) on it, or paste the text"
)
