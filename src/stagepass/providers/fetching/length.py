"""Measures the duration of a recording if its maker did not report it."""

import re
import subprocess
from pathlib import Path

LONGEST_LOOK = 60.0
"""Seconds that measuring may take."""

_TIME = re.compile(rb"time=(\d+):(\d\d):(\d\d(?:\.\d+)?)")


def seconds_of(path: Path) -> float:
    """Seconds of a recording, by decoding it; 0 for a file that cannot be decoded."""
    import imageio_ffmpeg  # here, since only a song without a length needs it

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-i", str(path)]
    try:
        done = subprocess.run(
            [*command, "-map", "0:a:0", "-f", "null", "-"], env={}, capture_output=True, timeout=LONGEST_LOOK
        )
    except subprocess.TimeoutExpired:
        return 0.0
    found = _TIME.findall(done.stderr)
    if done.returncode != 0 or not found:
        return 0.0
    hours, minutes, seconds = (float(part) for part in found[-1])
    return hours * 3600 + minutes * 60 + seconds
