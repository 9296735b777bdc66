"""The docs hold: links lead somewhere, examples run, commands exist, and tables agree with the code."""

import importlib.util
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
import typer

import stagepass
from stagepass import Context, Pipeline
from stagepass.api.app import create_app
from stagepass.bootstrap import System
from stagepass.cli import output
from stagepass.cli.exits import Exit
from stagepass.cli.main import app
from stagepass.declare.registry import Registry
from stagepass.engine.model import failpoints
from stagepass.engine.model.states import JOB_MOVES, RUN_MOVES
from stagepass.pipelines.discover import discover
from stagepass.settings import Settings
from stagepass.worker_groups import expand
from tests.docs import pages, words
from tests.docs.commands import commands
from tests.docs.pages import ROOT

PAGES = pages.pages()
LINES = sorted(set(pages.shell_commands()))
DOCS = ROOT / "docs"


def each_page(test: Any) -> Any:
    return pytest.mark.parametrize("page", PAGES, ids=pages.name)(test)


# ── pages ────────────────────────────────────────────────────────────────────────────────────────


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in pages.links(page):
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{target} is not there"
        assert ROOT in found.parents, f"{target} leads out of the project"
        assert not anchor or anchor in pages.anchors(found), f"{target}: no such heading"


@each_page
def test_nothing_is_left_to_be_written(page: Path) -> None:
    found = re.search(r"\b(TODO|TBD|FIXME|XXX|WIP)\b|lorem ipsum|coming soon", pages.text(page), re.I)
    assert not found, f"{found and found[0]!r} stands in it"


@each_page
def test_names_no_machine_and_does_not_shout(page: Path) -> None:
    text = pages.text(page)
    assert not re.search(r"(?<![\w.])/(?:work|home|root|Users)/", text)
    assert "!" not in re.sub(r"!\[", "[", pages.prose(page))


@pytest.mark.parametrize(
    ("english", "korean"),
    [("README.md", "README.ko.md"), ("docs/tutorial.md", "docs/ko/tutorial.md")],
)
def test_both_languages_have_the_same_parts(english: str, korean: str) -> None:
    one, other = ROOT / english, ROOT / korean
    levels = [[len(heading) - len(heading.lstrip("#")) for heading in pages.headings(page)] for page in (one, other)]
    assert levels[0] == levels[1]
    assert _without_values(pages.blocks(one)) == _without_values(pages.blocks(other))


def _without_values(blocks: list[Any]) -> list[Any]:
    """The blocks of a page, with the values that commands are given left out: each language has its own."""
    return [(block.kind, block.path, re.sub(r" --set \S+=(\"[^\"]*\"|\S+)", "", block.code)) for block in blocks]


# ── code ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md", "docs/testing.md", "docs/canvas.md", "docs/flow.md"])
def test_the_files_of_a_page_run(page: str, tmp_path: Path) -> None:
    """Written down as the page says, one after the other; each test file is run when it is there."""
    ran = 0
    for block in pages.blocks(ROOT / page):
        if block.path is None:
            continue
        file = tmp_path / block.path
        file.parent.mkdir(parents=True, exist_ok=True)
        before = f"{file.read_text()}\n\n" if block.mark == "append" else ""
        file.write_text(before + block.code)
        if file.name.startswith("test_"):
            ran += 1
            _pytest(file, tmp_path)
    assert ran


def _pytest(file: Path, cwd: Path) -> None:
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout[-3000:]


def test_every_python_block_is_python() -> None:
    for page in PAGES:
        for block in pages.blocks(page):
            if block.kind == "python":
                compile(block.code, pages.name(page), "exec")


def test_the_pipeline_of_the_readme_is_short() -> None:
    code = next(block.code for block in pages.blocks(ROOT / "README.md") if block.kind == "python")
    assert len(code.splitlines()) <= 25


