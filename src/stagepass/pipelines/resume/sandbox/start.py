"""Starts a child that gets no secrets: no environment, an empty folder, and no descriptor but its pipes.

The child gives up the rest itself, once its modules are loaded (`confine`).
"""

import json
import subprocess
import sys
import tempfile
from typing import IO

_BOOT = (
    "import json, runpy, sys; sys.path = json.loads(sys.argv.pop(1));"
    " runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)
"""Modules are found where the parent finds them, although no PYTHONPATH says so."""


class Child(subprocess.Popen[bytes]):
    """A running child. Its folder is removed with it."""

    def __init__(self, module: str, *arguments: str, talks_on: int | IO[bytes], answers_on: int = subprocess.DEVNULL):
        self._folder = tempfile.TemporaryDirectory(prefix="stagepass-child-")
        path = json.dumps([entry for entry in sys.path if entry])
        try:
            super().__init__(
                [sys.executable, "-I", "-c", _BOOT, path, module, *arguments],
                stdin=talks_on,
                stdout=answers_on,
                stderr=subprocess.DEVNULL,
                env={},
                cwd=self._folder.name,
                close_fds=True,
                start_new_session=True,  # a Ctrl-C is for the parent, which ends its children itself
            )
        except BaseException:
            self._folder.cleanup()
            raise

    def end(self) -> None:
        """Kill it, if it still runs, and leave nothing behind."""
        self.kill()
        self.wait()
        for pipe in (self.stdin, self.stdout):
            if pipe is not None:
                pipe.close()
        self._folder.cleanup()
