"""Builds Creatomate's render request: a template filled through a mapping, or a composition from scratch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from stagepass.errors import SettingsError
from stagepass.providers.ports import ClipRequest, clip_size
from stagepass.sentences import sentence

TITLE_TIME = 4.0
ENDING_TIME = 3.0
"""Seconds that the title card is shown."""


class Template(BaseModel):
    """One template, and which of its elements get what.

    Values may hold ``{title}``, ``{subtitle}``, ``{audio}``, ``{duration}`` and ``{image}``; an element whose name
    holds ``{n}`` is filled once per photo, counted from 1. `caption` names the text elements of the lines, also
    with ``{n}``; each gets its text, its time and its duration.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    template_id: str
    modifications: dict[str, str]
    caption: str = ""


_TEMPLATES = TypeAdapter(dict[str, Template])


def load_templates(path: str) -> dict[str, Template]:
    """The templates by orientation, from the JSON file that ``CREATOMATE_TEMPLATES`` names; none without one.

    Raises:
        SettingsError: the file is not there, or not such a mapping.
    """
    if not path:
        return {}
    try:
        return _TEMPLATES.validate_python(json.loads(Path(path).read_text()))
    except (OSError, ValueError, ValidationError):
        raise SettingsError(
            sentence(
                'CREATOMATE_TEMPLATES: not a file such as {{"vertical": {{"template_id": "…", "modifications": {{"Music.source": "{{audio}}", "Image-{{n}}.source": "{{image}}", "Title.text": "{{title}}"}}}}}}'
            )
        ) from None


def filled(template: Template, request: ClipRequest) -> dict[str, Any]:
    """The template's modifications for one request."""
    facts = {
        "title": request.title,
        "subtitle": request.subtitle,
        "audio": request.public_audio or "",
        "duration": f"{request.duration:g}",
    }
    done: dict[str, Any] = {}
    for element, value in template.modifications.items():
        if "{n}" in element:
            for number, image in enumerate(request.public_images, 1):
                done[element.replace("{n}", str(number))] = _put(value, {**facts, "image": image})
        else:
            done[element] = _put(value, facts)
    if template.caption:
        for number, line in enumerate(request.captions, 1):
            name = template.caption.replace("{n}", str(number))
            done |= {
                f"{name}.text": line.text,
                f"{name}.time": line.start,
                f"{name}.duration": round(line.end - line.start, 3),
            }
    return done


def _put(text: str, facts: Mapping[str, str]) -> str:
    """Each name once: what a person typed is never read as a name again."""
    parts = text.split("{")
    done = parts[0]
    for part in parts[1:]:
        name, closed, rest = part.partition("}")
        done += facts[name] + rest if closed and name in facts else "{" + part
    return done


def composed(request: ClipRequest) -> dict[str, Any]:
    """A whole composition: photos one after the other, the song, a title card, and a text for each sung line."""
    width, height = clip_size(request.orientation, request.platform)
    elements = [*_pictures(request), *_title(request), *_captions(request), *_ending(request)]
    elements.append(
        {"type": "audio", "track": 4, "time": 0, "duration": request.duration, "source": request.public_audio}
    )
    return {
        "output_format": "mp4",
        "width": width,
        "height": height,
        "frame_rate": 30,
        "duration": request.duration,
        "elements": elements,
    }


def _pictures(request: ClipRequest) -> list[dict[str, Any]]:
    if not request.public_images:
        return [
            {
                "type": "shape",
                "track": 1,
                "time": 0,
                "path": "M 0 0 L 100 0 L 100 100 L 0 100 Z",
                "fill_color": "#27364b",
            }
        ]
    each = request.duration / len(request.public_images)
    return [
        {
            "type": "image",
            "track": 1,
            "time": round(number * each, 3),
            "duration": round(each, 3),
            "source": image,
            "fit": "cover",
        }
        for number, image in enumerate(request.public_images)
    ]


def _ending(request: ClipRequest) -> list[dict[str, Any]]:
    """What people should do, over the last seconds; the logo and the QR code only the local maker draws."""
    if request.card is None:
        return []
    card = request.card
    said = [card.offer, card.call_to_action, card.contact, card.hours, card.link]
    start = max(0.0, request.duration - ENDING_TIME)
    return [
        {
            "type": "text",
            "track": 8,
            "time": round(start, 3),
            "duration": round(request.duration - start, 3),
            "y": "45%",
            "width": "76%",
            "font_size": "5 vmin",
            "background_color": "rgba(12,14,20,0.8)",
            "text": "\n".join(part for part in said if part),
        }
    ]


def _title(request: ClipRequest) -> list[dict[str, Any]]:
    texts = ((request.title, "40%", "9 vmin"), (request.subtitle, "52%", "5 vmin"))
    return [
        {
            "type": "text",
            "track": 2 + 3 * number,
            "time": 0,
            "duration": TITLE_TIME,
            "y": y,
            "font_size": size,
            "text": text,
        }
        for number, (text, y, size) in enumerate(texts)
        if text
    ]


def _captions(request: ClipRequest) -> list[dict[str, Any]]:
    return [
        {
            "type": "text",
            "track": 3,
            "time": line.start,
            "duration": round(max(0.1, line.end - line.start), 3),
            "y": "82%",
            "width": "88%",
            "font_size": "5.5 vmin",
            "fill_color": "#ffffff",
            "stroke_color": "#000000",
            "stroke_width": "0.3 vmin",
            "text": line.text,
        }
        for line in request.captions
    ]
