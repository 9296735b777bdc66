"""Disks that fill up, locks that others hold, and clocks that jump."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.databases import missing


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own with so much room."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "stagepass-test", str(folder)], capture_output=True
    )
    if made.returncode:
        pytest.skip("a small file system needs the right to mount one")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def fill(folder: Path) -> Path:
    """A file that takes all the room that is left on this disk."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(65536))
    with path.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x")
    return path


@contextmanager
def holding_the_write_lock(database: Path, rounds: int, seconds: float) -> Iterator[threading.Event]:
    """A foreign process that takes SQLite's write lock again and again. The event: it has done so for `rounds` times."""
    code = (
        "import sqlite3, sys, time\n"
        "db = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)\n"
        "while True:\n"
        "    db.execute('BEGIN IMMEDIATE'); print('held', flush=True)\n"
        "    time.sleep(float(sys.argv[2])); db.execute('COMMIT'); time.sleep(0.02)\n"
    )
    argv = [shutil.which("python3") or "python3", "-c", code, str(database), str(seconds)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    enough = threading.Event()

    def count() -> None:
        assert process.stdout is not None
        for number, _ in enumerate(process.stdout, 1):
            if number >= rounds:
                enough.set()

    counter = threading.Thread(target=count, daemon=True)
    counter.start()
    try:
        yield enough
    finally:
        process.kill()
        process.wait(10)
        counter.join(5)


def faked_clock(file: Path) -> dict[str, str]:
    """An environment in which the calendar is what `set_clock` writes into the file. The steady clock is left alone."""
    library = next((path for path in Path("/usr").glob("lib*/**/faketime/libfaketimeMT.so.1")), None)
    if library is None:
        missing("no libfaketime on this machine (Debian: libfaketime)")
        raise AssertionError
    set_clock(file, 0)
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def set_clock(file: Path, seconds: int) -> None:
    """Put the calendar of those processes forwards, or back."""
    new = file.with_suffix(".new")
    new.write_text(f"{seconds:+d}\n")
    new.replace(file)
