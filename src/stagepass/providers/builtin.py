"""The providers that come with Stagepass: the local ones, which need no key, and the vendors.

What a local provider needs is imported when it is made, so that a process which does not use it does
not pay for it.
"""

from pathlib import Path
from typing import Any

import stagepass.providers.vendors.offers  # noqa: F401  (registers them)
from stagepass.providers.ports import ClipMaker, SongMaker, TextModel
from stagepass.providers.registry import Offer, provide

KEPT = 7 * 86_400.0
"""Seconds for which local makers keep the work of an order; what a job needs of it is in the file store."""


def _local_text(offer: Offer) -> Any:
    from stagepass.providers.local.text import LocalTextModel

    return LocalTextModel()


def _local_song(offer: Offer) -> Any:
    from stagepass.providers.local.song import LocalSongMaker

    voices = offer.environ.get("VOICE_DIR")
    maker = LocalSongMaker(offer.folder, voices=Path(voices) if voices else None)
    maker.clean(KEPT)
    return maker


def _local_clip(offer: Offer) -> Any:
    from stagepass.providers.local.clip import LocalClipMaker

    maker = LocalClipMaker(offer.folder)
    maker.clean(KEPT)
    return maker


provide(TextModel, "local", _local_text)
provide(SongMaker, "local", _local_song)
provide(ClipMaker, "local", _local_clip)
