"""The ports: interfaces between stages and providers.

A provider is named in every result (`provider`, `model`). It raises only the errors of
`stagepass.errors`; its own retries are off, since the engine owns them. It is made once per
process and used by many threads at once. Local providers are providers like the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, runtime_checkable

from pydantic import BaseModel

from stagepass.providers.registry import port


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage of a call: tokens, and US dollars if the price is known."""

    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0


Tell = Callable[[float], None]
"""Receives the progress, from 0 to 1."""


def silent(fraction: float) -> None:
    """Discards the progress."""


@runtime_checkable
class SelfCheck(Protocol):
    """Optional method of a provider: a free check of key, model and credit."""

    def self_check(self) -> str:
        """One sentence on what was found, without secrets. Raises a `StageError`, whose advice says what to do."""
        ...


# ── text ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class TextRequest:
    """One question to a text model.

    Attributes:
        purpose: the stage that asks (``promo.lyric``); a local model answers by it.
        prompt: the whole prompt, rendered from its file.
        schema: the Pydantic model that the answer must fit.
        facts: the prompt's variables by name, as given to its template.
        language: BCP 47 tag of the answer, ``ko`` or ``en`` or another.
        images: photos that belong to the question, as file contents.
        time_limit: seconds that the call may take; None: the caller decides; `stagepass.providers.ask` sets one.
    """

    purpose: str
    prompt: str
    schema: type[BaseModel]
    facts: dict[str, Any] = field(default_factory=dict)
    language: str = "ko"
    images: Sequence[bytes] = ()
    time_limit: float | None = None


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """The answer, already checked against the request's schema, and who gave it."""

    value: BaseModel
    provider: str
    model: str
    usage: Usage = Usage()


class TextModel(Protocol):
    """Answers a prompt with a value of a given schema."""

    name: str

    def generate(self, request: TextRequest) -> TextAnswer:
        """Ask once. Raises a `StageError`; an answer that does not fit is repaired once, then `InvalidOutput`."""
        ...


# ── songs ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class LineTiming:
    """One sung line: seconds from the song's start."""

    text: str
    start: float
    end: float


Voice = Literal["auto", "sung", "spoken", "none"]
"""How the words of a song are heard."""


@dataclass(frozen=True, slots=True)
class SongRequest:
    """A song to be made of a lyric.

    Attributes:
        lyric: sung word for word; sections are tagged ``[Verse]``, ``[Chorus]``.
        reference: our own name for this order; the same request with another reference is another order.
        callback_url: where the maker may say that it is done.
        voice: sung, spoken over the music, or none; with auto the maker takes the best that it has.
    """

    title: str
    lyric: str
    genre: str
    language: str = "ko"
    reference: str = ""
    callback_url: str | None = None
    voice: Voice = "sung"


@dataclass(frozen=True, slots=True)
class MadeSong:
    """A finished song, still with its maker.

    Attributes:
        clip_id: the maker's id of this very recording.
        duration: seconds.
        timing: the sung lines, or None where the maker does not know them (they are then spread by length).
        source: where `fetch` gets it from: an URL, or a path of this machine.
        also: other recordings that came with the same order, and were paid for with it.
        genre: how it is played, in the maker's word; empty where the maker does not say.
        instead_of: the words of the order for which `genre` is only the nearest; empty where it is what was ordered.
        bpm: quarter notes per minute; 0 where the maker does not say.
        voice: how the words are heard, and by whom; empty where the maker does not say.
    """

    clip_id: str
    duration: float
    timing: Sequence[LineTiming] | None
    source: str
    content_type: str = "audio/mpeg"
    also: Sequence["MadeSong"] = ()
    genre: str = ""
    instead_of: str = ""
    bpm: float = 0.0
    voice: str = ""


class SongMaker(Protocol):
    """Makes songs as remote tasks: submit once, poll until done, fetch."""

    name: str
    model: str

    def submit(self, request: SongRequest) -> str:
        """Order a song; returns the remote task's id. May cost money: call it inside `ctx.once`."""
        ...

    def find(self, request: SongRequest) -> str | None:
        """The id of a task that an earlier `submit` of this very request made.

        None when the maker cannot tell; raises `NotDone` when it is certain that there is none.
        """
        ...

    def look(self, task_id: str, tell: Tell = silent) -> MadeSong | None:
        """Look once: the song when it is done, None while it is being made.

        A maker that works on this machine makes it here, and calls `tell` with how far it is, from 0 to 1.
        Raises `TaskFailed` when the task ended without a song, and another `StageError` when it cannot say.
        """
        ...

    def fetch(self, song: MadeSong, target: BinaryIO) -> None:
        """Copy the recording into `target`, in pieces."""
        ...

    def cancel(self, task_id: str) -> None:
        """Stop the remote task where the maker can; harmless otherwise."""
        ...


