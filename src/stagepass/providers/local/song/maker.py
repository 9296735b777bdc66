"""`LocalSongMaker`: the song port on this machine. The first look at a task renders it, in a child process."""

import importlib.util
import json
import logging
import shutil
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from stagepass.errors import Permanent, Transient
from stagepass.providers.local.process import Child
from stagepass.providers.local.song import lyric, voices
from stagepass.providers.local.tasks import TaskStore
from stagepass.providers.ports import LineTiming, MadeSong, SongRequest, Tell, silent

MODEL = "stagepass-song-1"
TIME_LIMIT = 90.0
PIECE = 1 << 16  # bytes
_log = logging.getLogger(__name__)
_CHILD = "stagepass.providers.local.song.render"
_SONG, _RESULT = "song.mp3", "result.json"  # as in `render`, which is not imported here: it brings numpy


class LocalSongMaker:
    """Composes, plays and sings songs here, for nothing and without a network.

    Safe for threads; several processes may share one folder. The same request is the same task and gives the same
    song. `look` renders, and returns when it is done; a second `look` meanwhile returns None. Whatever dies, the
    next `look` starts afresh. Where this machine has no espeak-ng, an instrument plays the melody: `model` ends in
    ``-instrumental`` then, and so does the `clip_id` of every song without a voice.

    A lyric too long for 58 s loses its last lines: `MadeSong.timing` has the lines that are sung, ``result.json`` in
    the task's folder names the others under ``left_out``, and a warning is logged.

    Args:
        folder: for the tasks; made when it is first needed.
        time_limit: seconds for one render.
        voices: a folder with Piper voices, for spoken words that are easy to understand.
    """

    name = "local"

    def __init__(self, folder: Path, *, time_limit: float = TIME_LIMIT, voices: Path | None = None) -> None:
        self.model = MODEL if _has_voice() else f"{MODEL}-instrumental"
        self._voices = voices
        self._folder = folder
        self._tasks = TaskStore(folder, "song")
        self._time_limit = time_limit
        self._running: dict[str, Child] = {}
        self._guard = threading.Lock()

    def submit(self, request: SongRequest) -> str:
        """Take an order; returns its id at once. Raises `Permanent` where the lyric has no line to sing."""
        if not lyric.read(request.lyric):
            raise Permanent("the lyric has no line that can be sung", provider=self.name)
        order = {field: _plain(value) for field, value in asdict(request).items()}
        order["voice"] = voices.chosen(request.voice, request.language, self._voices)
        order["voices"] = str(self._voices) if self._voices else None
        return self._tasks.put(order, version=self.model)

    def find(self, request: SongRequest) -> str | None:
        """The id of this order: the same request always has the same, and taking it twice costs nothing."""
        return self.submit(request)

    def look(self, task_id: str, tell: Tell = silent) -> MadeSong | None:
        """The song, rendered now if it does not exist yet; None while another process renders it.

        Raises:
            Permanent: the task is not known here, was cancelled, or cannot be sung.
            TimedOut: the render took longer than the limit; the next look starts afresh.
            Transient: the render was killed or lacked something; the next look starts afresh.
        """
        folder = self._tasks.folder(task_id)
        found = _result(folder)
        if found is None:
            with self._tasks.claim(task_id) as lock:
                if lock is None:
                    return None
                found = _result(folder)  # another may have finished a moment ago
                if found is None:
                    self._render(task_id, folder, lock, tell)
                    found = _result(folder)
        if found is None:
            raise Transient("the song was rendered and is not whole", provider=self.name)
        if found["left_out"]:
            _log.warning("%s: no room for %d of the lyric's lines within 58 s", task_id, len(found["left_out"]))
        self._tasks.touch(task_id)
        timing = [LineTiming(str(text), float(start), float(end)) for text, start, end in found["timing"]]
        clip_id = f"{task_id}-instrumental" if found["voice"] == "none" else task_id
        return MadeSong(
            clip_id,
            float(found["duration"]),
            timing,
            str(folder / _SONG),
            genre=str(found["genre"]),
            instead_of=str(found["instead_of"]),
            bpm=float(found["bpm"]),
            voice=str(found["voice"]),
        )

    def fetch(self, song: MadeSong, target: BinaryIO) -> None:
        """Copy the MP3 into `target`, in pieces. Raises `Permanent` where it has been cleaned away or is not ours."""
        source = Path(song.source)
        if not source.resolve().is_relative_to(self._folder.resolve()):
            raise Permanent("this is not a song of this maker", provider=self.name)
        try:
            with source.open("rb") as recording:
                shutil.copyfileobj(recording, target, PIECE)
        except FileNotFoundError:
            raise Permanent("the song is not on this machine any more", provider=self.name) from None

    def cancel(self, task_id: str) -> None:
        """Forget the task; a render of this process ends at once. Harmless for an unknown task."""
        self._tasks.remove(task_id)
        with self._guard:
            child = self._running.get(task_id)
        if child is not None:
            child.kill()

    def progress(self, task_id: str) -> float | None:
        """Progress of the render in this process, 0…1; None if there is none."""
        with self._guard:
            child = self._running.get(task_id)
        return None if child is None else child.progress

    def clean(self, older_than_seconds: float) -> int:
        """Delete tasks that were not polled for that long. Returns their number."""
        return self._tasks.clean(older_than_seconds)

    def _render(self, task_id: str, folder: Path, lock: int, tell: Tell) -> None:
        where = folder.absolute()
        child = Child(_CHILD, [str(where / "request.json"), str(where)], keep_open=[lock])
        with self._guard:
            self._running[task_id] = child
        try:
            child.wait(self._time_limit, self.name, tell)
        except Transient:
            self._tasks.folder(task_id)  # cancelled meanwhile: that is why, and says so
            raise
        finally:
            with self._guard:
                del self._running[task_id]


def _result(folder: Path) -> dict[str, Any] | None:
    """The result that the render wrote, if its song is complete."""
    try:
        found: dict[str, Any] = json.loads((folder / _RESULT).read_bytes())
        whole = (folder / _SONG).stat().st_size == found["bytes"]
    except (OSError, ValueError, KeyError):
        return None
    return found if whole else None


def _has_voice() -> bool:
    """Is there an espeak-ng for the voice child to load? Nothing of it is loaded here."""
    found = importlib.util.find_spec("espeakng_loader")
    if found is None or found.origin is None:
        return False
    return any(Path(found.origin).parent.glob("*espeak-ng.*"))


def _plain(value: str | None) -> str | None:
    # Half of a surrogate pair, which JSON can carry, is no text that could be stored or spoken.
    return None if value is None else value.encode("utf-8", "ignore").decode()
