"""The local eyes: an ImageNet classifier whose classes are mapped to the vocabulary, and the person's own words.

How sure it is, is how likely the classifier finds all classes of that group together. What the
classifier does not know (it has no class for a drink can, nor for a battery) it does not pretend to know.
"""

import functools
from collections import defaultdict
from typing import TYPE_CHECKING

from stagepass.pipelines.scan.local.words import confirmed, named, points, request_tags, said_to_be
from stagepass.pipelines.scan.models import Category, Seen, Sight
from stagepass.pipelines.scan.vocabulary import Group, read, vocabulary
from stagepass.providers.local.text import writes
from stagepass.providers.ports import TextRequest

if TYPE_CHECKING:
    from PIL.Image import Image

    from stagepass.providers.local.vision import Guess

AT_ALL = 0.15
"""Below this share of the best group nothing is said to be seen; photos of no waste gave at most 0.10."""

SURE = 0.6
"""A part of the photo holds an object of its own from this share on."""

NAMED = 0.75
"""The confidence where a person names the object and the photo does not speak against it."""

FLAT = 6
"""Standard deviation of brightness below which there is nothing on the photo that could be blurred."""

SHARP = 12
"""Below this sharpness a photo is called blurred."""

POTS = {"화분(도기)", "플라스틱 화분", "유리 꽃병", "사기 꽃병"}
LEAVES = 0.12
"""A pot with more green than this share of the photo holds a plant."""

MOST = 5
"""Objects that one scan answers."""

DARK = 35
"""Mean brightness (0 to 255) below which a photo is called dark."""


@writes("scan.vision", model="efficientnet-lite0")
def write_sight(request: TextRequest) -> Sight:
    """Answer ``scan.vision``: look at the photo, and read what the person says about it."""
    from stagepass.providers.local.vision import Classifier, centre, opened  # NumPy and a network, for those who look

    question = str(request.facts["user_input"])
    photo = opened(request.images[0])
    classifier = Classifier()
    found = _surer([_grouped(look) for look in classifier.look([photo, centre(photo)])])
    objects = [_object(found[0], request_tags(question))]
    if found[0].share < SURE and (parts := _parts(photo)):
        objects = _several(classifier.look(parts), objects)
    least = 0.05 if found[0].group else 0.0  # where nothing is seen, even the faintest guess helps to choose
    alternatives = [_object(one, []) for one in found[1:4] if one.share >= least and one.group is not None]
    sight = _by_name(Sight(objects=objects, alternatives=alternatives[:3]), question)
    first = sight.objects[0]
    first.situation_tags = list(dict.fromkeys([*first.situation_tags, *_photo_tags(photo, first)]))
    return sight


def by_words(question: str) -> Sight:
    """What the words say where the photo shows nothing."""
    return _by_name(Sight(objects=[_object(_Share(None, 0.0, None), request_tags(question))]), question)


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


def _surer(views: list[list[_Share]]) -> list[_Share]:
    """Of several views of a photo the one that shows something most surely."""
    return max(views, key=lambda found: found[0].share if found[0].group else 0.0)


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


# ── together with what the person says ───────────────────────────────────────────────────────────


def _by_name(sight: Sight, question: str) -> Sight:
    """The photo and the person's word together: where they agree it is surer; who asks by name is answered by name.

    It is asked back only where "this battery" is surely something else on the photo. Who says what it is, has been
    asked, or knows: that is not asked again.
    """
    first = sight.objects[0]
    places = first.confidence < SURE or said_to_be(question)
    categories = [_category(name) for name in named(question, places=places)]
    if not categories:
        if confirmed(question) and first.classification.middle_category != vocabulary().unknown:
            first.confidence = max(first.confidence, NAMED)
        return sight
    told = [_told(category, first) for category in categories]
    if told[0].classification.middle_category == first.classification.middle_category:
        return Sight(objects=[*told, *_not_named(sight.objects[1:], told)][:MOST], alternatives=sight.alternatives)
    if len(told) > 1 or first.confidence < SURE or said_to_be(question) or not points(question):
        return Sight(objects=told[:MOST], alternatives=sight.alternatives)
    first.confidence = told[0].confidence = 0.5
    return Sight(objects=sight.objects, alternatives=[told[0], *sight.alternatives][:3])


def _told(category: Category, seen: Seen) -> Seen:
    """A named item with its stated condition; "this bottle" is the one in the photo."""
    told = Seen(classification=category, situation_tags=seen.situation_tags, confidence=NAMED)
    told.situation_tags = [tag for tag in seen.situation_tags if tag != "not_waste"]
    if category.middle_category == seen.classification.middle_category:
        told.confidence = max(seen.confidence, NAMED)
        if category.minor_category is None:
            told.classification = seen.classification
    return told


def _not_named(others: list[Seen], told: list[Seen]) -> list[Seen]:
    groups = {one.classification.middle_category for one in told}
    return [other for other in others if other.classification.middle_category not in groups]


def _category(name: str) -> Category:
    item = None if name.startswith("@") else name
    group = vocabulary().group_of_item(item) if item else vocabulary().groups[name[1:]]
    assert group is not None, name
    return Category(major_category=group.major, middle_category=group.middle, minor_category=item)


# ── its state ────────────────────────────────────────────────────────────────────────────────────


def _photo_tags(photo: "Image", first: Seen) -> list[str]:
    """The photo's own faults, and a living plant in a pot."""
    from PIL import ImageStat

    grey = photo.convert("L")
    light = ImageStat.Stat(grey)
    dark = light.mean[0] < DARK
    blurred = not dark and light.stddev[0] > FLAT and _sharpness(grey) < SHARP
    plant = first.classification.minor_category in POTS and _green(photo) > LEAVES
    found = {"too_dark": dark, "blurred": blurred, "living_plant": plant}
    return [tag for tag, there in found.items() if there]


def _sharpness(grey: "Image") -> float:
    """How much neighbouring points differ at their strongest edges, on a small copy of the photo."""
    import numpy as np

    small = grey.copy()
    small.thumbnail((256, 256))
    points = np.asarray(small, np.float32)
    edges = np.concatenate([np.abs(np.diff(points, axis=axis)).ravel() for axis in (0, 1)])
    return float(np.percentile(edges, 99.5)) if edges.size else 0.0


def _green(photo: "Image") -> float:
    """The share of green points."""
    import numpy as np

    small = photo.copy()
    small.thumbnail((128, 128))
    red, green, blue = (np.asarray(band, np.int16) for band in small.split())
    return float(((green > red + 12) & (green > blue + 12)).mean())
