"""The instruments: each function renders one note, mono unless noted, peak about 1, at 44.1 kHz."""

from functools import lru_cache

import numpy as np

from stagepass.providers.local.song.sound import (
    RATE,
    Mono,
    Stereo,
    edges,
    hertz,
    highpass,
    lowpass,
    moments,
    shaped,
)

_TABLE = 8192


@lru_cache(maxsize=256)
def electric_piano(midi: int, seconds: float) -> Mono:
    """A tine piano: two sines of which one bends the other, and a short bell on top."""
    t = moments(seconds + 0.25)
    f = hertz(midi)
    turn = 2 * np.pi * f * t
    bite = np.exp(-3.2 * t)
    body = np.sin(turn + 1.15 * bite * np.sin(turn + 0.3))
    tine = 0.16 * np.exp(-9 * t) * np.sin(turn + 0.5 * np.exp(-14 * t) * np.sin(7 * turn))
    sub = 0.18 * np.sin(2 * turn) * np.exp(-2.2 * t)
    decay = np.exp(-t * (0.9 + f / 600))
    return np.asarray((body + tine + sub) * decay * 0.8 * edges(len(t), 0.004, 0.25), dtype=np.float32)


@lru_cache(maxsize=256)
def piano(midi: int, seconds: float) -> Mono:
    """A soft piano with felt: stretched partials, the high ones gone first, and the hammer's thump."""
    t = moments(seconds + 0.35)
    f = hertz(midi)
    sound = np.zeros(len(t))
    for n in range(1, 11):
        partial = n * f * np.sqrt(1 + 0.0004 * n * n)
        if partial > 7000:
            break
        strength = np.exp(-0.42 * (n - 1)) * (1.0 if n != 7 else 0.3)
        decay = 0.55 + 0.25 * n + f / 700
        # two strings a little apart: the beating that makes a piano sing
        pair = np.sin(2 * np.pi * partial * t) + 0.5 * np.sin(2 * np.pi * partial * 1.0006 * t + n)
        sound += strength * np.exp(-decay * t) * pair
    thump = np.random.default_rng(midi).standard_normal(len(t)) * np.exp(-t / 0.012)
    sound += 0.35 * shaped(thump, lowpass(700))
    return np.asarray(sound * 0.42 * edges(len(t), 0.003, 0.35), dtype=np.float32)


