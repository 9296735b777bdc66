"""Text and numbers that nobody types, and that arrive all the same."""

MEGABYTE = 1_000_000

TEXTS = {
    "marks": "\u0301",
    "marks of two kinds": "\u0301\u0316",
    "marks that come apart": "\u0344",
    "enclosing marks": "\u20dd",
    "no width": "\u200b",
    "joiners": "\u200d",
    "right to left": "\u202e",
    "Arabic": "\ufdfa",
    "jamo": "\u1112\u1161\u11ab",
    "half a surrogate pair": "\ud83d",
    "emoji": "👩\u200d🍳🏳️\u200d🌈",
    "tags": "\U000e0041",
    "controls": "\x01\x1b",
    "nulls": "\0",
    "noncharacters": "\uffff",
    "private use": "\ue000",
    "line breaks": "\u2028\r\n\x85",
    "wide spaces": "\u3000",
    "Korean": "한글 ",
    "digits": "1",
}
"""By Unicode class, a text to repeat."""


def megabyte(what: str) -> str:
    """A million characters of that class."""
    return (TEXTS[what] * MEGABYTE)[:MEGABYTE]


JSON_NUMBERS = ["1e999", "-1e999", "9" * 400, "-" + "9" * 400, "1" + "0" * 5000]
"""Numbers in JSON that are larger than a reader holds."""

FLOATS = [float("nan"), float("inf"), float("-inf"), 10**309]
