"""The local eyes: an ImageNet classifier whose classes are mapped to the vocabulary, and the person's own words.

How sure it is, is how likely the classifier finds all classes of that group together. What the
classifier does not know (it has no class for a drink can, nor for a battery) it does not pretend to know.
"""

import functools
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from stagepass.pipelines.scan.models import Category, Seen, Sight
from stagepass.pipelines.scan.vocabulary import Group, read, vocabulary
from stagepass.providers.local.text import writes
from stagepass.providers.ports import TextRequest

if TYPE_CHECKING:
    from PIL.Image import Image

    from stagepass.providers.local.vision import Guess

AT_ALL = 0.25
"""Below this share of the best group nothing is said to be seen."""

SURE = 0.6
"""A part of the photo holds an object of its own from this share on."""

NAMED = 0.75
"""The confidence where a person names the object and the photo does not speak against it."""

DARK = 35
"""Mean brightness (0 to 255) below which a photo is called dark."""


@writes("scan.vision", model="efficientnet-lite0")
def write_sight(request: TextRequest) -> Sight:
    """Answer ``scan.vision``: look at the photo, and read what the person says about it."""
    from stagepass.providers.local.vision import Classifier, opened  # NumPy and a network: only for those who look

    question = str(request.facts["user_input"])
    photo = opened(request.images[0])
    classifier = Classifier()
    found = _grouped(classifier.look([photo])[0])
    objects = [_object(found[0], request_tags(question))]
    if found[0].share < SURE and (parts := _parts(photo)):
        objects = _several(classifier.look(parts), objects)
    alternatives = [_object(one, []) for one in found[1:4] if one.share >= 0.05 and one.group is not None]
    sight = _by_name(Sight(objects=objects, alternatives=alternatives[:3]), named(question))
    first = sight.objects[0]
    first.situation_tags = list(dict.fromkeys([*first.situation_tags, *_photo_tags(photo)]))
    _if_broken(first)
    return sight


# ── what the classifier says ─────────────────────────────────────────────────────────────────────


class _Share:
    """How likely one group is, and its likeliest item."""

    def __init__(self, group: Group | None, share: float, item: str | None) -> None:
        self.group, self.share, self.item = group, share, item


def _grouped(guesses: "list[Guess]") -> list[_Share]:
    """The groups, the most likely first; a group of None, if the photo shows nothing that is known."""
    shares: dict[str, float] = defaultdict(float)
    items: dict[str, str | None] = {}
    for guess in guesses:  # the most likely first, so the first of a group names its item
        if (known := _classes().get(guess.number)) is not None:
            group, item = known
            shares[group] += guess.share
            items.setdefault(group, item)
    ranked = sorted(shares, key=lambda name: -shares[name])
    found = [_Share(vocabulary().groups[name], shares[name], items[name]) for name in ranked]
    if not found or found[0].share < AT_ALL:
        found.insert(0, _Share(None, found[0].share if found else 0.0, None))
    return found


def _object(one: _Share, tags: list[str]) -> Seen:
    if one.group is None:
        unknown = vocabulary().unknown
        category = Category(major_category=unknown, middle_category=unknown)
        return Seen(classification=category, situation_tags=[*tags, "not_waste"], confidence=one.share)
    category = Category(major_category=one.group.major, middle_category=one.group.middle, minor_category=one.item)
    return Seen(classification=category, situation_tags=tags, confidence=min(1.0, one.share))


@functools.cache
def _classes() -> dict[int, tuple[str, str | None]]:
    """By ImageNet's number: the group, and the item if one fits."""
    found: dict[int, tuple[str, str | None]] = {}
    for number, item in read("imagenet")["classes"].items():
        if item.startswith("@"):
            found[int(number)] = (item[1:], None)
        else:
            group = vocabulary().group_of_item(item)
            assert group is not None, item
            found[int(number)] = (group.id, item)
    return found


