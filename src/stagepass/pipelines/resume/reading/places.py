"""Turns for reading files, in a process with many callers: a caller that waits occupies no thread.

Files are read on threads of their own. One caller has half of them at most, and a queue that ends.
"""

from functools import partial
from typing import BinaryIO

from stagepass.pipelines.resume.reading.extract import AT_ONCE, extract
from stagepass.providers.fetching.turns import Texts, Turns
from stagepass.sentences import sentence

_TEXTS = Texts(
    full=lambda count: sentence("{count} of your files are already being read", count=count),
    late=lambda: sentence("too many files are being read right now"),
    again=lambda why: sentence("{why}; try again in a few seconds or paste the text", why=why),
)


class Places:
    """The reading of one process; arguments are those of `Turns`."""

    def __init__(self, *, at_once: int = AT_ONCE, of_one: int | None = None, queue: int = 8, patience: float = 5.0):
        self._turns = Turns(at_once, of_one=of_one, queue=queue, patience=patience, texts=_TEXTS)

    async def read(self, owner: str, content: BinaryIO) -> str:
        """The text of an upload.

        Raises:
            TooManyRequests: the caller's queue is full, or its turn did not come. Unreadable: see `extract`.
        """
        return await self._turns.run(owner, partial(_read, content))


def _read(content: BinaryIO) -> str:
    content.seek(0)
    return extract(content.read())
