"""Providers that charge: every purchase is a line in a file, appended in one write. Chosen by ``…=ledger``.

A test holds one of them at a named point (a file ``hold-<point>`` in the folder), kills the process
that is there, and counts the lines afterwards. They find an order again by its content, as a vendor
with an idempotency key would.
"""

import hashlib
import os
from pathlib import Path
from typing import Any, BinaryIO

from stagepass import NotDone
from stagepass.pipelines.promo.models import LyricText
from stagepass.providers.ports import (
    ClipMaker,
    ClipRequest,
    LineTiming,
    MadeClip,
    MadeSong,
    SongMaker,
    SongRequest,
    TextAnswer,
    TextModel,
    TextRequest,
    Usage,
)
from stagepass.providers.registry import Offer, provide
from tests.support.waiting import wait_until

LYRIC = "[Verse]\n군산 바다 곁에 작은 방 하나\n창을 열면 노을이 들어와요\n[Chorus]\n머뭄에서 쉬어 가요\n오늘은 여기 머물러요 우리"


class Book:
    """The file of purchases, and the points at which a provider may be held."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, line: str) -> None:
        descriptor = os.open(self.folder / "ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(descriptor, f"{line}\n".encode())
        finally:
            os.close(descriptor)

    def lines(self) -> list[str]:
        path = self.folder / "ledger"
        return path.read_text().splitlines() if path.exists() else []

    def hold(self, point: str) -> None:
        (self.folder / f"hold-{point}").touch()

    def let_go(self, point: str) -> None:
        (self.folder / f"hold-{point}").unlink(missing_ok=True)

    def come_by(self, point: str) -> None:
        """Note that a provider is at this point, and stay there as long as the test wants it."""
        self.write(f"at {point} {os.getpid()}")
        wait_until(lambda: not (self.folder / f"hold-{point}").exists(), timeout=60)


class LedgerText:
    name = "ledger"

    def __init__(self, book: Book) -> None:
        self._book = book

    def generate(self, request: TextRequest) -> TextAnswer:
        self._book.come_by("lyric")
        self._book.write("bought lyric")
        value = LyricText(title="머뭄", text=LYRIC, language="ko")
        return TextAnswer(value, self.name, "ledger-1", Usage(10, 20, 0.001))


class _Maker:
    name, model, kind = "ledger", "ledger-1", ""

    def __init__(self, book: Book) -> None:
        self._book = book

    def _submit(self, request: Any) -> str:
        task = self._task(request)
        self._book.write(f"bought {self.kind} {task}")
        self._book.come_by(f"{self.kind}-submit")
        return task

    def _find(self, request: Any) -> str:
        task = self._task(request)
        if f"bought {self.kind} {task}" not in self._book.lines():
            raise NotDone
        return task

    def _task(self, request: Any) -> str:
        return hashlib.sha256(f"{self.kind} {request.title} {request.reference}".encode()).hexdigest()[:16]

    def cancel(self, task_id: str) -> None:
        self._book.write(f"cancelled {self.kind} {task_id}")


class LedgerSong(_Maker):
    kind = "song"

    def submit(self, request: SongRequest) -> str:
        return self._submit(request)

    def find(self, request: SongRequest) -> str:
        return self._find(request)

    def look(self, task_id: str, tell: Any = None) -> MadeSong | None:
        self._book.come_by("song-look")
        timing = [LineTiming("군산 바다 곁에 작은 방 하나", 1.0, 3.0)]
        return MadeSong(f"clip-{task_id}", 30.0, timing, source="none")

    def fetch(self, song: MadeSong, target: BinaryIO) -> None:
        target.write(b"ID3" + bytes(2000))


class LedgerClip(_Maker):
    kind = "clip"

    def submit(self, request: ClipRequest) -> str:
        return self._submit(request)

    def find(self, request: ClipRequest) -> str:
        return self._find(request)

    def look(self, task_id: str, tell: Any = None) -> MadeClip | None:
        self._book.come_by("clip-look")
        return MadeClip(f"clip-{task_id}", 30.0, 1080, 1920, source="none")

    def fetch(self, clip: MadeClip, target: BinaryIO) -> None:
        target.write(b"\x00\x00\x00\x18ftypmp42" + bytes(2000))


def _book(offer: Offer) -> Book:
    return Book(Path(offer.environ["LEDGER_DIR"]))


provide(TextModel, "ledger", lambda offer: LedgerText(_book(offer)))
provide(SongMaker, "ledger", lambda offer: LedgerSong(_book(offer)))
provide(ClipMaker, "ledger", lambda offer: LedgerClip(_book(offer)))
