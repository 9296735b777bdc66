"""Waits written as literals that the stage's limits end before are refused where the module is imported."""

import textwrap
from pathlib import Path
from typing import Any

import pytest

from stagepass.errors import DeclarationError

HEAD = """
from pydantic import BaseModel
from stagepass import Context, Pipeline

class In(BaseModel):
    n: int = 0

p = Pipeline("p", input=In)

@p.stage({options})
def go(ctx: Context) -> int:
    {call}
    return 1
"""


def load(folder: Path, call: str, options: str = "") -> dict[str, Any]:
    path = folder / "written.py"
    path.write_text(textwrap.dedent(HEAD.format(call=call, options=options)))
    found: dict[str, Any] = {"__name__": "written"}
    exec(compile(path.read_text(), str(path), "exec"), found)
    return found


@pytest.mark.parametrize(
    "call", ['ctx.sleep("30d")', "ctx.sleep(301)", 'ctx.wait(lambda: 1, every="1m", at_most="1h")']
)
def test_a_literal_that_cannot_be_met_is_refused_at_import(tmp_path: Path, call: str) -> None:
    with pytest.raises(DeclarationError, match=r"line 12 .*time_limit"):
        load(tmp_path, call)
    load(tmp_path, call, 'time_limit="40d", run_limit="50d"')


@pytest.mark.parametrize(
    "call", ['ctx.sleep("4m")', "ctx.sleep(2 * 300)", 'ctx.run("x", {}, at_most="9d")', "ctx.now()"]
)
def test_what_can_be_met_or_is_computed_is_left_alone(tmp_path: Path, call: str) -> None:
    load(tmp_path, call)


def test_a_duration_that_is_none_is_found_too(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="line 12: 'soon' is not a duration"):
        load(tmp_path, 'ctx.sleep("soon")')
