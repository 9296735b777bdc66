"""What people typed, made safe to keep, to show and to put into a prompt.

Invisible characters are where text hides: overrides that turn a line around, tag characters that only
a model reads, nulls that a database refuses.
"""

import unicodedata

# Joiners hold emoji and Persian words together, so they are the only format characters that stay.
_JOINERS = "\u200c\u200d"
_BREAKS = {"\r": "\n", "\v": "\n", "\f": "\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n"}


def clean(text: str, *, lines: bool = False) -> str:
    """Compose `text` (NFC), drop control and invisible characters, and strip it.

    Args:
        text: anything a person or another program wrote.
        lines: keep line breaks; otherwise every run of white space becomes one space.

    Returns:
        The same words; possibly empty.
    """
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    kept = "".join(_kept(_BREAKS.get(char, char)) for char in composed)
    if not lines:
        return " ".join(kept.split())
    return "\n".join(line.rstrip() for line in kept.split("\n")).strip()


def visible(text: str) -> bool:
    """Whether at least one character can be seen."""
    return any(unicodedata.category(char)[0] in "LNPS" for char in text)


def _kept(char: str) -> str:
    if char in "\n\t" or char in _JOINERS:
        return char
    # C* are controls, formats, surrogates, private and unassigned code points.
    return "" if unicodedata.category(char)[0] == "C" else char
