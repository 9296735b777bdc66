"""Commands of `stagepass` inside the test's own process: the same entry, without the second that a start takes."""

import logging
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import pytest

from stagepass import bootstrap
from stagepass.cli import output, texts
from stagepass.cli.main import app


def run_here(*arguments: str) -> tuple[int, str, str]:
    """Runs `stagepass ARGUMENTS` with the environment and in the folder of now: exit code, output, errors."""
    out, errors = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["stagepass", *arguments])
        patch.setattr(bootstrap, "_system", None)
        patch.setattr(output, "_as_json", False)
        texts.choose(None)
        logger = logging.getLogger("stagepass")
        patch.setattr(logger, "level", logger.level)  # a command speaks of errors only
        with redirect_stdout(out), redirect_stderr(errors), pytest.raises(SystemExit) as ended:
            app()
    return int(ended.value.code or 0), out.getvalue(), errors.getvalue()
