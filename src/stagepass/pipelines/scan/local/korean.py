"""Names in a Korean question, each with the part that it plays there.

A name ends where a particle, an ending or the next word begins; what stands before it in the same word tells it
closer (폐**건전지**, 투명**페트병**). Of names in a row the last is the head. Spaces do not matter.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stagepass.pipelines.scan.local.names import Dictionary, dictionary, is_place


@dataclass(slots=True)
class Found:
    """A name in a text.

    Attributes:
        start, end: where it stands.
        item: an item, or ``@group``.
        name: as it is written, without spaces.
        tail, behind: particles and endings behind it, and what follows.
        role: ``asked``, ``context``, ``place`` (where it might go) or ``modifier``.
        linked: "and" stands between it and the next.
        first: a word begins with it.
        row: the first of several in a row, all of them meant.
    """

    start: int
    end: int
    item: str
    name: str
    tail: str = ""
    behind: str = ""
    role: str = "asked"
    linked: bool = False
    first: bool = False
    row: bool = False


_PARTICLE = (
    "이에요|예요|이예요|에요|입니다만|입니다|인데요|인데|이라는|라는|이라고|라고|이라서|라서|이거든요|거든요|이네요|네요|인가요|인가|이지만|"
    "이랑은|랑은|이랑|랑|하고|이나|에서|에다가|에다|에는|에도|으로는|으로|로는|로|까지|부터|처럼|같은|이고|이요|이여|이야|야|이죠|죠|이면|"
    "들|류|은요|는요|도요|만요|은|는|이|가|을|를|도|에|의|만|과|와|나|요|여|용|임|인|값|것|거|건|게|한개|두개|개|쪽|째|채|씩|"
    "한테|말고|빼고|대신|및|좀|고"
)
_VERB = "버[리려릴림린렸]|분리|재활용|어떻|어디|어따|어케|처리|배출|폐기|내놓|수거|쓰레기|방법|되[나는]|돼|될|가능|남[은았]|안|못|다[썼쓴]|있|없|넣|담[긴은]|씻|헹|묻|붙|깨[진졌]|부[푼풀]|새[요는]|샜|젖|탔|탄|뜨|떨어"
_TAIL = re.compile(rf"(?P<particles>(?:{_PARTICLE}){{0,6}}?)(?:$|(?={_VERB}))")
_INSIDE = re.compile(
    r"\s*+(?:안에|속에|위에|밑에|옆에)?+\s*+(?:다|아직|조금|좀|많이)?+\s*+(?:들어\s?있[는던]|들어간|들어가는|든|담긴|담은|담았던|담겨\s?있[는던]|담아|"
    r"있던|있는|달린|붙은|붙어\s?있[는던]|묻은|묻어\s?있[는던]|남은|꽂힌|꽂혀|박힌|싼|쌌던|싸여|포장한|먹고|먹은|마시고|마신|쓰고|쓴|뺀|빼고|없는|빠진|"
    r"넣었던|넣은|넣어|버린|비운|씻은|닦은|키우던|심었던|심은|심겨|으로\s?된|된|만든|재질|소재|나온|나오는|적신|적셔|섞인|끼운|끼워)"
)
_LOCATION = re.compile(r"(?:에서|에는|에|의)$")
_LINK = re.compile(r"(?:이랑|랑|하고|와|과|및|이나|나)$")
_TOPIC = re.compile(r"(?:은|는)(?:요)?$")
_PLACE = re.compile(
    r"(?:인가요|인가|이에요|예요|입니다|으로는|으로|로는|로|에는|에다|에|이죠|죠|류로|이라고|라고|이야|맞)"
)
_MADE_OF = re.compile(r"\s*+(?:으로|로)?+\s*+(?:된|만든|만들어진|재질|소재)")


def find(sentence: str) -> list[Found]:
    """The names in one sentence, in order, with their roles."""
    words = dictionary()
    found: list[Found] = []
    for part in re.finditer(r"[^,，/;:·()]+", sentence):
        if names := _in_part(part[0], part.start(), words):
            names[-1].linked = names[-1].linked or sentence[part.end() : part.end() + 1] in (",", "·", "/", "，")
            found += names
    _assign_places(found)
    return found


# ── where the names are ──────────────────────────────────────────────────────────────────────────


def _in_part(part: str, offset: int, words: Dictionary) -> list[Found]:
    text, places, starts, ends = _flattened(part)
    found = _chosen(_candidates(text, starts, ends, words))
    following = None
    for one in reversed(found):
        one.behind = part[places[one.end - 1] + 1 :]
        _assign(one, following, ends, words)
        following = one
    for one in found:
        one.start, one.end = offset + places[one.start], offset + places[one.end - 1] + 1
    return found


def _flattened(part: str) -> tuple[str, list[int], set[int], list[int]]:
    """Without spaces: the text, where each letter stood, where words start, and for each letter where its word ends."""
    text, places, starts, ends = "", [], set(), []
    for word in re.finditer(r"[가-힣a-z0-9+'&-]+", part.lower()):
        starts.add(len(text))
        letters = [(letter, at) for at, letter in enumerate(word[0], word.start()) if letter != "-"]
        text += "".join(letter for letter, _ in letters)
        places += [at for _, at in letters]
        ends += [len(text)] * len(letters)
    return text, places, starts, ends


def _candidates(text: str, starts: set[int], ends: list[int], words: Dictionary) -> Iterator[Found]:
    blocked = [hit.span() for hit in words.blocked.finditer(text)]
    for start in range(len(text)):
        for end in range(min(len(text), start + words.longest), start, -1):
            name = text[start:end]
            item = _item(name, text, start, end, start in starts, words)
            if item is None or (ends[end - 1] != ends[start] and start not in starts):
                continue
            tail = _TAIL.match(text[end : ends[end - 1]])
            if tail is None or any(a <= start and end <= b and b - a > end - start for a, b in blocked):
                continue
            yield Found(start, end, item, name, tail["particles"], first=start in starts)
            break


def _item(name: str, text: str, start: int, end: int, first: bool, words: Dictionary) -> str | None:
    if len(name) == 1 and not first:
        return words.heads.get(name)
    if name.isascii():
        alone = not (start and text[start - 1].isascii() and text[start - 1].isalnum()) and not (
            end < len(text) and text[end].isascii() and text[end].isalnum()
        )
        return words.english.get((name,)) if alone and len(name) > 1 else None
    return words.korean.get(name)


def _chosen(candidates: Iterator[Found]) -> list[Found]:
    """Of names that overlap the longer, then the one that begins a word, then the later: 김치통 is a box, 사과도 no knife."""
    chosen: list[Found] = []
    for one in sorted(candidates, key=lambda one: (one.start - one.end, not one.first, -one.end)):
        if all(one.end <= other.start or other.end <= one.start for other in chosen):
            chosen.append(one)
    return sorted(chosen, key=lambda one: one.start)


# ── what they are there for ──────────────────────────────────────────────────────────────────────


def _assign(one: Found, following: Found | None, ends: list[int], words: Dictionary) -> None:
    one.linked = bool(_LINK.search(one.tail)) or bool(re.match(r"\s*(?:그리고|또는|및)", one.behind))
    if following is None or one.role != "asked":
        return
    adjacent = following.start == one.end or (not one.tail and following.start == ends[one.end - 1])
    material = words.materials.get(one.name)
    made_of = bool(material) and bool(_MADE_OF.match(one.behind))
    if material and (adjacent or made_of):
        following.item = words.forms.get(following.name, {}).get(material, following.item)
    if _told_material(one, following, words):
        return
    if adjacent and not material and is_place(following.name):
        following.role = "place"
    elif adjacent and not made_of and _all_of(following):
        one.row = True
    elif made_of or adjacent:
        one.role = "modifier"
    elif not one.linked and not _is_on_it(following) and (_LOCATION.search(one.tail) or _INSIDE.match(_after(one))):
        one.role = "context"


def _told_material(one: Found, following: Found, words: Dictionary) -> bool:
    """ "옷걸이가 철사인데": the statement is about its material."""
    material = words.materials.get(following.name)
    if material is None or not re.match(r"(?:은|는|이|가)$", one.tail) or not _IS.match(following.tail):
        return False
    one.item = words.forms.get(one.name, {}).get(material, one.item)
    following.role = "modifier"
    return True


_IS = re.compile(r"(?:인데|이에요|예요|입니다|이고|이라서|라서|이네요|네요|이거든요|거든요|이야|야)")


def _all_of(last: Found) -> bool:
    """Whether several names in a row are several things ("이불 베개 쿠션 다 버리고")."""
    return last.row or bool(re.match(r"(?:을|를|도|은|는)?\s*(?:다|모두|전부|둘 다|각각|같이|함께)\s", last.behind))


def _after(one: Found) -> str:
    """What comes behind a name and its particles of subject and object."""
    return re.sub(r"^(?:이|가|을|를|도|만)?", "", one.behind)


def _assign_places(found: list[Found]) -> None:
    """Names of places where it might go ("두유팩도 종이인가요?"), and of what is on or in a thing ("기름이 묻었어요")."""
    for one in found:
        others = any(other is not one and other.role == "asked" for other in found)
        if one.role != "asked":
            continue
        if is_place(one.name) and _PLACE.match(one.tail) and (others or re.match("으로|로|에", one.tail)):
            one.role = "place"
        elif others and _is_on_it(one):
            one.role = "context"


def _is_on_it(one: Found) -> bool:
    return bool(re.fullmatch("이|가|도", one.tail) and _ON_IT.match(_after(one)))


_ON_IT = re.compile(r"\s*+(?:다|아직|조금|좀|많이|약간)?+\s*+(?:묻|남|들어|들었|붙|꽂|배[었어]|튀|껴|끼[었어])")


def topic(one: Found) -> bool:
    """Whether the sentence is about it (은, 는)."""
    return bool(_TOPIC.search(one.tail))
