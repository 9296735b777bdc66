"""`LocalSongMaker`: the `SongMaker` port on this machine. The first look at a task renders it, in a child process."""

import contextlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any, BinaryIO

from stagepass.errors import Permanent, StageError, TimedOut, Transient
from stagepass.providers.local.song import lyric
from stagepass.providers.local.song.kinship import child_environment
from stagepass.providers.local.song.render import CANNOT, SONG
from stagepass.providers.local.song.tasks import REQUEST, TaskFolder
from stagepass.providers.ports import LineTiming, MadeSong, SongRequest

MODEL = "stagepass-song-1"
TIME_LIMIT = 90.0  # seconds for one render
PIECE = 1 << 16  # bytes
TAIL = 600  # characters of the child's last words


class LocalSongMaker:
    """Composes, plays and sings songs on this machine, for nothing and without a network.

    The same request gives the same song, and the same task. Where this machine has no espeak-ng, an instrument plays
    the melody: `model` then ends in ``-instrumental``, and so does each clip's id.

    Args:
        folder: where tasks and their songs are kept, until `cancel` or `clean`.
        time_limit: seconds that one render may take.
    """

    name = "local"

    def __init__(self, folder: Path, *, time_limit: float = TIME_LIMIT) -> None:
        self.model = MODEL if _has_voice() else f"{MODEL}-instrumental"
        self._folder = folder
        self._tasks = TaskFolder(folder, self.name, MODEL)
        self._time_limit = time_limit
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._guard = threading.Lock()

    def submit(self, request: SongRequest) -> str:
        """Keep the order and return its id at once. Raises `Permanent` where the lyric has no line to sing."""
        if not lyric.read(request.lyric):
            raise Permanent("the lyric has no line that can be sung", provider=self.name)
        return self._tasks.put(request)

    def look(self, task_id: str) -> MadeSong | None:
        """The song; renders it first where nobody has yet, and returns None while somebody else does.

        Raises:
            TimedOut: the render passed its limit.
            Transient: the render child was killed, or lacked disk or memory; the next look renders again.
            Permanent: no such task, or this lyric cannot be sung.
        """
        folder = self._tasks.of(task_id)
        found = self._tasks.result(folder)
        if found is None:
            with self._tasks.locked(folder) as mine:
                if not mine:
                    return None
                found = self._tasks.result(folder)  # another may have finished a moment ago
                if found is None:
                    self._tasks.sweep(folder)
                    self._render(task_id, folder)
                    found = self._tasks.result(folder)
        if found is None:
            raise Transient("the song was rendered and is not there", provider=self.name)
        return self._made(task_id, folder, found)

    def fetch(self, song: MadeSong, target: BinaryIO) -> None:
        """Copy the MP3 into `target`, in pieces of 64 KiB. Raises `Permanent` where it was removed."""
        source = Path(song.source)
        if not source.resolve().is_relative_to(self._folder.resolve()):
            raise Permanent("not a song of this maker", provider=self.name)
        try:
            with source.open("rb") as recording:
                shutil.copyfileobj(recording, target, PIECE)
        except FileNotFoundError:
            raise Permanent("the song was removed", provider=self.name, advice="submit the song again") from None

    def cancel(self, task_id: str) -> None:
        """Stop a render of ours and forget the task; harmless for an unknown one."""
        with contextlib.suppress(Permanent):
            folder = self._tasks.of(task_id)
            self._tasks.remove(folder)
        with self._guard:
            child = self._running.get(task_id)
            if child is not None:
                child.kill()

    def clean(self, older_than_seconds: float) -> int:
        """Remove tasks unused for that long; returns how many. Tasks being rendered stay."""
        return self._tasks.clean(older_than_seconds)

    # ── one render ───────────────────────────────────────────────────────────────────────────────

    def _render(self, task_id: str, folder: Path) -> None:
        command = [sys.executable, "-m", "stagepass.providers.local.song.render", str(folder / REQUEST), str(folder)]
        with tempfile.TemporaryFile() as words, self._child(task_id, command, words) as child:
            try:
                code = child.wait(self._time_limit)
            except subprocess.TimeoutExpired:
                raise TimedOut(
                    f"the song was not rendered within {self._time_limit:g} s{_last_words(words)}", provider=self.name
                ) from None
            if code != 0:
                raise self._failure(code, _last_words(words), folder)

    @contextlib.contextmanager
    def _child(self, task_id: str, command: list[str], words: IO[bytes]) -> Any:
        """A child that dies with this block, and with this process: it watches the pipe that it gets as stdin."""
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=words, env=child_environment()
        )
        with self._guard:
            self._running[task_id] = child
        try:
            yield child
        finally:
            with self._guard:
                del self._running[task_id]
            child.kill()
            child.wait()
            if child.stdin:
                child.stdin.close()

    def _failure(self, code: int, words: str, folder: Path) -> StageError:
        if not folder.exists():
            return Permanent("the song was cancelled", provider=self.name)
        if code == CANNOT:
            return Permanent(f"this lyric cannot be sung{words}", provider=self.name)
        if code == 1:  # a traceback: a bug, which a second render would meet again
            return Permanent(f"the song's render failed{words}", provider=self.name)
        return Transient(f"the song's render ended with code {code}{words}", provider=self.name)

    def _made(self, task_id: str, folder: Path, found: dict[str, Any]) -> MadeSong:
        timing = [LineTiming(str(text), float(start), float(end)) for text, start, end in found["timing"]]
        clip_id = task_id if found["sung"] else f"{task_id}-instrumental"
        return MadeSong(clip_id, float(found["duration"]), timing, str(folder / SONG))


def _last_words(words: IO[bytes]) -> str:
    """The end of what the child wrote to stderr, ready to be put after a message."""
    words.seek(0)
    text = words.read().decode("utf-8", "replace").strip()[-TAIL:]
    return f": {text}" if text else ""


def _has_voice() -> bool:
    """Is there an espeak-ng for the voice child to load? Nothing of it is loaded here."""
    found = importlib.util.find_spec("espeakng_loader")
    if found is None or found.origin is None:
        return False
    return any(Path(found.origin).parent.glob("*espeak-ng.*"))