def test_what_new_makes_runs(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "stagepass.cli", "new", "party"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert made.returncode == 0, made.stderr
    _pytest(tmp_path / "pipelines/party/test_party.py", tmp_path)


def test_the_examples_run() -> None:
    _pytest(ROOT / "examples", ROOT)


# ── commands ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def registry() -> Registry:
    return discover((), cwd=DOCS)


@pytest.mark.parametrize(("page", "line"), LINES)
def test_every_command_exists(page: str, line: str, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    for command in commands(line):
        match command:
            case ["stagepass", *args]:
                monkeypatch.setattr(output, "_as_json", False)
                _parse(typer.main.get_command(app), "stagepass", args)
                if args[:1] == ["worker"]:
                    names = [arg for arg in args[1:] if arg == "promo" or arg.startswith("promo.")]
                    expand(registry, names)
            case ["celery", "-A", "stagepass.worker", "worker", *args]:
                _check_celery(args, registry)
            case ["make", target]:
                assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M), (
                    f"make {target}: no such target"
                )


def _parse(command: Any, name: str, args: list[str], parent: Any = None) -> None:
    """Parse as the command line would, without running anything. Raises `click.UsageError`."""
    args = list(args)
    with command.make_context(name, list(args), parent=parent) as context:
        if not hasattr(command, "resolve_command"):
            return
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not rest and command.invoke_without_command:
            return
        assert rest, f"{name}: which command?"
        found, inner, rest = command.resolve_command(context, rest)
        _parse(inner, found, rest, context)


def _check_celery(args: list[str], registry: Registry) -> None:
    from celery.bin.worker import worker

    parser = worker.make_parser(click.Context(worker))
    options, rest, _ = parser.parse_args(args=list(args))
    assert not rest
    for queue in options["queues"].split(","):
        assert queue in registry.queues()


@pytest.fixture(scope="module")
def routes(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Methods by path, as the API itself tells them."""
    system = System(Settings.load(data_dir=tmp_path_factory.mktemp("data")), registry)
    schema = create_app(system).openapi()
    return {path: {method.upper() for method in methods} for path, methods in schema["paths"].items()}


@pytest.mark.parametrize(("page", "line"), [entry for entry in LINES if "curl" in entry[1]])
def test_every_curl_line_meets_a_route(page: str, line: str, routes: dict[str, set[str]]) -> None:
    for command in commands(line):
        if command[0] != "curl":
            continue
        address = next(arg for arg in command if arg.startswith(("$A/", "http://")))
        path = re.sub(r"^(\$A|http://[^/]+/api/v1)", "/api/v1", address).partition("?")[0]
        path = re.sub(r"^http://[^/]+", "", path)  # a route at the root of the service
        path = path.replace("pipelines/party/", "pipelines/promo/")
        method = (
            command[command.index("-X") + 1] if "-X" in command else "POST" if {"-d", "-F"} & set(command) else "GET"
        )
        matching = [methods for route, methods in routes.items() if _meets(route, path)]
        assert any(method in methods for methods in matching), f"{method} {path}: no such route"


def _meets(route: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", route), path) is not None


def test_every_route_is_told(routes: dict[str, set[str]]) -> None:
    told = pages.text(DOCS / "http.md")
    told = re.sub(r"\$A", "/api/v1", told)
    missing = [
        route
        for route in routes
        if route not in told
        and not re.search(re.sub(r"\\\{[^}]+\\\}", r"[^/\\s`]+", re.escape(route)) + r"(?=[\s?\\`]|$)", told, re.M)
    ]
    assert missing == []


# ── what the docs say about the code ─────────────────────────────────────────────────────────────


def _make_pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_pages", DOCS / "make_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_settings_are_those_of_the_code() -> None:
    page = DOCS / "settings.md"
    assert pages.text(page) == _make_pages().pages()[page], "run: python docs/make_pages.py"
    table = re.findall(r"^\| `([A-Z_]+)` \|", _make_pages().settings_table(), re.M)
    assert sorted(table) == sorted(name.upper() for name in Settings.model_fields)


def test_every_package_at_run_time_is_named_with_its_licence() -> None:
    named = dict(re.findall(r"^\| ([\w.-]+) \| ([^|]+) \|", pages.text(ROOT / "THIRD_PARTY_NOTICES.md"), re.M))
    made = _make_pages()
    for name, (package, _) in made.packages().items():
        assert named.get(name) == made.licence(package), f"{name}: run: python docs/make_pages.py"


def test_the_words_of_the_glossary_are_those_of_the_code() -> None:
    source = "\n".join(file.read_text("utf-8") for file in (ROOT / "src/stagepass").rglob("*.py"))
    tables = []
    for page in (DOCS / "glossary.md", DOCS / "ko" / "glossary.md"):
        rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|.*\| `(\w+)` \|$", pages.text(page), re.M)
        for _, _, code in rows:
            assert re.search(rf"\b{code}\b", source), f"{code} is not in the code"
        tables.append(rows)
    assert [(word, korean, code) for word, korean, code in tables[0]] == [
        (word, korean, code) for korean, word, code in tables[1]
    ]


def _arrows(diagram: int) -> set[tuple[str, str]]:
    found = [block.code for block in pages.blocks(DOCS / "concepts.md") if block.kind == "mermaid"][diagram]
    return {(a, b) for a, b in re.findall(r"^\s*(\w+) --> (\w+)", found, re.M)}


@pytest.mark.parametrize(("diagram", "moves"), [(0, RUN_MOVES), (1, JOB_MOVES)], ids=["stage run", "job"])
def test_the_diagrams_are_the_tables(diagram: int, moves: Any) -> None:
    table = {(a.value, b.value) for a, after in moves.items() for b in after}
    drawn = _arrows(diagram)
    assert drawn <= table
    left_out = {(a, b) for a, b in table - drawn if b != "cancelled" and a != "queued"}
    assert left_out == set()


def test_the_events_are_those_that_are_told() -> None:
    told = set(re.findall(r"`((?:job|stage)\.\w+)`", pages.text(DOCS / "http.md")))
    rules = "".join(path.read_text("utf-8") for path in (ROOT / "src/stagepass/engine/rules").glob("*.py"))
    assert told == set(re.findall(r'"((?:job|stage)\.[a-z]+)"', rules))


def test_the_failpoints_are_those_that_are_told() -> None:
    told = re.findall(
        r"`((?:submit|bell|claim|body|once|call|settle|relay|bulk)\.\w+)`", pages.text(DOCS / "testing.md")
    )
    assert set(told) == set(failpoints.NAMES)


def test_the_exit_codes_are_those_that_are_told() -> None:
    told = re.findall(r"^\| (\d+) \|", pages.text(DOCS / "cli.md"), re.M)
    assert [int(code) for code in told] == [code.value for code in Exit]


def test_every_command_is_told() -> None:
    told = pages.text(DOCS / "cli.md")
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        for inner in getattr(command, "commands", {None: command}):
            assert f"stagepass {name}" + (f" {inner}" if inner else "") in told


def test_every_decision_is_listed() -> None:
    folder = DOCS / "decisions"
    files = sorted(file.name for file in folder.glob("[0-9]*.md"))
    assert re.findall(r"\((\d{4}-[\w-]+\.md)\)", pages.text(folder / "README.md")) == files
    parts = ["## Context", "## Decision", "## Consequence", "## Rejected"]
    for file in files:
        assert pages.headings(folder / file)[1:] == parts


def test_the_reference_for_authors_is_complete() -> None:
    told = pages.text(DOCS / "pipelines.md")
    for name in stagepass.__all__:
        assert re.search(rf"\b{name}\b", told), f"stagepass.{name}"
    rows = dict(re.findall(r"^\| `(\w+)` \|([^|]*)\|", told.partition("## Parameters of a stage")[0], re.M))
    options = inspect.signature(Pipeline.stage).parameters
    assert list(rows) == [name for name in options if name != "self"]
    for name, shown in rows.items():
        default = options[name].default
        assert shown.strip("` ") in ("", str(default), f'"{default}"') or name == "retry"
    for name in [name for name in dir(Context) if not name.startswith("_")]:
        assert re.search(rf"\b{name}\b", told), f"ctx.{name}"


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("A failure is told within 2 s.", ["told"]),
        ("Nobody waits; it goes on by itself.", ["Nobody", "goes on"]),
        ("At most so many of them.", ["so many"]),
        ("`told` is a column, and {told} a parameter.", []),
        ("told: called after each commit.", ["told"]),
        ("    told: called after each commit.", []),
    ],
)
def test_the_word_check_finds_them(text: str, hits: list[str]) -> None:
    assert words.found(text) == hits


def test_each_promise_of_the_security_page_has_its_test() -> None:
    named = re.findall(r"`(tests/[\w/.]+?\.py)(?:::(\w+))?`", pages.text(DOCS / "security.md"))
    assert len(named) > 15
    for file, test in named:
        source = (DOCS.parent / file).read_text("utf-8")
        assert not test or f"def {test}(" in source, f"{file}::{test}"