@lru_cache(maxsize=256)
def guitar(midi: int, seconds: float) -> Mono:
    """A plucked string (Karplus and Strong 1983), round by round, then tuned by resampling."""
    length = int((seconds + 0.3) * RATE)
    period = RATE / hertz(midi)
    whole = int(period)
    count = int(length / whole) + 3
    pick = np.random.default_rng(midi).uniform(-1, 1, whole)
    pick = np.convolve(np.concatenate([pick, pick, pick]), np.hanning(9)[1:-1] / 4, mode="same")[whole : 2 * whole]
    pick -= np.roll(pick, whole // 5)  # plucked at a fifth of the string
    keep = 0.5 ** (1 / (hertz(midi) * (0.55 if midi < 60 else 0.4)))  # half as loud after that many seconds
    # each round is the one before through the same short mean: all rounds at once, in the frequency domain
    mean = keep * (0.72 + 0.28 * np.exp(-2j * np.pi * np.arange(whole // 2 + 1) / whole))
    rounds = np.fft.rfft(pick) * mean ** np.arange(count)[:, None]
    raw = np.fft.irfft(rounds, whole, axis=1).ravel()
    at = np.arange(length) * (whole + 0.28) / period  # the mean delays each round by 0.28 of a sample
    sound = np.interp(at, np.arange(len(raw)), raw)
    sound /= max(float(np.max(np.abs(sound))), 1e-6)
    return np.asarray(shaped(sound, highpass(80)) * 0.8 * edges(length, 0.001, 0.3), dtype=np.float32)


@lru_cache(maxsize=8)
def _table(harmonics: int, softness: float) -> Mono:
    """One period of a saw whose harmonics fall off faster than a saw's."""
    turn = 2 * np.pi * np.arange(_TABLE) / _TABLE
    wave = sum(np.sin(n * turn + 0.7 * n) / n ** (1 + softness) for n in range(1, harmonics + 1))
    return np.asarray(wave / np.max(np.abs(wave)), dtype=np.float32)


def _wave(table: Mono, frequency: float, count: int, phase: float) -> Mono:
    at = (np.arange(count) * (frequency * _TABLE / RATE) + phase * _TABLE).astype(np.int64) % _TABLE
    return table[at]


@lru_cache(maxsize=256)
def pad(midi: int, seconds: float) -> Stereo:
    """A warm pad, stereo: four soft saws a few cents apart, slow to come and to go."""
    count = int((seconds + 0.7) * RATE)
    f = hertz(midi)
    table = _table(max(2, min(14, int(3200 / f))), 0.55)
    rng = np.random.default_rng(1000 + midi)
    sides = [
        sum(_wave(table, f * 2 ** (c / 1200), count, float(rng.uniform())) for c in cents)
        for cents in ((-7, 3), (7, -4))
    ]
    return np.asarray(np.stack(sides) * 0.5 * edges(count, min(0.45, seconds * 0.3), 0.7), dtype=np.float32)


@lru_cache(maxsize=256)
def bass(midi: int, seconds: float) -> Mono:
    """A round finger bass: a strong first harmonic, a little growl that fades."""
    t = moments(seconds + 0.06)
    f = hertz(midi)
    turn = 2 * np.pi * f * t
    growl = 0.45 * np.exp(-5 * t)
    sound = (
        np.sin(turn)
        + (0.45 + growl) * 0.75 * np.sin(2 * turn)
        + growl * 0.5 * np.sin(3 * turn)
        + 0.12 * growl * (np.sin(4 * turn) + np.sin(5 * turn))
    )
    return np.asarray(np.tanh(0.9 * sound) * np.exp(-0.7 * t) * edges(len(t), 0.006, 0.06), dtype=np.float32)


@lru_cache(maxsize=256)
def bell(midi: int, seconds: float) -> Mono:
    """A mallet on metal, soft: the bar's own partials 1 : 4 : 10, with a slow tremolo."""
    t = moments(seconds + 0.9)
    turn = 2 * np.pi * hertz(midi) * t
    sound = (
        np.sin(turn) * np.exp(-2.2 * t)
        + 0.22 * np.sin(3.98 * turn) * np.exp(-6 * t)
        + 0.05 * np.sin(9.9 * turn) * np.exp(-18 * t)
    )
    return np.asarray(sound * (1 - 0.12 * np.sin(2 * np.pi * 4.5 * t)) * edges(len(t), 0.003, 0.4), dtype=np.float32)


@lru_cache(maxsize=512)
def lead(midi: int, seconds: float) -> Mono:
    """A reed between flute and clarinet: plays the melody where it cannot be sung."""
    t = moments(seconds + 0.12)
    depth = 0.006 * np.clip((t - 0.25) / 0.3, 0, 1)
    turn = 2 * np.pi * hertz(midi) * (t + depth / (2 * np.pi * 5.3) * np.sin(2 * np.pi * 5.3 * t))
    strengths = (1.0, 0.32, 0.3, 0.1, 0.09, 0.04)
    sound = sum(s * np.sin((n + 1) * turn + n) for n, s in enumerate(strengths))
    air = shaped(np.random.default_rng(midi).standard_normal(len(t)), highpass(2500)) * 0.02
    return np.asarray((sound + air) * 0.6 * edges(len(t), 0.035, 0.12), dtype=np.float32)


@lru_cache(maxsize=256)
def driven(midi: int, seconds: float, take: int) -> Mono:
    """A guitar through an overdriven amplifier: a root, its fifth and octave; takes differ in tuning."""
    count = int((seconds + 0.08) * RATE)
    table = _table(40, 0.1)
    cents = 3.0 if take else -3.0
    notes = [(midi, 1.0), (midi + 7, 0.8), (midi + 12, 0.5)]
    string = sum(loud * _wave(table, hertz(note + cents / 100), count, 0.13 * take) for note, loud in notes)
    t = np.arange(count) / RATE
    amplified = np.tanh(2.6 * np.asarray(string) * np.exp(-0.9 * t))
    cabinet = shaped(amplified, lambda hz: highpass(90)(hz) * lowpass(5200, 3)(hz))
    return np.asarray(cabinet * 0.7 * edges(count, 0.003, 0.06), dtype=np.float32)
