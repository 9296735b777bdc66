"""Stored result or error of a call inside a stage: a separate memo, next to the stage's.

    ~wait:song          {"call": "5f…", "value": …}                     it returned
    ~run:square#2       {"call": "5f…", "error": {"type": …, …}}        it raised
    ~sleep:a day        {"call": "5f…", "until": 1800000000000}         it is under way, or over since then

A name begins with its kind; the second call of a kind and name is ``#2``. ``call`` is the hash of what identifies
the call. The names and values of `ctx.once` are the author's own and stand as they are.
"""

import hashlib
import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from stagepass.errors import CallChanged, Permanent, StageError

LONGEST_NAME = 80
"""Characters of a memo's name."""

LONGEST_TEXT = 2000
"""Characters of an error's text that are kept."""

_HEAD = '{"call":"%s","value":'
_TYPED = '{"call":"%s","type":"%s","value":'


@dataclass(frozen=True, slots=True)
class Record:
    """A kept call: `text` is the JSON of what it returned, or `error` says what it raised."""

    call: str
    text: str | None = None
    kind: str = ""
    error: dict[str, Any] | None = None
    until: int | None = None
    facts: dict[str, Any] | None = None


def kept_name(name: str) -> str:
    """The name as it is stored: blanks at its end are made visible, since MySQL compares names without them."""
    bare = name.rstrip(" ")
    return bare + "\u2423" * (len(name) - len(bare))


def numbered(name: str, number: int) -> str:
    """The name of the `number`-th call of that name."""
    return name if number == 1 else f"{name}#{number}"


def record_name(kind: str, name: str) -> str:
    """The memo's name of a record. A long name, or one that databases compare differently, is shortened to a hash."""
    plain = f"~{kind}:{name}"
    if len(plain) <= LONGEST_NAME and plain.isprintable() and plain.isascii() and not plain.endswith(" "):
        return plain
    return f"~{kind}:{name[:24].encode('ascii', 'replace').decode()}~{digest(name)}"


def digest(*parts: Any) -> str:
    """The hash of what identifies a call."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def returned(call: str, text: str, kind: str = "") -> str:
    """The record of a call that returned; `text` is JSON, `kind` the class that reads it (`class_name`)."""
    return (_TYPED % (call, kind) if kind else _HEAD % call) + text + "}"


def raised(call: str, problem: Exception) -> str:
    """The record of a call that raised."""
    return json.dumps({"call": call, "error": _facts(problem)}, ensure_ascii=False)


def under_way(call: str, until: int, **facts: Any) -> str:
    """The record of a call that has begun, and that is over at that time at the latest."""
    return json.dumps({"call": call, "until": until, **facts}, ensure_ascii=False)


def read(value: str) -> Record:
    """A record as it was kept."""
    call, kind = value[9:25], value[35:].partition('"')[0]
    for head in (_HEAD % call, _TYPED % (call, kind)):
        if value.startswith(head):
            return Record(call, text=value[len(head) : -1], kind=kind if "type" in head else "")
    found = json.loads(value)
    return Record(found["call"], error=found.get("error"), until=found.get("until"), facts=found)


def check(record: Record, call: str, name: str) -> None:
    """Raises `CallChanged` when the record is of another call than the one that stands here now."""
    if record.call != call:
        raise changed(name)


def changed(name: str) -> CallChanged:
    kind, _, own = name.removeprefix("~").partition(":")
    return CallChanged(
        f"{kind}({own!r}) of this stage run was kept with other arguments than those it is called with now",
        advice="raise the pipeline's version when the code of a stage changes, so that jobs under way keep the old "
        "one; compute what changes from pass to pass inside ctx.once; make this stage again to begin without its records",
    )


# ── errors ──


def _facts(problem: Exception) -> dict[str, Any]:
    """An exception as JSON: its class, and what makes it again."""
    facts: dict[str, Any] = {"type": class_name(type(problem))}
    if isinstance(problem, StageError):
        _, (_, message, kwargs) = problem.__reduce__()
        facts |= {"code": problem.code, "message": message[:LONGEST_TEXT], "kwargs": _plain(kwargs)}
    else:
        facts |= {"message": str(problem)[:LONGEST_TEXT], "args": _plain(list(problem.args))}
    return facts


def _plain(value: Any) -> Any:
    """As JSON; other values are dropped, so that the exception is rebuilt from its message."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return None
    return json.loads(text) if len(text) <= 4 * LONGEST_TEXT else None


def rebuilt(facts: dict[str, Any]) -> Exception:
    """The exception of a record. A class that is not here any more is given as `Permanent` with the same text."""
    kind, message = _class(facts["type"]), facts.get("message", "")
    with suppress(Exception):  # its constructor may take something else
        if kind is not None and issubclass(kind, StageError):
            return kind(message, **(facts.get("kwargs") or {}))
        if kind is not None:
            args = facts.get("args")
            return kind(*(args if args is not None else [message]))
    return Permanent(f"{facts['type'].rpartition(':')[2]}: {message}" if message else facts["type"])


def _class(name: str) -> type[Exception] | None:
    found = find_class(name)
    return found if found is not None and issubclass(found, Exception) else None


# ── classes ──


def class_name(kind: type) -> str:
    """Name of a class in a record."""
    name = f"{kind.__module__}:{kind.__qualname__}"
    if "<locals>" in name and len(_local) < 1000:
        _local[name] = kind
    return name


def find_class(name: str) -> type | None:
    """A class that is loaded already; nothing is imported for a text of the database."""
    module, _, path = name.partition(":")
    found: Any = _local.get(name) or sys.modules.get(module)
    if name not in _local:
        for part in path.split("."):
            found = getattr(found, part, None)
    return found if isinstance(found, type) else None


_local: dict[str, type] = {}
"""Classes made inside functions, as this process has met them: nothing else finds them by their name."""
