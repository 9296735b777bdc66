"""One question put by each vendor's own SDK. Runs in a venv that has the SDKs, and imports nothing of Stagepass.

`tests.support.vendors.record` runs it, and keeps what came over the wire.
"""

import importlib.metadata
import json
import sys
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

KEY = "sk-planted-key-1234567890"
PROMPT = "바다 이야기를 한 줄로."
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 60
MOST_TOKENS = 16_384


class Mood(StrEnum):
    """How it sounds."""

    BRIGHT = "bright"
    CALM = "calm"


class Part(BaseModel):
    """One line."""

    text: str = Field(min_length=1, description="what is sung")
    weight: float = Field(default=1, ge=0, le=9)


class Answer(BaseModel):
    """What is asked for."""

    title: str = Field(max_length=80)
    mood: Mood
    parts: list[Part]
    note: str | None = None


def openai(url: str) -> str:
    from openai import OpenAI

    client = OpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=0, timeout=30)
    client.models.retrieve("m")
    client.chat.completions.parse(
        model="m",
        messages=[{"role": "user", "content": [{"type": "text", "text": PROMPT}, _openai_image()]}],
        max_completion_tokens=MOST_TOKENS,
        response_format=Answer,
    )
    return "openai"


def _openai_image() -> Any:
    import base64

    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}"}}


def anthropic(url: str) -> str:
    import base64

    from anthropic import Anthropic

    client = Anthropic(api_key=KEY, base_url=url, max_retries=0, timeout=30)
    client.models.retrieve("m")
    source: Any = {"type": "base64", "media_type": "image/jpeg", "data": base64.b64encode(JPEG).decode()}
    client.messages.parse(
        model="m",
        max_tokens=MOST_TOKENS,
        messages=[{"role": "user", "content": [{"type": "text", "text": PROMPT}, {"type": "image", "source": source}]}],
        output_format=Answer,
    )
    return "anthropic"


def gemini(url: str) -> str:
    from google import genai
    from google.genai import types

    client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=url, timeout=30_000))
    client.models.get(model="m")
    harms = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
    client.models.generate_content(
        model="m",
        contents=[
            types.Content(
                role="user",
                parts=[types.Part.from_text(text=PROMPT), types.Part.from_bytes(data=JPEG, mime_type="image/jpeg")],
            )
        ],
        config=types.GenerateContentConfig(
            max_output_tokens=MOST_TOKENS,
            response_mime_type="application/json",
            response_json_schema=Answer.model_json_schema(),
            thinking_config=types.ThinkingConfig(thinking_budget=0),
            safety_settings=[
                types.SafetySetting(
                    category=types.HarmCategory(f"HARM_CATEGORY_{harm}"),
                    threshold=types.HarmBlockThreshold.BLOCK_ONLY_HIGH,
                )
                for harm in harms
            ],
        ),
    )
    return "google-genai"


if __name__ == "__main__":
    calls = {"openai": openai, "anthropic": anthropic, "gemini": gemini}
    package = calls[sys.argv[1]](sys.argv[2])
    print(json.dumps({"package": package, "version": importlib.metadata.version(package)}))
