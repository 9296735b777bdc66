"""The table of lessons: every number has tests, and they are there."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, text

PAGE = ROOT / "docs" / "reliability.md"
FIRST, LAST = 11, 38
"""Those before are about wiring: some of them no test can hold."""


def table(name: str) -> str:
    """The page's table of that name."""
    return text(PAGE).partition(f"<!-- {name}:begin -->")[2].partition(f"<!-- {name}:end -->")[0]


def named() -> set[str]:
    """Every test that the page names."""
    outages = re.findall(r"`(test_\w+\.py::\w+)`", table("outages"))
    assert len(outages) > 20
    return {f"integration/{test}" for test in outages} | {test for tests in rows().values() for test in tests}


def rows() -> dict[int, list[str]]:
    """By number: the tests that the table names."""
    found = re.findall(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", table("lessons"), re.M)
    return {int(number): re.findall(r"`([\w/]+\.py::\w+)`", cell) for number, _, cell in found}


def test_every_lesson_of_running_and_measuring_has_a_test() -> None:
    assert {number for number, tests in rows().items() if tests and number >= FIRST} == set(range(FIRST, LAST + 1))


@pytest.mark.parametrize("name", sorted(named()))
def test_the_test_is_there(name: str) -> None:
    file, _, function = name.partition("::")
    tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    assert any(
        isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == function for node in tree.body
    )


def _accepts_both(file: Path) -> list[str]:
    """Places where a test is content with a success as well as with a server's error."""
    found = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In):
            values = getattr(node.comparators[0], "elts", [])
            codes = [
                value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, int)
            ]
            if any(200 <= code < 300 for code in codes) and any(500 <= code < 600 for code in codes):
                found.append(f"{file.name}:{node.lineno}")
    return found


def test_lesson_38_no_test_accepts_an_error_as_well_as_a_success(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("def test_it():\n    assert answer.status_code in (200, 500)\n")
    assert _accepts_both(bad) == ["bad.py:2"]
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    assert len(files) > 40
    assert [place for file in files for place in _accepts_both(file)] == []
