"""Each question has one place where it is asked; the import contract cannot see calls, so this does."""

import ast
from pathlib import Path

import stagepass

SOURCE = Path(stagepass.__file__).parent

WITH_AN_ENGINE = ("api", "cli", "views", "pipelines", "testing.py")
"""Packages that are handed an `Engine`."""

THE_ENGINES = {"job", "job_by_key", "jobs", "look", "runs_of", "find_runs", "events", "outputs"}
"""Reads of the store that the engine offers, with the owner's check where there is an owner."""


def test_reads_about_jobs_go_through_the_engine() -> None:
    """Else a route forgets the owner's check, or two interfaces answer the same question differently."""
    around = [
        f"{path.relative_to(SOURCE)}:{node.lineno}: store.{node.attr}"
        for path in _files(WITH_AN_ENGINE)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in THE_ENGINES and _ends_in_store(node.value)
    ]
    assert around == []


def test_nothing_of_ours_is_imported_by_a_string() -> None:
    """It would get round the import contract, which a package's own modules do not need."""
    by_string = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in _files(("",))
        if path != SOURCE / "__init__.py"  # the front door imports its own names on first use
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("import_module")
        and (target := ast.unparse(node.args[0]).strip("f'\"")).startswith("stagepass")
        and not target.startswith(f"stagepass.{'.'.join(path.relative_to(SOURCE).parts[:-1])}.")
    ]
    assert by_string == []


def _files(rooms: tuple[str, ...]) -> list[Path]:
    found = [
        path for room in rooms for path in ([SOURCE / room] if room.endswith(".py") else (SOURCE / room).rglob("*.py"))
    ]
    assert found
    return found


def _ends_in_store(value: ast.expr) -> bool:
    name = value.attr if isinstance(value, ast.Attribute) else value.id if isinstance(value, ast.Name) else ""
    return name.strip("_") == "store"
