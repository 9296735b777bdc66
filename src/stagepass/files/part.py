"""A part of an open file, as a file."""

import io
from typing import BinaryIO


class Part(io.RawIOBase):
    """Reads at most this many bytes of another file from its current position, and closes it with itself.

    Args:
        content: the file.
        left: how many bytes; None for all that follow.
    """

    def __init__(self, content: BinaryIO, left: int | None) -> None:
        self._content, self._left = content, left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        view = memoryview(buffer)
        piece = self._content.read(len(view) if self._left is None else min(len(view), self._left))
        view[: len(piece)] = piece
        if self._left is not None:
            self._left -= len(piece)
        return len(piece)

    def close(self) -> None:
        self._content.close()
        super().close()
