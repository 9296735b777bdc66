"""Patterns of all modules take time in step with the text, whatever a stranger wrote; measured by growth.

Those of `resume`, which reads whole texts of strangers, are also measured in `test_resume_growth`.
"""

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import stagepass

SMALL, NOISE, MOST = 500, 0.02, 9.0
"""Characters of the smaller text; seconds that are nothing; how often the work of four times the text may be done."""

SEEDS = ["a", "1", " ", "\n", "a ", "1,", "a.", "a@", "(", "<a ", "가 ", "=a&"]
IMPORTED_ONLY_BY_THEIR_PROCESS = re.compile(
    r"\.__main__$|\.sandbox\.|\.child$|voice_child$|\.migrations\.|^stagepass\.worker"
)


def modules() -> Iterator[Any]:
    for found in pkgutil.walk_packages(stagepass.__path__, "stagepass."):
        if not IMPORTED_ONLY_BY_THEIR_PROCESS.search(found.name):
            yield importlib.import_module(found.name)


def compiled(value: Any, depth: int = 0) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 3 and isinstance(value, dict):
        for inner in value.values():
            yield from compiled(inner, depth + 1)
    elif depth < 3 and isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from compiled(inner, depth + 1)


def written() -> Iterator[re.Pattern[Any]]:
    """Patterns that stand in a call, such as ``re.sub(r"…", …)``."""
    root = Path(stagepass.__file__).parent
    for file in root.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "re"
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and isinstance(node.args[0].value, str | bytes)
                and node.func.attr != "escape"
            ):
                yield re.compile(node.args[0].value)


def patterns() -> dict[int, re.Pattern[Any]]:
    found = [pattern for module in modules() for value in list(vars(module).values()) for pattern in compiled(value)]
    unique = {(pattern.pattern, pattern.flags): pattern for pattern in [*found, *written()]}
    # by number, since a set's order may be part of a pattern that is made of it
    return dict(enumerate(unique.values()))


PATTERNS = patterns()


def own_seeds(pattern: re.Pattern[Any]) -> list[str]:
    """What the pattern itself speaks of: its runs of letters and signs, which come nearest to a match."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    return list(dict.fromkeys(re.findall(r"[A-Za-z가-힣0-9:/@.\-]{2,12}", source)))[:3]


def cost(pattern: re.Pattern[Any], text: Any) -> float:
    began = time.thread_time()
    for _ in pattern.finditer(text):
        pass
    pattern.fullmatch(text)
    return time.thread_time() - began


@pytest.mark.parametrize("number", range(len(PATTERNS)))
def test_a_pattern_takes_time_in_step_with_the_text(number: int) -> None:
    pattern = PATTERNS[number]
    for seed in [*SEEDS, *own_seeds(pattern)]:
        small, large = ((seed * size)[:size] + "\x01" for size in (SMALL, 4 * SMALL))
        if isinstance(pattern.pattern, bytes):
            small, large = small.encode(), large.encode()  # type: ignore[assignment]
        took = cost(pattern, large)
        if took > NOISE:  # a second time, since the first may have met a collection of garbage
            took = min(took, cost(pattern, large))
            assert took < MOST * max(cost(pattern, small), NOISE / 4), f"{pattern.pattern!r} on {seed!r} repeated"


def test_there_are_patterns_to_look_at() -> None:
    assert len(PATTERNS) > 300


# ── processes ──


def test_every_process_is_given_its_environment() -> None:
    """What is not said is inherited: keys and passwords for whoever takes over a child that reads a stranger's file."""
    silent, said = [], 0
    for file in Path(stagepass.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            if name in ("subprocess.run", "subprocess.Popen", "subprocess.check_output", "subprocess.check_call",
                        "subprocess.call", "asyncio.create_subprocess_exec", "os.system", "os.popen"):  # fmt: skip
                if any(keyword.arg == "env" for keyword in node.keywords):
                    said += 1
                else:
                    silent.append(f"{file.name}:{node.lineno}")
    assert silent == []
    assert said >= 6
