"""Songs by Suno, through sunoapi.org, or kie.ai, which has the same paths.

Contract: docs.sunoapi.org/suno-api, as of November 2026. An order makes two songs; their addresses are good
for days, so they are copied. A callback only wakes the stage: the vendor is asked again before it is believed.
"""

from collections.abc import Mapping
from typing import Any, BinaryIO
from urllib.parse import quote

from stagepass.errors import Permanent, StageError, TaskFailed, Transient
from stagepass.providers.answers import Table
from stagepass.providers.ports import LineTiming, MadeSong, SongRequest, Tell, silent
from stagepass.providers.tables import KIE, SUNO, SUNO_TASK
from stagepass.providers.vendors.http import CALL_TIME, Http
from stagepass.providers.vendors.timing import fold
from stagepass.providers.vendors.wire import amount, own_shape, word

NOWHERE = "https://example.com/no-callback"
"""The API requires a callback URL, even if we only poll."""

LIMITS: Mapping[str, tuple[int, int, int]] = {
    "V4": (3000, 200, 80),
    "V4_5": (5000, 1000, 100),
    "V4_5PLUS": (5000, 1000, 100),
    "V4_5ALL": (5000, 1000, 80),
    "V5": (5000, 1000, 100),
    "V5_5": (5000, 1000, 100),
}
"""Characters of lyric, style and title, by model."""

_STRICTEST = (3000, 200, 80)

LONGEST_SONG = 3_600.0
"""Seconds; a longer duration is a mistake of its vendor."""

MOST_SONGS = 10
"""Recordings of one order that are kept; today an order makes two."""

PROGRESS = {"PENDING": 0.1, "TEXT_SUCCESS": 0.3, "FIRST_SUCCESS": 0.8}


class SunoSongs:
    """A `SongMaker`. Its `model` is the vendor's word for it (``V5``)."""

    def __init__(self, name: str, model: str, key: str, base_url: str, *, call_time: float = CALL_TIME) -> None:
        self.name = name
        self.model = model
        table, home = _HOMES[name]
        self._http = Http(base_url or home, {"Authorization": f"Bearer {key}"}, table, call_time=call_time)

    def submit(self, request: SongRequest) -> str:
        """See `SongMaker.submit`. A lyric that is too long is refused here, before it can cost anything."""
        lyric, style, title = LIMITS.get(self.model, _STRICTEST)
        if len(request.lyric) > lyric:
            raise Permanent(
                f"{self.name}: the lyric has {len(request.lyric)} characters; {self.model} takes {lyric}",
                provider=self.name,
                advice="a shorter lyric",
            )
        order = {
            "customMode": True,
            "instrumental": request.voice == "none",
            "model": self.model,
            "prompt": request.lyric,
            "style": request.genre[:style],
            "title": request.title[:title],
            "callBackUrl": request.callback_url or NOWHERE,
        }
        answer = self._http.post("/api/v1/generate", order)
        with own_shape(self.name):
            task = word(answer["data"]["taskId"])
        if not task:  # it may have been taken: not knowing is no reason to order again
            raise Transient(f"{self.name}: took the order and gave no task id", provider=self.name)
        return task

    def find(self, request: SongRequest) -> str | None:
        """The API has no list of orders and no reference of ours: it cannot tell."""
        return None

    def look(self, task_id: str, tell: Tell = silent) -> MadeSong | None:
        """See `SongMaker.look`. A song that is there counts, though its callback could not be delivered."""
        answer = self._http.get(f"/api/v1/generate/record-info?taskId={quote(task_id, safe='')}")
        with own_shape(self.name):
            data = answer["data"]
            status = word(data.get("status"))
            songs = [song for song in _songs(data) if song.source]
        if status == "SUCCESS" or (status == "CALLBACK_EXCEPTION" and songs):
            if not songs:
                raise TaskFailed(f"{self.name}: ended without a song", provider=self.name)
            return self._whole(task_id, songs)
        if any(status in rule.code for rule in SUNO_TASK.rules) and (problem := SUNO_TASK.error(200, data)):
            raise problem
        tell(PROGRESS.get(status, 0.1))
        return None

    def _whole(self, task_id: str, songs: list[MadeSong]) -> MadeSong:
        first = songs[0]
        return MadeSong(
            first.clip_id, first.duration, self._timing(task_id, first.clip_id), first.source, also=tuple(songs[1:])
        )

    def _timing(self, task_id: str, clip_id: str) -> list[LineTiming] | None:
        """When each line is sung; None where the vendor does not say, which is no reason to lose a song."""
        try:
            asked = {"taskId": task_id, "audioId": clip_id}
            answer = self._http.post("/api/v1/generate/get-timestamped-lyrics", asked)
            with own_shape(self.name):
                return fold(answer["data"]["alignedWords"]) or None
        except StageError:
            return None

    def fetch(self, song: MadeSong, target: BinaryIO) -> None:
        """See `SongMaker.fetch`."""
        self._http.copy(song.source, target)

    def cancel(self, task_id: str) -> None:
        """The API has no way to stop a task."""

    def self_check(self) -> str:
        """See `stagepass.providers.ports.SelfCheck`."""
        answer = self._http.get("/api/v1/generate/credit", time_limit=10)
        with own_shape(self.name):
            credits = answer["data"]
        return f"{self.name}: the key is good; {credits} credits are left"


_HOMES: Mapping[str, tuple[Table, str]] = {
    "suno": (SUNO, "https://api.sunoapi.org"),
    "kie": (KIE, "https://api.kie.ai"),
}


def _songs(data: Mapping[str, Any]) -> list[MadeSong]:
    """The recordings of a task, in the shape of today or in the older one with other names."""
    response = data.get("response") or {}
    listed = response.get("sunoData") or response.get("data") or []
    return [
        MadeSong(
            word(song.get("id")),
            amount(song.get("duration"), LONGEST_SONG),
            None,
            word(song.get("audioUrl")) or word(song.get("audio_url")),
        )
        for song in listed[:MOST_SONGS]
        if isinstance(song, Mapping)
    ]
