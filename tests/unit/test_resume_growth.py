"""Reading takes time in step with a text's length, whatever a stranger wrote: measured by growth, not by the clock."""

import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from datetime import date
from importlib import import_module
from inspect import signature
from typing import Any

import pytest

import stagepass.pipelines.resume as package
from stagepass.pipelines.resume.parsing.contacts import without_contacts
from stagepass.pipelines.resume.parsing.profile import read_profile
from stagepass.pipelines.resume.request import ResumeRequest

HOSTILE = [
    "1,", "1", "1.", "1 ", "2019.", "2019.03 ~ 2022.11 ", "2019.03 ~ 2022.11\n", "a@", "a.", "aaaa ", "java ", "java", "- ", "-", "* ", " ", "\t| ",
    "(", "경력 ", "경력: ", "주소 ", "3년 ", "백엔드 개발자 ", "engineer ", "개발", "줄였습니다. ", "built ", "Mar ", "|a", "a/", "·", "가", "가나 ",
    "A B ", "㈜", "(주)a ", "https://", "01012345678 ", "+1 ", ": ", "a: ", "38%→31% ", "from 8 to 5 ", "~", "\n", "a\n", "\n- built 3 shops",
    "3 years ", "worked for ", "Seo Mina\n", "x,", "; ", "800ms에서 ", "\"a", "【", "Inc ", "수료 ", "‘", "<!--", "\\documentclass",
]  # fmt: skip
SIGNS = [
    "1,",
    "1",
    "1.",
    "1 ",
    "2019.",
    "a@",
    "a.",
    "a",
    "a ",
    "A b ",
    "- ",
    " ",
    "\n",
    "(",
    "가",
    "가 ",
    "경력: ",
    "|",
    "~",
    '"a',
    "Mar ",
    "3 years ",
]
"""For each pattern by itself: a few letters of every sort."""
SMALL = 1500
MOST = 9.0
"""How often the work of four times the text may be done: four times is linear, sixteen times is quadratic."""
NOISE = 0.004
"""Seconds below which nothing is told."""


def cost(act: Callable[[str], object], text: str) -> float:
    best = float("inf")
    for _ in range(2):
        began = time.thread_time()
        act(text)
        best = min(best, time.thread_time() - began)
    return best


def growth(act: Callable[[str], object], seed: str, small: int = SMALL) -> float:
    large = cost(act, (seed * small * 4)[: small * 4])
    return large / max(cost(act, (seed * small)[:small]), NOISE / 4) if large > NOISE else 0.0


def read(text: str) -> None:
    read_profile(text, ResumeRequest.model_construct(language="", target_role=""), date(2026, 11, 30))
    without_contacts(text)


@pytest.mark.parametrize("seed", HOSTILE)
def test_a_hostile_text_is_read_in_step_with_its_length(seed: str) -> None:
    assert growth(read, seed) < MOST


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Every compiled pattern of the package: in its modules, and behind functions that make one once."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if module.name.endswith(".child"):
            continue
        for name, value in vars(import_module(module.name)).items():
            made = value() if hasattr(value, "cache_info") and not signature(value).parameters else value
            for pattern in _within(made):
                yield f"{module.name.removeprefix(package.__name__)}.{name}", pattern


def _within(value: Any) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        if isinstance(value.pattern, str):
            yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _within(each)
    elif isinstance(value, dict):
        yield from _within(list(value.values()))


def test_every_pattern_takes_time_in_step_with_the_text() -> None:
    slow = {
        (name, seed): ratio
        for name, pattern in patterns()
        for seed in SIGNS
        if (ratio := growth(lambda text, p=pattern: sum(1 for _ in p.finditer(text)), seed, 1000)) >= MOST  # type: ignore[misc]
    }
    assert slow == {}


def test_a_pattern_that_grows_faster_is_found() -> None:
    assert (
        growth(lambda text: re.search(r"\d[\d,]*x", re.sub(",", "", text)) or re.findall(r"\d[\d,]*x", text), "1,")
        >= MOST
    )
