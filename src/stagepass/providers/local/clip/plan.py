"""The clip's timeline: what is seen when, and where the camera looks. Pure: no files, no pictures.

    0 ──title card──┬──photo──┬──photo──┬ … ┬──end card── duration
                 cross-fades, centred on the cuts; a cut prefers the start of a sung line

The first photo is under the title card already, blurred, with one camera path through both, so the
card dissolves like a lens that comes into focus; the last photo and the end card likewise.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from stagepass.providers.ports import LineTiming

FADE = 0.8
"""Seconds of a cross-fade between two photos."""

END_SECONDS = 3.0
"""Seconds of an end card that has something to say."""

_SHOT = 5.0  # seconds that one photo is looked at before the next, or a closer look at the same
_SNAP = 0.25  # of a shot: how far a cut moves to meet the start of a line
_BREATH = 1.0  # seconds of silence that make the next line the start of a section
_ZOOM_SPEED, _MOST_ZOOM = 0.012, 0.09  # of the picture: per second, and in all


@dataclass(frozen=True, slots=True)
class View:
    """A camera position: `zoom` ≥ 1; `x`, `y` in −1…1, from one edge of the picture to the other."""

    zoom: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Camera:
    """A straight move between two views, over the seconds `begins`–`ends` of the clip."""

    begins: float
    ends: float
    first: View
    last: View

    def at(self, time: float) -> View:
        """The view at `time` seconds; it rests at its ends."""
        share = min(1.0, max(0.0, (time - self.begins) / (self.ends - self.begins)))
        a, b = self.first, self.last
        return View(a.zoom + (b.zoom - a.zoom) * share, a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share)


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture on the screen. `start`–`end` reach from cut to cut; cross-fades reach over them."""

    kind: Literal["title", "photo", "end"]
    picture: int
    start: float
    end: float
    camera: Camera


@dataclass(frozen=True, slots=True)
class Plan:
    """The timeline.

    Attributes:
        duration: seconds; the scenes cover it without a gap.
        fade: seconds of each cross-fade, never longer than a scene.
        captions: in order, apart from each other, inside the duration.
    """

    duration: float
    fade: float
    scenes: tuple[Scene, ...]
    captions: tuple[LineTiming, ...]

    def at(self, time: float) -> tuple[Scene, Scene | None, float]:
        """The scene at `time`, the one it fades to if it does, and that one's share (0–1)."""
        for scene, following in zip(self.scenes, self.scenes[1:], strict=False):
            if time < scene.end - self.fade / 2:
                return scene, None, 0.0
            if time < scene.end + self.fade / 2:
                return scene, following, max(0.0, (time - scene.end) / self.fade + 0.5)
        return self.scenes[-1], None, 0.0


def make_plan(
    duration: float,
    lines: Sequence[LineTiming],
    whole: Sequence[bool],
    pans: Sequence[bool] = (),
    end_seconds: float = 2.5,
) -> Plan:
    """Lay out a clip.

    Args:
        duration: seconds of the song, more than 0.
        lines: the sung lines; those without a sensible time are left out.
        whole: for each picture, whether it must stay in sight as a whole: the camera then hardly moves.
            At least one; each picture is shown if there is a second for it.
        pans: for each picture, whether it is much longer than the frame: the camera then goes from end to end.
        end_seconds: of the end card, if the clip is long enough for it.
    """
    pictures = len(whole)
    captions = tidy_lines(lines, duration)
    title_end = _title_end(duration, captions)
    end_start = duration - min(end_seconds, 0.14 * duration)
    cuts = _cuts(title_end, end_start, pictures, captions)
    spans = list(itertools.pairwise(cuts))
    fade = min(FADE, 0.8 * min(b - a for a, b in [(0.0, title_end), *spans, (end_start, duration)]))

    shots = []
    for number, (start, end) in enumerate(spans):
        begins = 0.0 if number == 0 else start - fade / 2
        ends = duration if number == len(spans) - 1 else end + fade / 2
        picture, round_ = number % pictures, number // pictures
        panned = bool(pans) and pans[picture]
        path = _pan(round_) if panned else _move(number, round_, ends - begins, whole[picture])
        camera = Camera(begins, ends, *path)
        shots.append(Scene("photo", picture, start, end, camera))
    title = Scene("title", shots[0].picture, 0.0, title_end, shots[0].camera)
    end_card = Scene("end", shots[-1].picture, end_start, duration, shots[-1].camera)
    return Plan(duration, fade, (title, *shots, end_card), captions)


