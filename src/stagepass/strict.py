"""JSON values that every reader can hold: finite numbers, whole characters, bounded depth.

JSON has no NaN and no infinities, and a reader may take every number for a double (RFC 8259, section 6).
Python writes and reads such values all the same, and what cannot be read is then found by the next stage.
"""

import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

_LARGEST = sys.float_info.max

# Only a text with one of these can hold what is refused; each pattern looks at every character once.
_LARGE = re.compile(r"[0-9][eE]\+?[0-9]{3}|(?<![0-9])[0-9]{309}")
_WRITTEN = re.compile(r"null|NaN|Infinity|(?<![0-9])[0-9]{309}")


def loads(content: bytes | str) -> Any:
    """The value of a JSON text. Raises `ValueError` with what is wrong, and where."""
    from pydantic_core import from_json  # here, since every command imports this module, and few read JSON

    text = content if isinstance(content, str) else content.decode("utf-8", "replace")
    if not encodable(text):
        raise ValueError("it holds half of a character (a lone surrogate)")
    value = from_json(content, allow_inf_nan=False)
    if _LARGE.search(text):
        refuse(value)
    return value


def check(text: str, value: Callable[[], Any]) -> None:
    """Whether a JSON text that was written here says all that its value held. Raises `Unfit`.

    Args:
        text: the value as it was written.
        value: gives the value; only called where the text may hide something.
    """
    if _WRITTEN.search(text):
        refuse(value())


def dumps(adapter: Any, value: Any) -> str:
    """Serialize `value` with a Pydantic `TypeAdapter`. Raises `Unfit` for values that would not survive a round trip."""
    from pydantic_core import PydanticSerializationError

    try:
        text = str(adapter.dump_json(value), "utf-8")
    except PydanticSerializationError as problem:
        told = str(problem).partition("\n")[0][:200].removeprefix("Error serializing to JSON: ")
        try:
            refuse(adapter.dump_python(value))
        except PydanticSerializationError:
            pass
        raise Unfit("", f"it cannot be written as JSON: {told}") from None
    check(text, lambda: adapter.dump_python(value))
    return text


def refuse(value: Any) -> None:
    """Raises `Unfit` for the first thing in `value` that JSON, or its next reader, cannot hold."""
    for path, wrong in _unfit(value):
        raise Unfit(path, wrong)


class Unfit(ValueError):
    """A value that JSON or its reader cannot represent.

    Args:
        path: where it is, as ``items.2.price``; empty for the value itself.
        wrong: what is wrong with it, and what to send instead.
    """

    def __init__(self, path: str, wrong: str) -> None:
        super().__init__(f"{path}: {wrong}" if path else wrong)
        self.path = path
        self.wrong = wrong


def encodable(text: str) -> bool:
    """Whether UTF-8 can write it: half of a surrogate pair, as of an emoji that was cut in two, it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unfit(value: Any) -> Iterator[tuple[str, str]]:
    """Paths of what is wrong. Without recursion: values from outside may be as deep as they like."""
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        path, one = waiting.pop()
        if isinstance(one, bool) or one is None:
            continue
        if isinstance(one, str):
            if not encodable(one):
                yield path, "it holds half of a character (a lone surrogate); send whole characters"
        elif isinstance(one, float):
            if not -_LARGEST <= one <= _LARGEST:
                yield path, f"{one} is not a number that can be kept; leave it out, or send null"
        elif isinstance(one, int):
            if not -_LARGEST <= one <= _LARGEST:
                yield path, "the number has more than 308 digits, which its readers cannot hold; send it as text"
        elif isinstance(one, dict):
            for name, inner in reversed(one.items()):
                inside = f"{path}.{name}" if path else str(name)
                waiting += [(inside, inner), *([(path, name)] if isinstance(name, str) else [])]
        elif isinstance(one, list | tuple | set | frozenset):
            waiting += [(f"{path}.{n}" if path else str(n), inner) for n, inner in enumerate(one)][::-1]
