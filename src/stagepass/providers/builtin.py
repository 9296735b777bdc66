"""The providers that come with Stagepass and need no key: the local ones.

What a local provider needs is imported when it is made, so that a process which does not use it does
not pay for it.
"""

from typing import Any

from stagepass.providers.ports import ClipMaker, SongMaker, TextModel
from stagepass.providers.registry import Offer, provide


def _local_text(offer: Offer) -> Any:
    from stagepass.providers.local.text import LocalTextModel

    return LocalTextModel()


def _local_song(offer: Offer) -> Any:
    from stagepass.providers.local.song import LocalSongMaker

    return LocalSongMaker(offer.folder)


def _local_clip(offer: Offer) -> Any:
    from stagepass.providers.local.clip import LocalClipMaker

    return LocalClipMaker(offer.folder)


provide(TextModel, "local", _local_text)
provide(SongMaker, "local", _local_song)
provide(ClipMaker, "local", _local_clip)
