"""Messages for people: one JSON file per language, from a code to a text with {named} parameters.

    {"song.waiting": "노래를 만드는 중, {seconds}초", "lyric.done": "{name:을/를} 위한 가사"}

A Korean parameter may carry the particle after it. A text is always found: what one language lacks,
English gives, and what English lacks is shown by its code, since a missing sentence must not
hide the event that it tells of.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Self

from stagepass.content.particles import PAIRS, attach
from stagepass.errors import DeclarationError

FALLBACK = "en"

_TOKEN = re.compile(r"(?P<brace>\{\{|\}\})|\{(?P<name>[a-z_][a-z0-9_]*)(?::(?P<pair>[^{}]*))?\}|(?P<stray>[{}])")


@dataclass(frozen=True, slots=True)
class _Slot:
    name: str
    pair: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """One text, taken apart: plain parts and slots in turn."""

    parts: tuple[str | _Slot, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take `text` apart. Raises ValueError for a stray brace or an unknown particle."""
        parts: list[str | _Slot] = []
        end = 0
        for token in _TOKEN.finditer(text):
            parts.append(text[end : token.start()])
            end = token.end()
            if token["stray"]:
                raise ValueError(f"stray {token['stray']!r}; write {{name}}, {{name:을/를}}, or double it")
            if token["brace"]:
                parts.append(token["brace"][0])
                continue
            if token["pair"] is not None and token["pair"] not in PAIRS:
                raise ValueError(f"{token[0]} names no particles; known are {', '.join(sorted(PAIRS))}")
            parts.append(_Slot(token["name"], token["pair"]))
        return cls((*(part for part in parts if part != ""), text[end:]))

    @property
    def parameters(self) -> frozenset[str]:
        """The names of its slots."""
        return frozenset(part.name for part in self.parts if isinstance(part, _Slot))

    def fill(self, parameters: Mapping[str, Any]) -> str:
        """The text with `parameters` in their slots; a slot without one stays to be seen, as ``{name}``."""
        return "".join(part if isinstance(part, str) else _fill(part, parameters) for part in self.parts)


class Catalogue:
    """The messages of one or several packages, in every language they come in."""

    def __init__(self, texts: Mapping[str, Mapping[str, str]], *, source: str = "catalogue") -> None:
        """Take texts by language and code. Raises `DeclarationError` naming the source, language and code."""
        self._messages: dict[str, dict[str, Message]] = {}
        for language, by_code in texts.items():
            for code, text in by_code.items():
                try:
                    self._messages.setdefault(language, {})[code] = Message.parse(text)
                except ValueError as error:
                    raise DeclarationError(f"{source}, {language}, {code!r}: {error}") from None

    @classmethod
    def load(cls, package: str, folder: str = "locale") -> Self:
        """Read ``folder/<language>.json`` of an importable package, from a source tree or a wheel."""
        place = files(package) / folder
        if not place.is_dir():
            raise DeclarationError(f"package {package} has no folder {folder!r}")
        texts = {
            file.name.removesuffix(".json"): _read(file.read_text("utf-8"), f"{package}/{folder}/{file.name}")
            for file in sorted(place.iterdir(), key=lambda file: file.name)
            if file.name.endswith(".json")
        }
        return cls(texts, source=f"{package}/{folder}")

    def __or__(self, other: "Catalogue") -> "Catalogue":
        """Both catalogues as one; where both have a code, `other` wins."""
        both = Catalogue({})
        for language in (*self._messages, *other._messages):
            both._messages[language] = {**self._messages.get(language, {}), **other._messages.get(language, {})}
        return both

    @property
    def languages(self) -> frozenset[str]:
        """The languages it has texts in."""
        return frozenset(self._messages)

    def codes(self, language: str) -> frozenset[str]:
        """The codes that a language has a text for."""
        return frozenset(self._messages.get(language, ()))

    def text(self, code: str, language: str = FALLBACK, /, **parameters: Any) -> str:
        """The message `code` in `language` (``ko``, ``ko-KR``), or in English where it cannot be given in full."""
        chosen = match(language, self.languages) or FALLBACK
        found = [
            message
            for candidate in dict.fromkeys((chosen, FALLBACK))
            if (message := self._messages.get(candidate, {}).get(code))
        ]
        if not found:
            return code
        whole = (message for message in found if message.parameters <= parameters.keys())
        return next(whole, found[-1]).fill(parameters)

    def problems(self) -> list[str]:
        """Differences between the languages: missing codes and differing parameters, one sentence each."""
        return [
            problem
            for code in sorted({code for by_code in self._messages.values() for code in by_code})
            for problem in self._problems_of(code)
        ]

    def _problems_of(self, code: str) -> Iterable[str]:
        have = {language: by_code[code] for language, by_code in sorted(self._messages.items()) if code in by_code}
        for language in sorted(self.languages - have.keys()):
            yield f"{code}: no text in {language}"
        first, *others = have.items()
        for language, message in others:
            if message.parameters != first[1].parameters:
                yield (
                    f"{code}: {language} takes {_names(message.parameters)}, "
                    f"{first[0]} takes {_names(first[1].parameters)}"
                )


def match(tag: str, available: Iterable[str]) -> str | None:
    """The available language for a tag, cut short from its end until one fits (RFC 4647 lookup)."""
    by_name = {language.lower(): language for language in available}
    parts = tag.strip().lower().replace("_", "-").split("-")
    names = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((by_name[name] for name in names if name in by_name), None)


def negotiate(header: str | None, available: Iterable[str], default: str = FALLBACK) -> str:
    """The best available language for an ``Accept-Language`` header; `default` where none fits.

    Parts that are not well formed are passed over, as browsers and bots send them.
    """
    known = list(available)
    wishes: list[tuple[float, str]] = []
    # 1,000 characters hold every honest header; the rest is not worth the parsing.
    for part in (header or "")[:1000].split(","):
        wish = re.fullmatch(r"\s*([A-Za-z0-9*-]+)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?", part)
        if wish and (weight := float(wish[2] or 1)) > 0:
            wishes.append((weight, wish[1]))
    for _, tag in sorted(wishes, key=lambda wish: -wish[0]):
        if tag == "*":
            return default
        if found := match(tag, known):
            return found
    return default


def _fill(slot: _Slot, parameters: Mapping[str, Any]) -> str:
    if slot.name not in parameters:
        return f"{{{slot.name}}}"
    value = str(parameters[slot.name])
    return attach(value, slot.pair) if slot.pair else value


def _read(text: str, source: str) -> dict[str, str]:
    def no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        twins = sorted({code for code, _ in pairs if [c for c, _ in pairs].count(code) > 1})
        if twins:
            raise DeclarationError(f"{source}: twice in the file: {', '.join(twins)}")
        return dict(pairs)

    try:
        content = json.loads(text, object_pairs_hook=no_twins)
    except json.JSONDecodeError as error:
        raise DeclarationError(f"{source}: not JSON: {error}") from None
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise DeclarationError(f"{source}: must be one object from code to text")
    return content


def _names(parameters: frozenset[str]) -> str:
    return "{" + ", ".join(sorted(parameters)) + "}"
