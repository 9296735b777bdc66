"""A real `stagepass up` for tests: the installed console script in a folder of its own.

One worker group serves everything, so that a start takes few processes. Every process of a test carries
its folder in its environment or its command line, so that "nothing is left" can be asked of the machine.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support import forked

STAGEPASS = str(Path(sys.executable).with_name("stagepass"))

PIPELINE = '''
"""A job that goes on when a file appears, and one that fails for good."""
import os
from pathlib import Path
from pydantic import BaseModel
from stagepass import Context, Permanent, Pipeline

class Input(BaseModel):
    gate: str = ""
    fails: bool = False

gated = Pipeline("gated", input=Input)

@gated.stage()
def first(request: Input) -> str:
    note(request, "first")
    return "one"

@gated.stage(after=first, time_limit="2m")
def second(ctx: Context, request: Input, first: str) -> str:
    note(request, "second")
    if request.fails:
        raise Permanent("the input is not good", advice="send another")
    ctx.wait(lambda: request.gate == "" or (Path(request.gate) / "open").exists() or None, every="200ms", at_most="1m")
    return first + " two"

def note(request: Input, what: str) -> None:
    if request.gate:
        with open(Path(request.gate) / "began", "a") as file:
            print(what, os.getpid(), file=file)
            file.flush()
    if request.gate and what == "second":
        while not (Path(request.gate) / "go").exists():  # holds its slot until the test lets go
            os.sched_yield()
            __import__("time").sleep(0.02)
'''


class Up:
    """One `stagepass up`, and commands beside it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.env = {**os.environ, "HOME": str(folder), "DATA_DIR": str(folder / "data"), "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(
            [STAGEPASS, "up", "--port", "0", "--workers", "promo,gated,hello=8", "--json", *options],
            cwd=folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=(folder / "log").open("ab"),
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"it did not start:\n{self.log()}"
        self.ready: dict[str, Any] = json.loads(line)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, and see that it does, in good order."""
        self.process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        assert self.process.poll() == 0, f"it did not end in good order:\n{self.log()}"

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return forked.stagepass(list(arguments), self.folder, self.env)

    def json(self, *arguments: str, code: int = 0) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.ready["url"] + path, timeout=30) as answer:
            return json.load(answer)

    def child(self, mark: str) -> int | None:
        """The process of the one child whose command line has `mark`."""
        for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            with suppress(OSError):
                if mark in Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "):
                    return int(pid)
        return None


def processes_of(folder: Path) -> list[int]:
    """Every living process that has the folder in its command line or environment."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            if os.fsencode(folder) in text and (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(int(entry.name))
    return found


@contextmanager
def place() -> Iterator[Path]:
    """A folder with a short path and two pipelines, and the proof that no process of it is left."""
    folder = Path(tempfile.mkdtemp(prefix="sp-"))
    (folder / "pipelines" / "gated").mkdir(parents=True)
    (folder / "pipelines" / "gated" / "pipeline.py").write_text(PIPELINE)
    made = forked.stagepass(["new", "hello"], folder, os.environ)
    assert made.returncode == 0, made.stderr
    yield folder
    left = processes_of(folder)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder)
    assert not left, "processes were left running"
