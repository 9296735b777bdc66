"""The child process that renders one task: ``python -m stagepass.providers.local.clip.render <task folder>``.

A 38 s clip of 1080×1920 at 30 fps took 39 s of CPU without photos (23.5 s on two cores with a little else to
do) and 43–51 s with four, on two cores shared with heavy work. The file has 3 MB, with photos 8 MB.
"""

import json
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from stagepass.errors import Permanent, Transient
from stagepass.providers.local.clip import art
from stagepass.providers.local.clip.encode import encode
from stagepass.providers.local.clip.ending import ending
from stagepass.providers.local.clip.film import Film, Look
from stagepass.providers.local.clip.frames import Frame
from stagepass.providers.local.clip.order import CLIP, NOTES, SONG, UNFINISHED, Order
from stagepass.providers.local.clip.plan import END_SECONDS, make_plan
from stagepass.providers.local.clip.shots import Shots, shots_of
from stagepass.providers.local.media import probe
from stagepass.providers.local.process import child_main, report_progress
from stagepass.providers.local.tasks import publish


def render(folder: Path) -> None:
    """Render the order in `folder`; its clip appears under its name when it is complete."""
    try:
        order = Order.model_validate_json((folder / "request.json").read_bytes())
    except FileNotFoundError:
        raise Permanent("the task was cancelled", provider="local") from None
    if probe(folder / SONG).audio is None:
        raise Permanent("the song has no sound", provider="local")
    made = shots_of(order, folder)
    plan = make_plan(
        order.duration,
        [line.timing() for line in order.lines],
        [shot.whole for shot in made.shots],
        [shot.pan for shot in made.shots],
        END_SECONDS if order.card else 2.5,
    )
    film = Film(plan, _look(order, made, folder), order.fps)
    unfinished = folder / UNFINISHED
    encode(_watched(film, film.frames, folder), order.size, order.fps, order.duration, folder / SONG, unfinished)
    clip = probe(unfinished)
    if clip.duration is None or abs(clip.duration - order.duration) > 0.25:
        raise Transient("the clip came out with another length than the song's", provider="local")
    (folder / NOTES).write_text(json.dumps(made.notes), "utf-8")
    publish(unfinished, folder / CLIP)
    report_progress(1.0)


def _look(order: Order, made: Shots, folder: Path) -> Look:
    end = None
    if order.card:
        end = ending(order.title, order.subtitle, order.card, order.size, order.safe, folder)
    return Look(
        order.title,
        order.subtitle,
        order.size,
        [shot.picture for shot in made.shots],
        art.Drift(order.title, order.size) if made.designed else None,
        safe=order.safe,
        style=order.style,
        end=end,
        facts=order.facts,
    )


def _watched(frames: Iterable[Frame], count: int, folder: Path) -> Iterator[Frame]:
    """The frames, with a word to the parent now and then; ends the process when the task was cancelled."""
    for number, frame in enumerate(frames):
        if number % 15 == 0:
            report_progress(number / count)
            if not (folder / "request.json").exists():
                os._exit(1)  # no longer needed; ffmpeg ends with this process
        yield frame


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # Pillow's remarks on odd files: `open_photo` decides
    sys.exit(child_main(lambda: render(Path(sys.argv[1]))))
