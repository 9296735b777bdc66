"""Fonts: the bundled ones, those of the system behind them, and which of them has a letter.

The order is fixed: the face that was asked for, the bundled fonts of other scripts, the system's fonts.
"""

import sys
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from io import BytesIO
from itertools import islice
from pathlib import Path
from threading import Lock

from PIL import ImageFont, features

BOLD, HEAVY = "NanumGothicBold.ttf", "NanumGothicExtraBold.ttf"

SHAPES = bool(features.check("raqm"))
"""Whether Pillow shapes letters: joins Arabic, turns Hebrew around, orders Indic vowels. It needs the system's FriBidi."""

_OTHERS = (
    "NotoSans-Bold.ttf",  # all of Latin, Greek and Cyrillic
    "DroidSansFallbackFull.ttf",  # Chinese and Japanese
    *(
        f"NotoSans{script}-Bold.ttf"
        for script in ("Arabic", "Hebrew", "Thai", "Lao", "Khmer", "Devanagari", "Tamil", "Armenian", "Georgian")
    ),
)
_MOST_FILES, _MOST_FOUND = 4000, 150
_UNFIT = ("italic", "oblique", "mono", "condensed", "emoji", "lastresort", "symbol", "math")
_NOWHERE = "\U0010ffff"  # a noncharacter: every font shows its sign for a missing letter

# These read well when each letter stands beside the one before it. Every other script has to be shaped.
_PLAIN = frozenset(
    [
        "LATIN",
        "GREEK",
        "CYRILLIC",
        "ARMENIAN",
        "GEORGIAN",
        "HANGUL",
        "CJK",
        "BOPOMOFO",
        "YI",
        "CHEROKEE",
        "ETHIOPIC",
        "THAI",
        "LAO",
        "FULLWIDTH",
        "HALFWIDTH",
        "MODIFIER",
    ]
)
_ONE = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "KATAKANA-HIRAGANA": "CJK", "IDEOGRAPHIC": "CJK", "VERTICAL": "CJK"}
_lock = Lock()


@lru_cache(maxsize=32)
def _data(name: str) -> bytes:
    return (files("stagepass") / "assets" / "fonts" / name).read_bytes()


@lru_cache(maxsize=256)
def font(name: str, size: int, *, shaped: bool = False) -> ImageFont.FreeTypeFont:
    """A bundled font, or one of the system by its path, at `size` pixels.

    Without `shaped`, letters stand side by side: the same result on every machine, enough for Hangul and Latin.
    """
    engine = ImageFont.Layout.RAQM if shaped and SHAPES else ImageFont.Layout.BASIC
    source = name if Path(name).is_absolute() else BytesIO(_data(name))
    return ImageFont.truetype(source, size, layout_engine=engine)


@lru_cache(maxsize=16_384)
def has(name: str, character: str) -> bool:
    """Whether the font draws this character, rather than its sign for a missing one."""
    try:
        with _lock:  # a face is not for two threads at a time
            face = font(name, 32)
            return bytes(face.getmask(character)) != bytes(face.getmask(_NOWHERE))
    except OSError:  # a file that is no font, or has pictures of one size only
        return False


def chain(first: str) -> Iterator[str]:
    """The names of all fonts, in the order in which they are asked for a letter."""
    yield first
    yield from _OTHERS
    yield from found()


@cache
def found() -> tuple[str, ...]:
    """The system's upright fonts by path: bold and sans first, a limited number of them."""
    paths = (path for folder in _folders() for path in _files(folder))
    fit = {str(path) for path in islice(paths, _MOST_FILES) if not any(word in path.name.lower() for word in _UNFIT)}
    return tuple(sorted(fit, key=lambda path: (not is_bold(path), "serif" in path.lower(), path))[:_MOST_FOUND])


def _folders() -> list[Path]:
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), Path.home() / "Library/Fonts"]
    if sys.platform == "win32":
        return [Path("C:/Windows/Fonts")]
    return [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts"]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix.lower() in (".ttf", ".otf", ".ttc"))


def is_bold(name: str) -> bool:
    """Whether a font is bold, going by its file's name."""
    return any(word in Path(name).name.lower() for word in ("bold", "heavy", "black"))


@lru_cache(maxsize=16_384)
def script(character: str) -> str:
    """The script of a letter by its Unicode name, such as LATIN; Han and kana are both CJK. Empty for all else."""
    if unicodedata.category(character)[0] != "L":
        return ""
    first = unicodedata.name(character, "?").partition(" ")[0]
    return _ONE.get(first, first)


def must_be_shaped(character: str) -> bool:
    """Whether a letter is only right beside its neighbours once the text is shaped."""
    return (found := script(character)) != "" and found not in _PLAIN


def is_sign(character: str) -> bool:
    """Whether it is an emoji or a part of one, or a pictograph, rather than writing."""
    kind = unicodedata.category(character)
    selector = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return selector or kind == "Me" or (kind in ("So", "Sk") and character >= "\u2190")


@lru_cache(maxsize=16_384)
def can_draw(character: str) -> bool:
    """Whether a font has this character and draws it in reading order. Symbols count only in the bundled font."""
    if unicodedata.category(character)[0] == "C" or "\ufe00" <= character <= "\ufe0f":
        return False
    if has(BOLD, character):
        return True
    if is_sign(character) or (must_be_shaped(character) and not SHAPES):
        return False
    return any(has(name, character) for name in chain(BOLD))
