"""The types of what the stages of `promo` make: each hands one of them to the next."""

from typing import Literal

from pydantic import BaseModel, Field

from stagepass.declare.values import File


class LyricText(BaseModel):
    """The answer of a text model. Without constraints, which not every vendor's schema supports."""

    title: str = Field(description="the song's title", examples=["머뭄, 그리고 노을빛"])
    text: str = Field(
        description="8 to 12 sung lines below section tags such as [Verse], [Chorus], [Verse 2]",
        examples=["[Verse]\n첫 번째 줄\n두 번째 줄\n\n[Chorus]\n세 번째 줄"],
        json_schema_extra={"minLength": 50, "maxLength": 1500},  # for a server that knows these words
    )
    language: str = Field(description="BCP 47 tag of the language it is written in", examples=["ko", "en"])


class Lyric(LyricText):
    """The finished lyric, and who wrote it from what."""

    provider: str = Field(description="who wrote it", examples=["local", "openai"])
    model: str = Field(description="with which model")
    prompt: str = Field(description="the prompt as it was sent")
    prompt_version: str = Field(description="the prompt file and its version", examples=["lyric.ko 1"])
    photos: list[File] | None = Field(
        default=None, description="the photos for the clip, in order; those given by address as they were fetched"
    )
    logo: File | None = Field(default=None, description="the logo for the end card")
    note: str | None = Field(
        default=None, description="what its reader should know, such as another language than was asked for"
    )
    trade: str = Field(default="unknown", description="the trade that was recognised", examples=["dentist", "unknown"])
    trade_confidence: float = Field(default=0.0, ge=0, le=1, description="how sure the trade is; from 0.5 it is used")
    tone: str = Field(
        default="plain", description="warm, trusting, energetic, calm, discreet, or plain where the trade is not sure"
    )
    facts_used: list[str] = Field(default_factory=list, description="your details that are in the lyric")
    facts_unused: list[str] = Field(default_factory=list, description="your details that are not")
    notice: str | None = Field(
        default=None, description="what to check before posting, for trades whose advertising is regulated"
    )


class SungLine(BaseModel):
    """One line of the lyric and when it is sung, in seconds from the song's start."""

    text: str
    start: float = Field(ge=0)
    end: float = Field(ge=0)


class Song(BaseModel):
    """The finished song of a lyric."""

    file: File = Field(description="the recording")
    also: list[File] = Field(
        default_factory=list, description="other recordings that the maker gave with the same order"
    )
    duration: float = Field(gt=0, description="seconds")
    clip_id: str = Field(description="the maker's id of this recording")
    provider: str
    model: str
    remote_id: str = Field(description="the maker's id of the task, such as suno_task_id")
    timing: list[SungLine] = Field(default_factory=list, description="when each line is sung")
    timing_source: Literal["provider", "spread"] = Field(
        description="given by the maker, or spread over the lines by their length"
    )
    genre: str = Field(default="", description="how it is played, in the maker's word", examples=["trot"])
    bpm: float = Field(default=0, ge=0, description="quarter notes per minute; 0 if the maker does not say")
    voice: str = Field(default="", description="how the words are heard, and by whom", examples=["sung", "none"])
    note: str | None = Field(default=None, description="what its listener should know, such as a genre that was near")


class Clip(BaseModel):
    """The finished video of a song."""

    file: File = Field(description="MP4 with H.264 and AAC")
    width: int = Field(gt=0, description="pixels")
    height: int = Field(gt=0, description="pixels")
    duration: float = Field(gt=0, description="seconds")
    provider: str
    model: str
    remote_id: str = Field(description="the maker's id of the render, such as creatomate_render_id")
    background: Literal["photos", "designed"] = Field(description="designed where no photo could be shown")
    notes: list[str] = Field(default_factory=list, description="what was done to photos, such as one that was too dark")