def _parts(photo: "Image") -> "list[Image]":
    """The two halves of the longer side, and of the other."""
    width, height = photo.size
    middle = (width // 2, height // 2)
    boxes = [(0, 0, middle[0], height), (middle[0], 0, width, height), (0, 0, width, middle[1]), (0, middle[1], width, height)]  # fmt: skip
    return [photo.crop(box) for box in boxes]


def _several(looks: "list[list[Guess]]", whole: list[Seen]) -> list[Seen]:
    """What both halves show for sure, where that is not the same."""
    tops = [_grouped(look)[0] for look in looks]
    for one, other in ((tops[0], tops[1]), (tops[2], tops[3])):
        sure = min(one.share, other.share) >= SURE
        if sure and one.group and other.group and one.group != other.group:
            tags = whole[0].situation_tags
            return [_object(part, tags if part is one else []) for part in (one, other)]
    return whole


# ── what the person says ─────────────────────────────────────────────────────────────────────────


def request_tags(question: str) -> list[str]:
    """Tags of the state that the person describes."""
    return [tag for tag, patterns in _hints().items() if any(pattern.search(question) for pattern in patterns)]


def named(question: str) -> list[str]:
    """The items that the person names, in the order of the question; of names within one another the longest."""
    text = " ".join(question.lower().split())
    places = {place: name for name in sorted(_names(), key=len) if name in text and (place := _place(name, text)) >= 0}
    return list(dict.fromkeys(_names()[name] for name in _apart(places)))


def _place(name: str, text: str) -> int:
    """Where it stands, or -1. Korean words grow particles, so a name begins a word; an English one is a word."""
    if re.search("[가-힣]", name):
        found = re.search(rf"(?<![가-힣]){re.escape(name)}", text)
    else:
        found = re.search(rf"\b{re.escape(name)}(e?s)?\b", text)
    return found.start() if found else -1


def _apart(places: dict[int, str]) -> list[str]:
    names, end = [], 0
    for place in sorted(places):
        if place >= end:
            names.append(places[place])
            end = place + len(places[place])
    return names


@functools.cache
def _names() -> dict[str, str]:
    names: dict[str, str] = dict(read("hints")["names"])
    for group in vocabulary().groups.values():
        for korean, english in group.items.items():
            plain = re.sub(r"\(.*?\)", "", korean).strip()
            if len(plain) > 1:
                names[plain] = korean
            names[english.lower()] = korean
    return names


@functools.cache
def _hints() -> dict[str, list[re.Pattern[str]]]:
    return {tag: [re.compile(p, re.IGNORECASE) for p in patterns] for tag, patterns in read("hints")["tags"].items()}


def _by_name(sight: Sight, items: list[str]) -> Sight:
    """The photo and the person's word together: where they agree it is surer, where they clash it is asked."""
    if not items:
        return sight
    seen = sight.objects[0].classification.middle_category
    groups = {item: group for item in items if (group := vocabulary().group_of_item(item))}
    item = next((item for item, group in groups.items() if group.middle == seen), items[0])
    group = groups[item]
    first = sight.objects[0]
    category = Category(major_category=group.major, middle_category=group.middle, minor_category=item)
    told = Seen(classification=category, situation_tags=first.situation_tags, confidence=NAMED)
    told.situation_tags = [tag for tag in told.situation_tags if tag != "not_waste"]
    if first.classification.middle_category == group.middle:
        told.confidence = max(first.confidence, NAMED)
        return Sight(objects=[told, *sight.objects[1:]], alternatives=sight.alternatives)
    if first.confidence < SURE:
        return Sight(objects=[told], alternatives=sight.alternatives)
    first.confidence = min(first.confidence, 0.5)
    told.confidence = 0.5
    return Sight(objects=sight.objects, alternatives=[told, *sight.alternatives][:3])


# ── its state ────────────────────────────────────────────────────────────────────────────────────


def _photo_tags(photo: "Image") -> list[str]:
    from PIL import ImageStat

    return ["too_dark"] if ImageStat.Stat(photo.convert("L")).mean[0] < DARK else []


def _if_broken(seen: Seen) -> None:
    """Broken glass goes elsewhere than whole glass, and a broken fluorescent lamp is a danger of its own."""
    if "broken" not in seen.situation_tags:
        return
    if seen.classification.middle_category == vocabulary().groups["glass"].middle:
        group = vocabulary().groups["nonburnable"]
        seen.classification = Category(
            major_category=group.major, middle_category=group.middle, minor_category="깨진 유리"
        )
        seen.situation_tags.append("sharp_edges")
    elif seen.classification.middle_category == vocabulary().groups["lamp"].middle:
        seen.situation_tags.append("lamp_broken")
