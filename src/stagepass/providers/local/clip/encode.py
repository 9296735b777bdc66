"""Frames and a song → MP4, by ffmpeg. No text of a person's ever reaches ffmpeg's command line.

Encoding is the larger part of the work, so its settings were measured (2 cores, 150 frames of a very
detailed picture at 1080×1920, crf 22; PSNR against the input):

    veryfast                      8.2 s CPU   39.9 dB   2.7 Mbit/s
    superfast                     5.7 s       41.1 dB   4.6 Mbit/s
    ultrafast                     4.2 s       41.2 dB   27.6 Mbit/s
    superfast, B frames on keys   3.3 s       41.2 dB   4.8 Mbit/s

"B frames on keys": `film` mixes three of four frames out of their neighbours. With a fixed pattern
P B b B P on that very grid, x264's bi-prediction is that mix, and costs next to nothing. A constant
quantiser in place of crf saves another fifth (no look-ahead), and does not waste bits on smooth skies.
"""

import subprocess
import threading
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from stagepass.errors import Permanent, Transient
from stagepass.providers.local.clip.film import KEY
from stagepass.providers.local.clip.frames import Frame
from stagepass.providers.local.media import SILENCE, ffmpeg, local, loudness
from stagepass.providers.local.process import dying_with_parent, plain_environment, tail

LOUDEST, TARGET, QUIETEST = -12.8, -14.5, -19.0
"""LUFS: songs outside of this range are brought to the target; those inside are left as they are."""

_COLOR = ("-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")


def encode(frames: Iterable[Frame], size: tuple[int, int], fps: int, duration: float, song: Path, target: Path) -> None:
    """Write an MP4: H.264 High, yuv420p, AAC 192 kbit/s at 48 kHz in stereo, its index in front.

    Args:
        frames: of `size` pixels.
        fps: frames per second.
        duration: seconds; the song is cut or followed by silence to fit.
        song: any audio file that ffmpeg reads.
        target: overwritten.

    Raises:
        Permanent: the song cannot be read, or ffmpeg refused.
        Transient: ffmpeg was killed.
    """
    command = dying_with_parent([ffmpeg(), *_arguments(size, fps, duration, song, target)])
    # pipesize: a third of a frame instead of 64 KiB, so that the two sides meet less often.
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, pipesize=1 << 20, env=plain_environment()
    )
    assert process.stdin is not None
    assert process.stderr is not None
    said: deque[bytes] = deque(maxlen=8)
    listener = threading.Thread(target=said.extend, args=(process.stderr,), daemon=True)
    listener.start()
    try:
        for frame in frames:
            for plane in frame.data():
                process.stdin.write(plane)
        process.stdin.close()
    except BrokenPipeError:
        pass  # it has ended, and says below why
    except BaseException:
        process.kill()
        raise
    code = process.wait()
    listener.join(5)
    if code < 0:
        raise Transient(f"ffmpeg was killed by signal {-code}", provider="local")
    if code:
        raise Permanent(f"ffmpeg: {tail([line.decode('utf-8', 'replace') for line in said])}", provider="local")


def gain_for(measured: float) -> float:
    """Decibels that bring a song of `measured` LUFS into the range; 0 for one that is, and for silence."""
    if QUIETEST <= measured <= LOUDEST or measured <= SILENCE:
        return 0.0
    return TARGET - measured


def _arguments(size: tuple[int, int], fps: int, duration: float, song: Path, target: Path) -> list[str]:
    return [
        *("-hide_banner", "-nostats", "-v", "error", "-y"),
        *("-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", f"{size[0]}x{size[1]}", "-framerate", str(fps)),
        *(*_COLOR, "-i", "pipe:0"),
        *("-i", local(song), "-map", "0:v:0", "-map", "1:a:0"),
        *("-c:v", "libx264", "-preset", "superfast", "-profile:v", "high", "-qp", "22", "-pix_fmt", "yuv420p"),
        # keyint is a multiple of KEY, or the pattern would run off the grid.
        *("-x264-params", f"keyint={KEY * 15}:scenecut=0:bframes={KEY - 1}:b-adapt=0:b-pyramid=normal:weightp=0"),
        *_COLOR,
        *("-af", _audio_filter(loudness(song), duration), "-c:a", "aac", "-b:a", "192k", "-ar", "48000", "-ac", "2"),
        *("-t", f"{duration:.3f}", "-map_metadata", "-1", "-movflags", "+faststart", "-f", "mp4", local(target)),
    ]


def _audio_filter(measured: float, duration: float) -> str:
    parts = ["aresample=48000"]
    gain = gain_for(measured)
    if gain:
        # The limiter sees to the peaks of a song that is made louder.
        parts += [f"volume={gain:.2f}dB", "alimiter=limit=0.89:level=false"]
    fade = min(0.3, duration / 10)
    return ",".join([*parts, "apad", f"afade=t=out:st={duration - fade:.3f}:d={fade:.3f}"])
