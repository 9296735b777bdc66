"""Processes without the second that an interpreter's start takes: forked from one that has imported everything.

They have the folder, the environment and the output that a started one would have. Used where the start itself is
not what is tested.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

fresh = multiprocessing.get_context("forkserver")
fresh.set_forkserver_preload(["tests.support.preloaded"])


class Forked:
    """A process of the fork server, used like a `Popen`."""

    def __init__(self, target: Any, *args: Any) -> None:
        self._process = fresh.Process(target=target, args=args)
        self._process.start()
        self.pid = self._process.pid or 0

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired("a forked process", timeout or 0)
        return code

    def kill(self) -> None:
        self._process.kill()
        self._process.join(10)


def celery(command: list[str], folder: Path, environ: Mapping[str, str], log: Path) -> Forked:
    """What ``python -m celery …`` does."""
    return Forked(_celery, command, str(folder), dict(environ), str(log))


def stagepass(
    arguments: list[str], folder: Path, environ: Mapping[str, str], timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """What ``stagepass …`` does, and says."""
    with tempfile.TemporaryDirectory(prefix="sp-said-") as said:
        out, errors = Path(said) / "out", Path(said) / "errors"
        process = Forked(_stagepass, arguments, str(folder), dict(environ), str(out), str(errors))
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess(arguments, code, out.read_text("utf-8"), errors.read_text("utf-8"))


def _celery(command: list[str], folder: str, environ: dict[str, str], log: str) -> None:
    os.setsid()
    _become(command, folder, environ, log, log)
    sys.path.insert(0, folder)
    from celery.__main__ import main

    main()


def _stagepass(arguments: list[str], folder: str, environ: dict[str, str], out: str, errors: str) -> None:
    _become(["stagepass", *arguments], folder, environ, out, errors)
    from stagepass.cli.main import app

    try:
        app()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _become(argv: list[str], folder: str, environ: dict[str, str], out: str, errors: str) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = argv
    for descriptor, path in ((1, out), (2, errors)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    # an interpreter's own streams know the encoding of its environment, and no terminal
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1)  # noqa: SIM115