# ── clips ────────────────────────────────────────────────────────────────────────────────────────


Platform = Literal["reels", "shorts", "feed", "square"]
"""Where a clip is posted: reels and shorts are 9:16, feed is 4:5, square 1:1; each covers other parts of it."""

CaptionStyle = Literal["shadow", "box", "words"]
"""White with a soft shadow; on a dark box; word by word as it is sung."""


@dataclass(frozen=True, slots=True)
class EndCard:
    """What the last three seconds show; empty parts are left out.

    Attributes:
        contact: telephone, address, handle: a line each, three at most.
        link: shown as a QR code.
        logo: an image, as a local path.
    """

    contact: str = ""
    hours: str = ""
    offer: str = ""
    call_to_action: str = ""
    link: str = ""
    logo: Path | None = None


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """A clip to be cut: photos to a song, with the sung lines as captions.

    Attributes:
        title: shown on the title card (the business's name).
        subtitle: shown below it (the place).
        images: the photos in order, as local paths; empty means a designed background.
        audio: the song, as a local path.
        captions: the lines with their times in seconds.
        orientation: vertical is 1080×1920, horizontal 1920×1080.
        platform: gives another shape and safe areas; None for the orientation's.
        card: what the end card says, besides title and subtitle.
        facts: what the business says of itself, in few words each; shown where there are no photos.
        public_images, public_audio: the same by URL, for makers elsewhere.
        reference: our own name for this order; the same request with another reference is another order.
    """

    title: str
    subtitle: str
    images: Sequence[Path]
    audio: Path
    duration: float
    captions: Sequence[LineTiming]
    orientation: Literal["vertical", "horizontal"] = "vertical"
    language: str = "ko"
    public_images: Sequence[str] = ()
    public_audio: str | None = None
    reference: str = ""
    callback_url: str | None = None
    platform: Platform | None = None
    caption_style: CaptionStyle = "shadow"
    card: EndCard | None = None
    facts: Sequence[str] = ()


def clip_size(orientation: str, platform: str | None = None) -> tuple[int, int]:
    """Pixels of a clip, width and height."""
    if platform in ("feed", "square"):
        return (1080, 1350) if platform == "feed" else (1080, 1080)
    return (1920, 1080) if orientation == "horizontal" and platform is None else (1080, 1920)


@dataclass(frozen=True, slots=True)
class MadeClip:
    """A finished clip, still with its maker; `source` as in `MadeSong`.

    `notes`: what was done to photos, as (``lifted`` or ``skipped``, the photo's number from 1).
    """

    clip_id: str
    duration: float
    width: int
    height: int
    source: str
    content_type: str = "video/mp4"
    notes: Sequence[tuple[str, int]] = ()


class ClipMaker(Protocol):
    """Renders clips as remote tasks: submit once, look until done, fetch."""

    name: str
    model: str

    def submit(self, request: ClipRequest) -> str:
        """Order a render; returns the remote id. May cost money: call it inside `ctx.once`."""
        ...

    def find(self, request: ClipRequest) -> str | None:
        """The id of a task that an earlier `submit` of this very request made.

        None when the maker cannot tell; raises `NotDone` when it is certain that there is none.
        """
        ...

    def look(self, task_id: str, tell: Tell = silent) -> MadeClip | None:
        """Look once: the clip when it is done, None while it renders; otherwise as `SongMaker.look`."""
        ...

    def fetch(self, clip: MadeClip, target: BinaryIO) -> None:
        """Copy the clip into `target`, in pieces."""
        ...

    def cancel(self, task_id: str) -> None:
        """Stop the render where the maker can; harmless otherwise."""
        ...


# ── and the settings that choose among their providers ───────────────────────────────────────────

port(TextModel, "TEXT_MODEL", chain=True)
port(SongMaker, "SONG_MAKER")
port(ClipMaker, "CLIP_MAKER")
