"""Reads one JSON value out of text, in the dialects that models write.

Strict JSON is read as JSON. Beyond it, only spellings with one meaning are accepted: comments, trailing commas, raw
line breaks in strings, other quotation marks, unquoted keys, Python's and JavaScript's literals, unusual spaces.
Nothing is completed or guessed: a value without its end is broken, and a string's content stays as it was written.
The cost is linear in what is read, and the depth is bounded.
"""

import re
from typing import Any

DEEPEST = 100
"""Levels of objects and lists in each other."""

_QUOTES = {'"': '"', "'": "'", "`": "`", **dict.fromkeys("“”„‟", '“”„‟"'), **dict.fromkeys("‘’‚‛", "‘’‚‛'"), "«": "»"}
"""By a string's first character, those that end it."""

_CHUNKS = {marks: re.compile(f"[^{marks}\\\\]*+") for marks in set(_QUOTES.values())}
_SPACE = re.compile(r"[\s\ufeff\u180e\u200b-\u200f\u2060\xad]*+")
_NAME = re.compile(r"[^\W\d][\w$-]*+|\$[\w$-]*+")
_NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9]\d*+)(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?", re.ASCII)
_WORD = re.compile(r"[+-]?[A-Za-z]++")
_HEX = re.compile(r"[0-9a-fA-F]{4}")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": ""}
_COLONS, _COMMAS = ":：", ",，"
_AFTER_VALUE = _COMMAS + "}]"

_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "none": None}
_ENDLESS = {"nan", "infinity", "inf"}
_MOST_DIGITS = 400
"""Digits of an integer beyond which it is larger than every number that JSON readers hold."""


class Broken(Exception):
    """There is no whole value here.

    Args:
        at: how far the text was read.
        too_deep: it was given up since it has more than `DEEPEST` levels.
    """

    def __init__(self, at: int, *, too_deep: bool = False) -> None:
        super().__init__(at)
        self.at = at
        self.too_deep = too_deep


class Dialect:
    """A text, and the values in it.

    Numbers that JSON cannot represent (``NaN``, ``1e999``) are read as non-finite floats, so that a user of the
    value can say where they stand.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._last_comment = text.rfind("*/")

    def value(self, at: int) -> tuple[Any, int]:
        """The object or list that begins at `at`, and where it ends. Raises `Broken`."""
        return self._value(at, 1)

    def _value(self, at: int, depth: int) -> tuple[Any, int]:
        first = self._text[at : at + 1]
        if first and first in "{[":
            if depth > DEEPEST:
                raise Broken(at, too_deep=True)
            return self._object(at, depth) if first == "{" else self._list(at, depth)
        if first and first in _QUOTES:
            return self._string(at, _AFTER_VALUE)
        if number := _NUMBER.match(self._text, at):
            return self._ended(_number(number[0]), number.end())
        if word := _WORD.match(self._text, at):
            return self._ended(self._word(word[0], at), word.end())
        raise Broken(at)

    def _object(self, at: int, depth: int) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        at = self._gap(at + 1)
        while not self._text.startswith("}", at):
            key, at = self._key(at)
            at = self._gap(self._past(_COLONS, self._gap(at)))
            found[key], at = self._value(at, depth + 1)
            at = self._separated("}", at)
        return found, at + 1

    def _list(self, at: int, depth: int) -> tuple[list[Any], int]:
        found: list[Any] = []
        at = self._gap(at + 1)
        while not self._text.startswith("]", at):
            entry, at = self._value(at, depth + 1)
            found.append(entry)
            at = self._separated("]", at)
        return found, at + 1

    def _separated(self, end: str, at: int) -> int:
        """Past the comma after an entry; a last one is allowed to have none."""
        at = self._gap(at)
        return at if self._text.startswith(end, at) else self._gap(self._past(_COMMAS, at))

    def _past(self, wanted: str, at: int) -> int:
        if self._text[at : at + 1] not in tuple(wanted):
            raise Broken(at)
        return at + 1

    def _key(self, at: int) -> tuple[str, int]:
        if self._text[at : at + 1] in _QUOTES:
            return self._string(at, _COLONS)
        name = _NAME.match(self._text, at)
        if name is None:
            raise Broken(at)
        return name[0], name.end()

    def _ended(self, value: Any, at: int) -> tuple[Any, int]:
        """A bare word or number ends where something else begins."""
        after = self._text[at : at + 1]
        if after and not (after in _AFTER_VALUE or after in "/#" or _SPACE.fullmatch(after)):
            raise Broken(at)
        return value, at

    def _word(self, word: str, at: int) -> Any:
        plain = word.lstrip("+-").lower()
        if plain in _ENDLESS:
            return float(word)
        if plain not in _WORDS or plain != word.lower():
            raise Broken(at)
        return _WORDS[plain]

    def _gap(self, at: int) -> int:
        """Past spaces and comments."""
        text = self._text
        while True:
            space = _SPACE.match(text, at)
            at = space.end() if space else at
            if text.startswith("/*", at) and at < self._last_comment:
                at = text.index("*/", at + 2) + 2 if at + 2 <= self._last_comment else len(text)
            elif text.startswith(("//", "#"), at):
                line = text.find("\n", at)
                at = len(text) if line < 0 else line
            else:
                return at

    # ── strings ──

    def _string(self, at: int, follows: str) -> tuple[str, int]:
        """A string, and where it ends. A mark inside of it that ends nothing is a part of it.

        Args:
            follows: what stands behind its end.
        """
        text, marks = self._text, _QUOTES[self._text[at]]
        if text.startswith('"""', at):
            return self._block(at + 3)
        parts: list[str] = []
        at += 1
        while True:
            chunk = _CHUNKS[marks].match(text, at)
            assert chunk is not None
            parts.append(chunk[0])
            at = chunk.end()
            if text.startswith("\\", at):
                part, at = self._escape(at + 1)
                parts.append(part)
                continue
            after = self._gap(at + 1)
            if text[after : after + 1] in tuple(follows):
                return _joined(parts), at + 1
            if follows == _COLONS or not self._is_inside(at + 1):
                raise Broken(max(at, after))
            parts.append(text[at])
            at += 1

    def _is_inside(self, at: int) -> bool:
        """Whether a mark that ends nothing is a part of the text: only words of the same line may follow it."""
        space = _SPACE.match(self._text, at)
        after = space.end() if space else at
        behind = self._text[after : after + 1]
        return bool(behind) and behind not in _QUOTES and behind not in "/#:：" and "\n" not in self._text[at:after]

    def _block(self, at: int) -> tuple[str, int]:
        end = self._text.find('"""', at)
        if end < 0:
            raise Broken(len(self._text))
        return self._text[at:end], end + 3

    def _escape(self, at: int) -> tuple[str, int]:
        """The character of an escape before `at`; an escape that JSON does not know is kept unchanged."""
        char = self._text[at : at + 1]
        if char == "u":
            code = _HEX.match(self._text, at + 1)
            if code is None:
                raise Broken(at)
            return chr(int(code[0], 16)), code.end()
        if not char:
            raise Broken(at)
        if char in _ESCAPES:
            return _ESCAPES[char], at + 1
        return (char if char in _QUOTES or char in "\\/" else f"\\{char}"), at + 1


def _number(text: str) -> int | float:
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text) if len(text) <= _MOST_DIGITS else float(f"{text[0].strip('0123456789')}inf")
    return float(text)


def _joined(parts: list[str]) -> str:
    """With the halves of a character that was escaped in two put together; a half alone stays one."""
    text = "".join(parts)
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    except UnicodeDecodeError:
        return text
