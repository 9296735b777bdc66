"""Lines of a PDF page that were only broken because the page ended there become one line again.

A PDF knows where letters stand, not which lines belong together. A line goes on in the next one when it
reaches the right edge of the text, so that the next line's first word would not have fitted.
"""

import re
from typing import Any

_OWN_LINE = re.compile(
    r"\s*(?:[•●○▪■◆◇▶►※·ㆍ*\-–—>+✓①-⑳]|\(?\d{1,2}[.)]\s|(?:19|20)\d\d\s*[./년-]|[^\s:：|]{1,12}\s?[:：|])"
)
"""A bullet, a number, a date or a label begins a line of its own."""

_ENDS = (".", "!", "?", ":", "。")
_REACHES = 0.75
"""Of the page's width: text that ends further left has no edge that could break lines."""


def lines_of(page: Any) -> str:
    """The text of a `pypdfium2` page, with its wrapped lines joined."""
    letters = page.get_textpage()
    text = letters.get_text_range()
    if len(text) != letters.count_chars():  # a letter beyond the first plane: places and letters do not agree
        return str(text)
    lines = [_Line(letters, match.start(), match[0]) for match in re.finditer(r"[^\r\n]+", text) if match[0].strip()]
    edge = max((line.right for line in lines), default=0.0)
    if edge < _REACHES * page.get_width():
        return str(text)
    joined: list[str] = []
    before: _Line | None = None
    for line in lines:
        if before is not None and line.continues(before, edge):
            joined[-1] = f"{joined[-1]} {line.text}"
        else:
            joined.append(line.text)
        before = line
    return "\n".join(joined)


class _Line:
    """A line as it is printed, with its right end and the width of its first word."""

    def __init__(self, letters: Any, start: int, raw: str) -> None:
        self.text = raw.strip()
        first = start + len(raw) - len(raw.lstrip())
        word = len(self.text.split()[0])
        self.right = letters.get_charbox(first + len(self.text) - 1)[2]
        self.word = letters.get_charbox(first + word - 1)[2] - letters.get_charbox(first)[0]
        self.height = letters.get_charbox(first)[3] - letters.get_charbox(first)[1]

    def continues(self, before: "_Line", edge: float) -> bool:
        """Whether this line is the rest of the one before."""
        fitted = before.right + self.word + 0.2 * self.height <= edge
        return not (fitted or before.text.endswith(_ENDS) or _OWN_LINE.match(self.text))
