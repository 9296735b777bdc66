"""ffmpeg and what it knows of a file: the binary of imageio-ffmpeg's wheel, which brings no ffprobe.

So a file is probed by reading what ``ffmpeg -i`` prints, and its loudness by the ``ebur128`` filter.
"""

import math
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe

from stagepass.errors import Permanent, TimedOut, Transient
from stagepass.providers.local.process import dying_with_parent, plain_environment, tail
from stagepass.spans import in_words

SILENCE = -70.0
"""LUFS: the value of ebur128 for silence, its minimum."""


@cache
def ffmpeg() -> str:
    """The ffmpeg binary: ``IMAGEIO_FFMPEG_EXE``, or the wheel's, or the one on the PATH."""
    return str(get_ffmpeg_exe())


def local(path: Path) -> str:
    """`path` as an ffmpeg argument: never an option, a protocol or a pattern, whatever its name."""
    return f"file:{path.absolute()}"


def run_ffmpeg(args: list[str], time_limit: float = 120.0) -> str:
    """Run ffmpeg to its end; returns what it wrote to stderr.

    Raises:
        Permanent: it failed; the message holds the tail of its stderr, without paths.
        TimedOut: it took longer than `time_limit` seconds.
    """
    code, stderr = _run(args, time_limit)
    if code < 0:
        raise Transient(f"ffmpeg was killed by signal {-code}", provider="local")
    if code:
        raise Permanent(f"ffmpeg failed: {tail(stderr.splitlines()[-8:])}", provider="local")
    return stderr


def _run(args: list[str], time_limit: float) -> tuple[int, str]:
    command = dying_with_parent([ffmpeg(), "-hide_banner", "-nostdin", *args])
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=time_limit,
            check=False,
            env=plain_environment(),
        )
    except subprocess.TimeoutExpired:
        raise TimedOut(f"ffmpeg was not done within {in_words(time_limit)}", provider="local") from None
    return done.returncode, done.stderr.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class VideoStream:
    """A video stream: names as ffmpeg writes them, size in pixels as stored, frames per second."""

    codec: str
    profile: str
    pixels: str
    color: str
    width: int
    height: int
    fps: float


@dataclass(frozen=True, slots=True)
class AudioStream:
    """An audio stream: samples per second, channels as ffmpeg names them (``stereo``), kbit/s if known."""

    codec: str
    rate: int
    channels: str
    kbps: int | None


@dataclass(frozen=True, slots=True)
class Media:
    """Contents of a media file: duration in seconds, if known, and its first streams."""

    duration: float | None
    video: VideoStream | None
    audio: AudioStream | None


_DURATION = re.compile(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)")
_VIDEO = re.compile(r"Stream #\S+.*?: Video: (.*)")
_AUDIO = re.compile(r"Stream #\S+.*?: Audio: (.*)")


def probe(path: Path) -> Media:
    """Read a media file's header. Raises `Permanent` when ffmpeg cannot read it."""
    _, said = _run(["-i", local(path)], time_limit=30.0)
    duration, video, audio = _DURATION.search(said), _VIDEO.search(said), _AUDIO.search(said)
    if video is None and audio is None:
        raise Permanent(f"{path.name} is not a media file that can be read", provider="local")
    seconds = None
    if duration:
        seconds = int(duration[1]) * 3600 + int(duration[2]) * 60 + float(duration[3])
    return Media(seconds, _video(video[1]) if video else None, _audio(audio[1]) if audio else None)


def loudness(path: Path) -> float:
    """The integrated loudness of a file's audio in LUFS (EBU R 128); `SILENCE` for silence."""
    said = run_ffmpeg(["-i", local(path), "-map", "0:a:0", "-af", "ebur128=framelog=quiet", "-f", "null", "-"])
    found = re.findall(r"\bI:\s+(-?\d+(?:\.\d+)?|-?inf|nan) LUFS", said)
    if not found:
        raise Permanent("the loudness of the audio cannot be measured", provider="local")
    value = float(found[-1])
    return max(SILENCE, value) if math.isfinite(value) else SILENCE


def _video(line: str) -> VideoStream:
    parts = _split(line)
    codec, _, profile = parts[0].partition(" (")
    pixels, _, color = parts[1].partition("(")
    size, fps = re.search(r"\b(\d{2,5})x(\d{2,5})\b", line), re.search(r"([\d.]+) fps", line)
    return VideoStream(
        codec=codec,
        profile=profile.partition(")")[0],
        pixels=pixels,
        color=color.rstrip(")"),
        width=int(size[1]) if size else 0,
        height=int(size[2]) if size else 0,
        fps=float(fps[1]) if fps else 0.0,
    )


def _audio(line: str) -> AudioStream:
    parts = _split(line)
    rate, kbps = re.search(r"(\d+) Hz", line), re.search(r"(\d+) kb/s", line)
    return AudioStream(
        codec=parts[0].partition(" ")[0],
        rate=int(rate[1]) if rate else 0,
        channels=parts[2] if len(parts) > 2 else "",
        kbps=int(kbps[1]) if kbps else None,
    )


def _split(line: str) -> list[str]:
    # Commas inside brackets belong to their part: "yuv420p(tv, bt709, progressive)".
    return [part.strip() for part in re.split(r",\s*(?![^()]*\))", line)]
