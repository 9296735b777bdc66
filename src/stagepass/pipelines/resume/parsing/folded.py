"""A text with its look-alikes written one way, letter for letter, so that a place in one is a place in the other."""

_SAME = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},  # full-width
    **dict.fromkeys((0xA0, 0x2002, 0x2003, 0x2007, 0x2009, 0x202F, 0x3000), " "),
    **dict.fromkeys(map(ord, "～〜∼˜"), "~"),
    **dict.fromkeys(map(ord, "‐‑‒–—―−﹣－"), "-"),
    **dict.fromkeys(map(ord, "’‘`´ʼ′＇"), "'"),
    **dict.fromkeys(map(ord, "⇒➜➔➝⟶⇢▶"), "→"),
    ord("："): ":",
    ord("年"): "년",
    ord("月"): "월",
    ord("日"): "일",
}


def folded(text: str) -> str:
    """The same text, as long as before: full-width signs, blanks, dashes, tildes and apostrophes made plain."""
    return text if text.isascii() else text.translate(_SAME)
