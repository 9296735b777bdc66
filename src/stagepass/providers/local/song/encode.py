"""Writes a song as MP3, by ffmpeg in a process of its own (its static build is GPL-3)."""

import subprocess
from pathlib import Path

import numpy as np

from stagepass.providers.local.song.sound import RATE, Stereo

BITRATE = "192k"
TIME_LIMIT = 60.0


def write_mp3(sound: Stereo, path: Path, title: str) -> None:
    """Encode to `path`; raises OSError with the end of ffmpeg's own words where that fails."""
    import imageio_ffmpeg

    pcm = np.clip(np.round(sound.T * 32767.0), -32768, 32767).astype("<i2").tobytes()
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
    command += ["-f", "s16le", "-ar", str(RATE), "-ac", "2", "-i", "pipe:0"]
    command += ["-c:a", "libmp3lame", "-b:a", BITRATE, "-compression_level", "7", "-fflags", "+bitexact"]
    command += ["-metadata", f"title={title[:200]}", "-f", "mp3", str(path)]
    try:
        done = subprocess.run(command, input=pcm, capture_output=True, timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        raise OSError(f"ffmpeg did not finish within {TIME_LIMIT:.0f} s") from None
    if done.returncode != 0:
        raise OSError("ffmpeg failed: " + done.stderr.decode("utf-8", "replace")[-500:].strip())
