"""Names in an English question, each with the part that it plays there: of names in a row the last is the head."""

import re

from stagepass.pipelines.scan.local.korean import Found
from stagepass.pipelines.scan.local.names import Dictionary, dictionary, is_place, normal

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_BEFORE = {"of", "from", "in", "inside", "on", "with", "without", "for", "to", "at", "beside", "near", "by", "under", "off", "into", "around", "holding", "containing", "next", "attached", "as"}  # fmt: skip
_AND = {"and", "or", "plus", "&"}
_ARTICLES = {"a", "an", "the", "this", "that", "my", "your", "our", "empty", "old", "each", "every", "of", "one", "drink", "drinks", "used", "metal", "small"}  # fmt: skip


def find(sentence: str) -> list[Found]:
    """The names in one sentence, in order, with their roles."""
    tokens = [(word[0], word.start(), word.end()) for word in _WORD.finditer(sentence.lower().replace("’", "'"))]
    words = dictionary()
    spans = _spans([token[0] for token in tokens], words)
    found = [
        Found(tokens[a][1], tokens[b - 1][2], item, " ".join(normal(" ".join(t[0] for t in tokens[a:b]))))
        for a, b, item in spans
    ]
    for number in range(len(found)):
        gap = sentence[found[number - 1].end : found[number].start].lower() if number else ""
        _assign(found, number, gap, words)
    return found


def _spans(tokens: list[str], words: Dictionary) -> list[tuple[int, int, str]]:
    """From which word to which, and the item; the longest name at each place, from the left."""
    singular = [normal(token)[0] if normal(token) else token for token in tokens]
    spans, at = [], 0
    while at < len(tokens):
        for length in range(min(words.most_words, len(tokens) - at), 0, -1):
            item = words.english.get(tuple(singular[at : at + length]))
            if item is not None and not (length == 1 and _only_looks(tokens, at)):
                spans.append((at, at + length, item))
                at += length
                break
        else:
            at += 1
    return spans


def _only_looks(tokens: list[str], at: int) -> bool:
    """The can that one can: no verb only behind an article. And "leftover" tells of another thing."""
    return tokens[at] == "leftover" or (tokens[at] == "can" and not (at and tokens[at - 1] in _ARTICLES))


def _assign(found: list[Found], number: int, gap: str, words: Dictionary) -> None:
    if number == 0:
        return
    one, before = found[number], found[number - 1]
    between = _WORD.findall(gap)
    apart = bool(re.search(r"[,;:/&]", gap)) or bool(_AND.intersection(between))
    material = words.materials.get(before.name)
    if apart and is_place(one.name):
        one.role = "place"
    elif apart:
        before.linked = True
    elif not between:
        if is_place(one.name) and not material:
            one.role = "place"
            return
        one.role = before.role if before.role == "context" else one.role
        before.role = "modifier"
        if material:
            one.item = words.forms.get(one.name, {}).get(material, one.item)
    elif _BEFORE.intersection(between) and any(other.role == "asked" for other in found[:number]):
        one.role = "context"
        own = words.materials.get(one.name)
        if own and {"of", "made"} & set(between):
            before.item = words.forms.get(before.name, {}).get(own, before.item)
    elif is_place(one.name) and before.role == "asked":
        one.role = "place"