def tidy_lines(lines: Sequence[LineTiming], duration: float) -> tuple[LineTiming, ...]:
    """The lines in order and apart; what has no sensible time is left out, and what is too short to read is held."""
    good = [
        line
        for line in lines
        if math.isfinite(line.start) and math.isfinite(line.end) and line.end > line.start and line.text.strip()
    ]
    good.sort(key=lambda line: (line.start, line.end))
    tidy: list[LineTiming] = []
    for number, line in enumerate(good):
        start = max(0.0, line.start)
        until = min([duration, *(max(0.0, later.start) for later in good[number + 1 : number + 2])])
        end = min(until, max(line.end, start + 0.8))
        if end - start >= 0.05:
            tidy.append(LineTiming(line.text, start, end))
    return tuple(tidy)


def _title_end(duration: float, captions: Sequence[LineTiming]) -> float:
    # The card gives way to the first line where that comes at a good moment.
    first = captions[0].start if captions else 3.0
    return min(first if 2.0 <= first <= 4.0 else 3.0, 0.2 * duration)


def _cuts(start: float, end: float, pictures: int, captions: Sequence[LineTiming]) -> list[float]:
    span = end - start
    shots = max(1, min(max(pictures, round(span / _SHOT)), math.floor(span)))
    step = span / shots
    # Photos that change faster than every two seconds keep their even beat.
    reach = _SNAP * step if step >= 2.0 else 0.0
    sung = [line.start for line in captions]
    fresh = {b.start for a, b in itertools.pairwise(captions) if b.start - a.end >= _BREATH}
    cuts = [start]
    for number in range(1, shots):
        even = start + number * step
        near = [time for time in sung if abs(time - even) <= reach]
        cuts.append(min(near, key=lambda time: abs(time - even) - (reach if time in fresh else 0.0), default=even))
    return [*cuts, end]


def _pan(round_: int) -> tuple[View, View]:
    """From one end of a long picture to the other, and back the next time."""
    ends = (View(1.0, -0.94, 0.0), View(1.0, 0.94, 0.0))
    return ends if round_ % 2 == 0 else ends[::-1]


def _move(number: int, round_: int, seconds: float, whole: bool) -> tuple[View, View]:
    """The camera's path in one shot; later rounds over the same pictures zoom in on another part."""
    zoom = min(_MOST_ZOOM, _ZOOM_SPEED * seconds)
    if whole:
        near, far = View(1.0 + min(zoom, 0.05), 0.0, 0.0), View(1.0, 0.0, 0.0)
        return (far, near) if number % 2 == 0 else (near, far)
    if round_ == 0:
        moves = (
            (View(1.0, 0.0, -0.2), View(1.0 + zoom, 0.1, -0.3)),  # slowly in
            (View(1.0 + zoom, 0.35, 0.0), View(1.01, -0.2, 0.0)),  # out, drifting left
            (View(1.03, -0.5, 0.1), View(1.03 + zoom / 2, 0.5, -0.1)),  # along
            (View(1.0 + zoom, 0.0, 0.5), View(1.0, 0.0, -0.1)),  # out, upwards
        )
        return moves[number % len(moves)]
    side = 0.4 if round_ % 2 else -0.4
    closer = (
        (View(1.2, side, -0.3), View(1.2 + zoom, side, -0.1)),
        (View(1.2 + zoom, -side, 0.3), View(1.2, -side, 0.1)),
        (View(1.24, side, 0.4), View(1.24, -side / 4, 0.2)),
    )
    return closer[number % len(closer)]
