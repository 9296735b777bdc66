"""Clips made on this machine: photos, a song and its lines → an MP4, by Pillow and ffmpeg.

plan (timeline) → film (frames: photos, art, cards, captions) → encode (ffmpeg); `render` runs it in a
child process, `maker` is the port.
"""

from stagepass.providers.local.clip.maker import LocalClipMaker

__all__ = ["LocalClipMaker"]
