"""Writes a song as MP3, by ffmpeg in a separate process (its static build is GPL-3)."""

import subprocess
from pathlib import Path

import numpy as np

from stagepass.errors import Transient
from stagepass.providers.local.media import ffmpeg, local
from stagepass.providers.local.process import dying_with_parent, plain_environment, tail
from stagepass.providers.local.song.sound import RATE, Stereo
from stagepass.spans import in_words

BITRATE = "192k"
TIME_LIMIT = 60.0  # seconds


def write_mp3(sound: Stereo, path: Path, title: str) -> None:
    """Encode to `path`. Raises `Transient`, with the end of ffmpeg's own words, where that fails."""
    pcm = np.clip(np.round(sound.T * 32767.0), -32768, 32767).astype("<i2").tobytes()
    command = [ffmpeg(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
    command += ["-f", "s16le", "-ar", str(RATE), "-ac", "2", "-i", "pipe:0"]
    command += ["-c:a", "libmp3lame", "-b:a", BITRATE, "-compression_level", "7", "-fflags", "+bitexact"]
    command += ["-metadata", f"title={title[:200]}", "-f", "mp3", local(path)]
    try:
        done = subprocess.run(
            dying_with_parent(command), input=pcm, capture_output=True, timeout=TIME_LIMIT, env=plain_environment()
        )
    except subprocess.TimeoutExpired:
        raise Transient(f"ffmpeg did not finish within {in_words(TIME_LIMIT)}", provider="local") from None
    if done.returncode != 0:
        words = tail(done.stderr.decode("utf-8", "replace").splitlines())
        raise Transient(f"ffmpeg failed: {words}", provider="local")
