"""Reads the value out of a model's answer, whatever stands around it.

A right answer in unusual dress costs no second call; an answer that does not fit, or that could not be stored, is
`Unfit`. Thoughts are no answers. Of several values the one with most of what was asked for is taken, of equals the last.
"""

import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic_core import from_json

from stagepass import strict
from stagepass.providers.vendors.dialect import Broken, Dialect

LONGEST_TEXT = 1_000_000
"""Characters of an answer that are looked at."""

_EFFORT = 8
"""Maximum average number of reads per character while searching for a value."""

_MOST_TRIED = 20
"""Values in an answer that are held against the schema."""

_WRAPPED = 4
"""Levels of objects, lists and strings that may be around the value."""

_EDGES = " \t\r\n\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u180e\u2028\u2029\u202f\u205f\u3000\ufeff\u200b\u200c\u200d\u2060"


class Unfit(Exception):
    """An answer that does not fit; the text says where and why, without the answer itself."""


def read(text: str, schema: type[BaseModel]) -> BaseModel:
    """The value in a model's answer.

    Raises:
        Unfit: there is none, or it does not fit the schema, or holds what JSON cannot hold.
    """
    text = text[:LONGEST_TEXT].strip(_EDGES)
    if not text:
        raise Unfit("the answer is empty")
    if whole := _whole(text):
        return _best(whole, schema)
    problem = Unfit("this is not valid JSON" if _BEGIN.search(text) else "there is no JSON in it")
    for number, dressed in enumerate((text, _unescaped(text), _without_entities(text))):
        if not (values := _inside(dressed)):
            continue
        try:
            return _best(values, schema)
        except Unfit as misfit:
            problem = misfit if number == 0 else problem
    raise problem


# ── the values in a text ─────────────────────────────────────────────────────────────────────────


def _whole(text: str) -> list[Any]:
    """The text as strict JSON, if it is that."""
    try:
        return [from_json(text)]
    except (ValueError, TypeError):  # half a character too, which the other reader takes: an extra field may hold it
        return []


def _unescaped(text: str) -> str:
    """Text in which JSON stands as it would inside of a string; empty where it does not."""
    if not _ESCAPED.search(text):
        return ""
    try:
        return str(json.loads(f'"{_BARE_QUOTE.sub("", text)}"', strict=False))
    except ValueError:
        return ""


def _without_entities(text: str) -> str:
    """Text in which JSON stands as it would in a web page; empty where it does not."""
    return html.unescape(text) if "&quot;" in text or "&#34;" in text else ""


_ESCAPED = re.compile(r'[{\[]\s*+(?:\\n\s*+)*+\\"')
_BARE_QUOTE = re.compile(r'(?<!\\)"')


@dataclass(frozen=True, slots=True)
class _Found:
    value: Any
    start: int
    end: int


def _inside(text: str) -> list[Any]:
    """The objects and lists in a text that are no thoughts, in their order."""
    found = list(_values(text))
    thoughts = _thoughts(text, found)
    return [one.value for one in found if not any(start <= one.start < end for start, end in thoughts)]


def _values(text: str) -> Iterator[_Found]:
    dialect, effort = Dialect(text), _EFFORT * len(text) + 1000
    at = 0
    while effort > 0 and (begin := _BEGIN.search(text, at)):
        start = begin.start()
        try:
            value, end = dialect.value(start)
        except Broken as problem:
            effort -= problem.at - start + 1
            at = problem.at if problem.too_deep else start + 1
        else:
            effort -= end - start
            yield _Found(value, start, end)
            at = end


_BEGIN = re.compile(r"[{\[]")

_TAG = re.compile(
    r"<(?P<shut>/?)(?:\w{1,20}:)?(?:think\w*+|thoughts?|reason\w*+|reflect\w*+|scratch_?pad)(?:\s[^<>]{0,200}+)?>"
    r"|[\[◁](?P<shut_2>/?)think[\]▷]"
    r"|<\|?(?P<shut_3>/|end_of_|begin_of_)?(?:thinking|think|thought)\|?>"
    r"|(?P<final><\|channel\|>final<\|message\|>|<channel\|>)",
    re.IGNORECASE,
)
"""Tags around a model's reasoning."""


