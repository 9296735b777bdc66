"""Plays a score: who plays what in which bar, each player on a separate bus."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stagepass.providers.local.song import instruments as play
from stagepass.providers.local.song import patterns
from stagepass.providers.local.song.compose import Bar, Score, second
from stagepass.providers.local.song.drums import KIT
from stagepass.providers.local.song.genre import OWN_WAY
from stagepass.providers.local.song.harmony import voice_led
from stagepass.providers.local.song.plan import ENDING, TAIL
from stagepass.providers.local.song.sound import RATE, Mono, Stereo, add

Buses = dict[str, Stereo]
PLAYERS = ("keys", "guitar", "pad", "bass", "drums", "bell")
_DRUM_GAIN = {
    "kick": 0.95, "snare": 0.5, "rim": 0.28, "clap": 0.4, "hat": 0.17, "open": 0.2, "shaker": 0.2, "cymbal": 0.2,
}  # fmt: skip
_DRUM_PAN = {"hat": 0.25, "shaker": -0.35, "open": 0.2, "rim": 0.15, "cymbal": -0.15}
_PIANO = ("ballad", "waltz", "trot", "children's")
_STRUM = 0.013  # seconds from string to string


@dataclass(frozen=True, slots=True)
class _Place:
    """One bar as its players see it."""

    index: int
    bar: Bar
    notes: tuple[int, ...]
    part: str
    chorus: bool
    final: bool


def arrange(score: Score, seed: int) -> Buses:
    """Play the whole song; returns one stereo bus per player, equally long."""
    length = int(score.plan.seconds * RATE)
    buses = {player: np.zeros((2, length), dtype=np.float32) for player in PLAYERS}
    rng = np.random.default_rng(seed + 1)
    voicings = voice_led([bar.chord for bar in score.bars])
    for index, bar in enumerate(score.bars):
        part = str(bar.part)
        chorus = part in ("chorus", "interlude", "bridge", "outro")
        place = _Place(index, bar, voicings[index], part, chorus, index + 1 == len(score.bars))
        for player, act in _ACTS.items():
            gain = patterns.PLAYING[part][player] * getattr(score.genre.levels, player)
            if gain > 0.01:
                act(score, place, buses[player], gain, rng)
    _bell(score, buses["bell"])
    return buses


def _at(score: Score, place: _Place, sixteenth: float) -> float:
    return second(place.index * score.plan.units + sixteenth, score.plan, score.genre.swing)


def _length(score: Score, sixteenths: float) -> float:
    return round(sixteenths * score.plan.bar_seconds / score.plan.units, 3)


def _keys(score: Score, place: _Place, bus: Stereo, gain: float, rng: np.random.Generator) -> None:
    sound: Callable[[int, float], Mono] = play.piano if score.genre.name in _PIANO else play.electric_piano
    pattern = patterns.KEYS[score.genre.keys]
    if place.final:
        for order, note in enumerate(place.notes):  # the last chord, rolled upwards, rings out
            add(bus, sound(note, score.plan.bar_seconds + TAIL), _at(score, place, 0) + 0.03 * order, 0.26 * gain)
        return
    if score.genre.keys == "arpeggio" and place.part != "ending":
        for step, (start, length, loud) in enumerate(pattern):
            chosen = place.notes[patterns.ARPEGGIO[step] % len(place.notes)]
            pan = (chosen - 60) / 40
            add(bus, sound(chosen, _length(score, length + 5)), _at(score, place, start), 0.34 * gain * loud, pan)
        return
    for start, length, loud in pattern if place.part != "ending" else patterns.KEYS["held"]:
        length = min(length, score.plan.units - start)
        human = float(rng.uniform(-0.006, 0.008))
        for note in place.notes:
            touch = loud * float(rng.uniform(0.9, 1.05))
            add(bus, sound(note, _length(score, length)), _at(score, place, start) + human, 0.25 * gain * touch,
                (note - 61) / 45)  # fmt: skip


def _guitar(score: Score, place: _Place, bus: Stereo, gain: float, rng: np.random.Generator) -> None:
    pattern = patterns.GUITAR[score.genre.guitar]
    notes = place.notes
    low = 48 + place.bar.chord.bass % 12 if place.bar.chord.bass % 12 < 8 else 36 + place.bar.chord.bass
    strings = (low, *notes)
    if place.final:
        pattern = ((0, 16, 0.8),) if pattern else ()
    if score.genre.guitar == "power":
        _power(score, place, bus, gain)
        return
    for step, (start, length, loud) in enumerate(pattern):
        human = float(rng.uniform(-0.005, 0.007))
        when = _at(score, place, start) + human
        if score.genre.guitar in ("strum", "chop") or place.final:
            down = start % 4 == 0
            for order, note in enumerate(strings if down else tuple(reversed(notes))):
                touch = 0.24 * gain * loud * (1.0 if down else 0.75)
                add(bus, play.guitar(note, _length(score, length + 1)), when + order * _STRUM, touch, -0.3)
        else:
            note = strings[(0, 2, 3, 1, 2, 3, 1, 2)[step % 8] % len(strings)]
            add(bus, play.guitar(note, _length(score, length)), when, 0.36 * gain * loud, 0.35)


def _power(score: Score, place: _Place, bus: Stereo, gain: float) -> None:
    """Driven guitars, one left and one right: a root and its fifth, in eighths."""
    root = 40 + (place.bar.chord.root - 4) % 12
    if place.final:
        add(bus, play.driven(root, score.plan.bar_seconds + TAIL, 0), _at(score, place, 0), 0.16 * gain)
        return
    for start, length, loud in patterns.GUITAR["power"]:
        for take, pan in ((0, -0.7), (1, 0.7)):
            add(bus, play.driven(root, _length(score, length), take), _at(score, place, start), 0.13 * gain * loud, pan)


def _pad(score: Score, place: _Place, bus: Stereo, gain: float, rng: np.random.Generator) -> None:
    seconds = score.plan.bar_seconds + (TAIL - 0.8 if place.final else 0.0)
    for note in place.notes:
        add(bus, play.pad(note, round(seconds, 3)), _at(score, place, 0) - (0.12 if place.index else 0.0), 0.13 * gain)


def _bass(score: Score, place: _Place, bus: Stereo, gain: float, rng: np.random.Generator) -> None:
    root = _low(place.bar.chord.bass)
    if place.part == "ending":
        seconds = score.plan.bar_seconds * (1.0 if not place.final else 1.2)
        add(bus, play.bass(root, round(seconds, 3)), _at(score, place, 0), 0.42 * gain)
        return
    following = score.bars[min(place.index + 1, len(score.bars) - 1)].chord
    quiet = place.part == "verse" and place.bar.first and score.genre not in OWN_WAY and score.genre.bass != "walk"
    for start, length, loud, degree in patterns.BASS["whole" if quiet else score.genre.bass]:
        length = min(length, score.plan.units - start)
        note = _bass_note(place.bar, degree, root, _low(following.bass))
        add(bus, play.bass(note, _length(score, length)), _at(score, place, start), 0.44 * gain * loud)


def _low(pitch_class: int) -> int:
    return 36 + pitch_class if pitch_class < 8 else 24 + pitch_class


def _bass_note(bar: Bar, degree: str, root: int, following: int) -> int:
    if degree == "third":
        return root + (bar.chord.tones[1] - bar.chord.root) % 12
    if degree == "fifth":
        return root + 7 if root + 7 < 46 else root - 5
    if degree == "approach":  # a half tone below or above where the next bar begins
        return following + (1 if following < root else -1)
    return root


def _drums(score: Score, place: _Place, bus: Stereo, gain: float, rng: np.random.Generator) -> None:
    kit = patterns.DRUMS[score.genre.drums]["chorus" if place.chorus else "verse"]
    bars = score.bars
    following = str(bars[place.index + 1].part) if place.index + 1 < len(bars) else ""
    if place.bar.last and following == "chorus" and score.genre.levels.drums > 0.65 and score.plan.beats == 4:
        kit = {**kit, **patterns.FILL}
    if place.bar.first and place.part in ("chorus", "interlude"):
        add(bus, KIT["cymbal"](0), _at(score, place, 0), _DRUM_GAIN["cymbal"] * gain, _DRUM_PAN["cymbal"])
    for name, steps in kit.items():
        for step, character in enumerate(steps):
            if character == ".":
                continue
            loud = patterns.LOUDNESS[character] * float(rng.uniform(0.88, 1.05)) * _DRUM_GAIN[name] * gain
            human = 0.0 if name == "kick" else float(rng.uniform(-0.004, 0.006))
            hit = KIT[name](int(rng.integers(4)))
            add(bus, hit, _at(score, place, step) + human, loud, _DRUM_PAN.get(name, 0.0))


def _bell(score: Score, bus: Stereo) -> None:
    gain = 0.17 * score.genre.levels.bell
    last_bars = (len(score.bars) - ENDING) * score.plan.bar_seconds
    for order, note in enumerate(score.hook):
        loud = gain * (0.85 if note.start >= last_bars else 1.0)
        seconds = round(note.end - note.start, 3)
        pan = 0.25 if order % 2 else -0.25
        add(bus, play.bell(int(note.midi), seconds), note.start, loud, pan)
        echo = note.start + 3 * score.plan.bar_seconds / score.plan.units
        add(bus, play.bell(int(note.midi), seconds), echo, 0.3 * loud, -pan)


_Act = Callable[[Score, _Place, Stereo, float, np.random.Generator], None]
_ACTS: dict[str, _Act] = {"keys": _keys, "guitar": _guitar, "pad": _pad, "bass": _bass, "drums": _drums}
