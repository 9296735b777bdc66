"""Tags: short ``key=value`` texts by which people find jobs: a customer, an order, a release. Never secrets."""

import re
from collections.abc import Iterable, Mapping

from stagepass.errors import InvalidInput
from stagepass.sentences import sentence
from stagepass.strict import encodable
from stagepass.text import clean

MOST = 20
"""Tags of one job."""

LONGEST_VALUE = 200

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,58}[a-z0-9])?")
_SECRET = re.compile(r"passw|secret|token|credential|(?:api|access|private).?key")


def read_tags(given: Mapping[str, object] | Iterable[str] | None) -> dict[str, str]:
    """Check tags, given by name or as texts ``name=value``.

    Raises:
        InvalidInput: names the tag.
    """
    pairs = given.items() if isinstance(given, Mapping) else map(pair_of, given or ())
    tags: dict[str, str] = {}
    for name, value in pairs:
        if name in tags:
            raise InvalidInput(sentence("the tag {name} is given twice", name=name), field="tags")
        tags[name_of(name)] = _value(name, value)
    if len(tags) > MOST:
        raise InvalidInput(sentence("a job has at most {most} tags", most=MOST), field="tags")
    return tags


def read_wanted(given: Iterable[str]) -> tuple[tuple[str, str | None], ...]:
    """Tags to look for: ``name=value``, or ``name`` for any value. Raises `InvalidInput`."""
    found = []
    for text in given:
        name, equals, value = text.partition("=")
        found.append((name_of(name), _value(name, value) if equals else None))
    return tuple(found)


def name_of(name: str) -> str:
    """The name of a tag, if it can be one. Raises `InvalidInput`."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            sentence(
                "a tag name has 1 to 60 lower-case letters and digits, with . _ - in between, not {name}",
                name=f"{name[:80]!a}",
            ),
            field="tags",
        )
    if _SECRET.search(name):
        raise InvalidInput(
            sentence("{name}: a tag is shown to everyone who sees the job; it holds no secret", name=name), field="tags"
        )
    return name


def pair_of(text: str) -> tuple[str, str]:
    """Name and value of ``name=value``. Raises `InvalidInput`."""
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput(sentence("write a tag as name=value, not {text}", text=f"{text[:80]!a}"), field="tags")
    return name, value


def _value(name: str, value: object) -> str:
    text = clean(value, most=LONGEST_VALUE + 1) if isinstance(value, str) and encodable(value) else ""
    if not 1 <= len(text) <= LONGEST_VALUE:
        raise InvalidInput(
            sentence("the tag {name} needs a text of 1 to {most} characters", name=name[:80], most=LONGEST_VALUE),
            field=f"tags.{name[:60]}",
        )
    return text
