"""The local song maker: composes, plays and sings a lyric on this machine, without a key or a network."""

from stagepass.providers.local.song.maker import LocalSongMaker

__all__ = ["LocalSongMaker"]