def _thoughts(text: str, found: Sequence[_Found]) -> list[tuple[int, int]]:
    """Positions of reasoning. Tags inside values are text; without an opening tag, reasoning starts with the answer."""
    thoughts: list[tuple[int, int]] = []
    opened: int | None = None
    spans = iter(found)
    span = next(spans, None)
    for tag in _TAG.finditer(text):
        while span and span.end <= tag.start():
            span = next(spans, None)
        if span and span.start <= tag.start():
            continue
        shut = tag["shut"] or tag["shut_2"] or (tag["shut_3"] or "").lower() in ("/", "end_of_") or tag["final"]
        if not shut:
            opened = tag.start() if opened is None else opened
        elif opened is not None or not thoughts:
            thoughts.append((opened or 0, tag.end()))
            opened = None
    return thoughts


# ── the value among them ─────────────────────────────────────────────────────────────────────────


def _best(values: Sequence[Any], schema: type[BaseModel]) -> BaseModel:
    """The first that fits, tried from the most likely on. Raises `Unfit` with what is wrong about the most likely."""
    names, required = _names(schema)
    likely = [
        ((_share(value, required), bool(_share(value, names))), -depth, number, value)
        for number, whole in enumerate(values)
        for depth, value in _unwrapped(whole, names)
    ]
    likely.sort(key=lambda one: one[:3], reverse=True)
    problems = []
    for *_, value in likely[:_MOST_TRIED]:
        try:
            return _fitted(value, schema)
        except Unfit as problem:
            problems.append(problem)
    raise problems[0]


def _names(schema: type[BaseModel]) -> tuple[set[str], set[str]]:
    """Field names of the schema in an answer: all of them, and the required ones."""
    names, required = set(), set()
    for name, info in schema.model_fields.items():
        alias = info.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias or info.alias]
        called = {name, *(choice for choice in choices if isinstance(choice, str))}
        names |= called
        if info.is_required():
            required |= called
    return names, required


def _share(value: Any, names: set[str]) -> int:
    return len(names & value.keys()) if isinstance(value, dict) else 0


def _unwrapped(value: Any, names: set[str], depth: int = 0) -> Iterator[tuple[int, Any]]:
    """A value, and those that it is only the wrapping of: ``{"answer": …}``, ``[…]``, JSON as a string."""
    yield depth, value
    if depth >= _WRAPPED:
        return
    inner: list[Any] = []
    if isinstance(value, dict) and not names & value.keys():
        inner = list(value.values())
    elif isinstance(value, list) and len(value) == 1:
        inner = value
    elif isinstance(value, str) and len(value) > 1:
        inner = _whole(value.strip(_EDGES)) or _inside(value)
    for one in inner[:_MOST_TRIED]:
        if isinstance(one, (dict, list, str)):
            yield from _unwrapped(one, names, depth + 1)


def _fitted(value: Any, schema: type[BaseModel]) -> BaseModel:
    try:
        fitted = schema.model_validate(value)
    except ValidationError as problem:
        errors = problem.errors(include_url=False, include_input=False, include_context=False)
        wrong = "; ".join(f"{_place(error['loc'])}: {error['type']}" for error in errors[:10])
        raise Unfit(f"these places do not fit the schema: {wrong}") from None
    except (ValueError, RecursionError):
        raise Unfit("it holds text or numbers that cannot be read") from None
    try:
        strict.refuse(fitted.model_dump())
    except strict.Unfit as problem:
        raise Unfit(f"{_place(problem.path.split('.'))}: {problem.wrong}") from None
    return fitted


def _place(path: Sequence[Any]) -> str:
    """Path within a value, in printable characters."""
    text = ".".join(str(part)[:40] for part in path[:10])
    return text.encode("ascii", "backslashreplace").decode() if text else "value"
