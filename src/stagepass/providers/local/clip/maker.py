"""`LocalClipMaker`: the clip port, by ffmpeg and Pillow on this machine. The render is a child process."""

import json
import shutil
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from stagepass.errors import Permanent, Transient
from stagepass.providers.local.clip.order import CLIP, LOGO, NOTES, SONG, Card, Line, Order, photo_name
from stagepass.providers.local.process import Child
from stagepass.providers.local.tasks import TaskStore
from stagepass.providers.ports import ClipRequest, EndCard, MadeClip, Tell, silent

_CHILD = "stagepass.providers.local.clip.render"


class LocalClipMaker:
    """Renders clips here. Safe for threads; several processes may share one folder.

    An order is a folder (see `TaskStore`), so that it outlives the request's files, and the
    same order is the same task. `look` renders, and returns when it is done: rendering is work, and takes the
    caller's slot. A second `look` meanwhile returns None. Whatever dies, the next `look` starts afresh.

    Args:
        folder: for the tasks; made when it is first needed.
        time_limit: seconds for one render.
        short_side: of the frame, pixels, even; 1080 is what people post.
        fps: frames per second.
        on_progress: called with a task's id and the fraction of it that is done (0–1), in a separate thread.
    """

    name = "local"
    model = "stagepass-clip-2"

    def __init__(
        self,
        folder: Path,
        *,
        time_limit: float = 300.0,
        short_side: int = 1080,
        fps: int = 30,
        on_progress: Callable[[str, float], None] | None = None,
    ) -> None:
        self._tasks = TaskStore(folder, "clip")
        self._time_limit, self._short_side, self._fps = time_limit, short_side, fps
        self._on_progress = on_progress
        self._running: dict[str, Child] = {}
        self._guard = threading.Lock()

    def submit(self, request: ClipRequest) -> str:
        """Take an order; returns at once. Raises `Permanent` when it makes no sense or a file is not there."""
        try:
            order = Order(
                title=_plain(request.title),
                subtitle=_plain(request.subtitle),
                photos=len(request.images),
                duration=request.duration,
                lines=[Line(text=_plain(line.text), start=line.start, end=line.end) for line in request.captions],
                orientation=request.orientation,
                platform=request.platform,
                style=request.caption_style,
                card=_card(request.card),
                facts=[_plain(fact) for fact in request.facts],
                short_side=self._short_side,
                fps=self._fps,
            )
        except ValidationError as error:
            what = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise Permanent(f"this clip cannot be made: {what}", provider=self.name) from None
        inputs = {photo_name(index): path for index, path in enumerate(request.images)}
        if request.card and request.card.logo:
            inputs[LOGO] = request.card.logo
        version = f"{self.model} {request.reference}"
        return self._tasks.put(order.model_dump(), {**inputs, SONG: request.audio}, version=version)

    def find(self, request: ClipRequest) -> str | None:
        """The id of this order: the same request always has the same, and taking it twice costs nothing."""
        return self.submit(request)

    def look(self, task_id: str, tell: Tell = silent) -> MadeClip | None:
        """The clip, rendered now if it does not exist yet; None while another process renders it.

        Raises:
            Permanent: the task is not known here, or cannot be done (the text says which image is at fault).
            TimedOut: the render took longer than the limit; the next look starts afresh.
            Transient: the render was killed or lacked something.
        """
        folder = self._tasks.folder(task_id)
        if not (folder / CLIP).is_file():
            with self._tasks.claim(task_id) as lock:
                if lock is None:
                    return None
                if not (folder / CLIP).is_file():
                    self._render(task_id, folder, lock, tell)
                self._drop_inputs(folder)
        self._tasks.touch(task_id)
        order = Order.model_validate(self._tasks.request(task_id))
        width, height = order.size
        return MadeClip(task_id, order.duration, width, height, str(folder / CLIP), notes=_notes(folder))

    def fetch(self, clip: MadeClip, target: BinaryIO) -> None:
        """Copy the clip into `target`, in pieces. Raises `Permanent` when it has been cleaned away."""
        try:
            with Path(clip.source).open("rb") as file:
                shutil.copyfileobj(file, target, 1 << 20)
        except FileNotFoundError:
            raise Permanent("the clip is not on this machine any more", provider=self.name) from None

    def cancel(self, task_id: str) -> None:
        """Forget the task. A render of this process ends at once, one of another within a second."""
        self._tasks.remove(task_id)
        with self._guard:
            child = self._running.get(task_id)
        if child is not None:
            child.kill()

    def progress(self, task_id: str) -> float | None:
        """Progress of the render in this process, 0–1; None if there is none."""
        with self._guard:
            child = self._running.get(task_id)
        return None if child is None else child.progress

    def clean(self, older_than_seconds: float) -> int:
        """Delete tasks that were not polled for that long. Returns their number."""
        return self._tasks.clean(older_than_seconds)

    def _render(self, task_id: str, folder: Path, lock: int, tell: Tell) -> None:
        at_once = None if self._on_progress is None else partial(self._on_progress, task_id)
        child = Child(_CHILD, [str(folder.absolute())], keep_open=[lock], on_progress=at_once)
        with self._guard:
            self._running[task_id] = child
        try:
            child.wait(self._time_limit, self.name, tell)
        except Transient:
            self._tasks.folder(task_id)  # cancelled meanwhile: then that is what is said
            raise
        finally:
            with self._guard:
                del self._running[task_id]

    def _drop_inputs(self, folder: Path) -> None:
        # The clip is what is kept; ten photos of a camera are larger than it.
        for path in (*folder.glob("photo-*"), folder / SONG, folder / LOGO):
            path.unlink(missing_ok=True)


def _card(card: EndCard | None) -> Card | None:
    if card is None:
        return None
    contact = [_plain(line.strip()) for line in card.contact.splitlines() if line.strip()]
    return Card(
        contact=contact[:3],
        hours=_plain(card.hours),
        offer=_plain(card.offer),
        call_to_action=_plain(card.call_to_action),
        link=_plain(card.link),
        logo=card.logo is not None,
    )


def _notes(folder: Path) -> list[tuple[str, int]]:
    try:
        return [(str(what), int(number)) for what, number in json.loads((folder / NOTES).read_bytes())]
    except (OSError, ValueError):
        return []


def _plain(text: str) -> str:
    # Half of a surrogate pair, which JSON can carry, is no text that could be stored.
    return text.encode("utf-8", "ignore").decode()
