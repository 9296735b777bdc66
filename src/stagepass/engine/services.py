"""What the contexts of one process share, and what they keep files in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from stagepass.engine.approvals import MakeUrl
from stagepass.engine.clock import Clock, SystemClock
from stagepass.engine.desk import Desk
from stagepass.engine.operations import Claimed
from stagepass.engine.ports import Bus, FileStore, Gate, Limit, Store
from stagepass.engine.values import File


class Services:
    """What the contexts of one process share."""

    def __init__(
        self,
        store: Store,
        desk: Desk,
        bus: Bus,
        files: FileStore,
        gate: Gate,
        *,
        clock: Clock | None = None,
        callback_url: Callable[[str, str], str] | None = None,
        approval_url: MakeUrl | None = None,
        file_url: Callable[[File], str] | None = None,
        limits: dict[str, Limit] | None = None,
    ) -> None:
        self.store = store
        self.desk = desk
        self.bus = bus
        self.files = files
        self.gate = gate
        self.clock = clock or SystemClock()
        self.callback_url = callback_url
        self.approval_url = approval_url
        self.file_url = file_url
        self.limits = limits or {}


class Files:
    """`ctx.files`: large values of this stage run. What is put is complete before it can be referred to."""

    def __init__(self, services: Services, claimed: Claimed) -> None:
        self._services = services
        self._claimed = claimed

    def put(self, source: BinaryIO | bytes | Path, *, name: str, type: str) -> File:
        """Keep a file; the returned reference belongs into the stage's output."""
        run = self._claimed.run
        file = self._services.files.put(source, name=name, type=type, folder=run.job_id)
        self._services.store.keep_file(file, run.job_id, run.id, run.owner, self._services.clock.now())
        return file

    @contextmanager
    def local(self, file: File) -> Iterator[Path]:
        """A path of this machine that holds the file, for as long as the block lasts."""
        with self._services.files.local_copy(file) as path:
            yield path

    def url(self, file: File) -> str | None:
        """A signed address that a provider elsewhere can fetch the file from, or None where there is none."""
        make = self._services.file_url
        return make(file) if make else None
