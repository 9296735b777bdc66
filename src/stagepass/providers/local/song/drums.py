"""The drums: one hit each, mono, peak about 1, at 44.1 kHz; `take` 0–3 are slightly different hits."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stagepass.providers.local.song.sound import Mono, edges, highpass, lowpass, moments, shaped


def _noise(length: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal(length)


def _normal(sound: NDArray[np.floating], release: float = 0.02) -> Mono:
    peak = max(float(np.max(np.abs(sound))), 1e-6)
    return np.asarray(sound / peak * edges(len(sound), 0.0005, release), dtype=np.float32)


@lru_cache(maxsize=8)
def kick(take: int = 0) -> Mono:
    """A round kick: a sine that falls from 150 to 48 Hz, and the beater."""
    t = moments(0.38)
    pitch = 48 + 102 * np.exp(-t / 0.028)
    body = np.sin(2 * np.pi * np.cumsum(pitch) / 44100) * np.exp(-t / 0.11)
    click = shaped(_noise(len(t), 10 + take) * np.exp(-t / 0.004), lowpass(3500)) * 0.25
    return _normal(body + click, 0.05)


@lru_cache(maxsize=8)
def snare(take: int = 0) -> Mono:
    """A dry snare: two tones of the skin and the wires."""
    t = moments(0.26)
    skin = (np.sin(2 * np.pi * 188 * t) + 0.6 * np.sin(2 * np.pi * 331 * t)) * np.exp(-t / 0.045)
    wires = shaped(_noise(len(t), 20 + take), lambda hz: highpass(900)(hz) * lowpass(7000)(hz)) * np.exp(-t / 0.075)
    return _normal(0.7 * skin + 0.55 * wires, 0.04)


@lru_cache(maxsize=8)
def rim(take: int = 0) -> Mono:
    """A stick on the rim: for quiet verses."""
    t = moments(0.09)
    wood = np.sin(2 * np.pi * 1050 * t) + 0.7 * np.sin(2 * np.pi * 1630 * t)
    crack = shaped(_noise(len(t), 30 + take), highpass(1500)) * 0.3
    return _normal((wood + crack) * np.exp(-t / 0.012))


@lru_cache(maxsize=8)
def clap(take: int = 0) -> Mono:
    """Hands: three bursts, 11 ms apart."""
    t = moments(0.22)
    bursts = sum(np.exp(-np.maximum(t - d, 0) / 0.007) * (t >= d) for d in (0.0, 0.011, 0.022))
    tail = np.exp(-np.maximum(t - 0.03, 0) / 0.06) * (t >= 0.03)
    band = shaped(_noise(len(t), 40 + take), lambda hz: highpass(800)(hz) * lowpass(4500)(hz))
    return _normal(band * (0.7 * bursts + 0.6 * tail))


@lru_cache(maxsize=8)
def hat(take: int = 0) -> Mono:
    """A closed hi-hat."""
    t = moments(0.07)
    return _normal(shaped(_noise(len(t), 50 + take), highpass(7000, 3)) * np.exp(-t / 0.016))


@lru_cache(maxsize=8)
def open_hat(take: int = 0) -> Mono:
    """An open hi-hat, for the off-beats of a dance."""
    t = moments(0.26)
    return _normal(shaped(_noise(len(t), 60 + take), highpass(6500, 3)) * np.exp(-t / 0.07), 0.05)


@lru_cache(maxsize=8)
def shaker(take: int = 0) -> Mono:
    """A shaker: grains that swell for 25 ms."""
    t = moments(0.11)
    swell = np.clip(t / 0.025, 0, 1) * np.exp(-np.maximum(t - 0.025, 0) / 0.022)
    band = shaped(_noise(len(t), 70 + take), lambda hz: highpass(4500)(hz) * lowpass(10500)(hz))
    return _normal(band * swell)


@lru_cache(maxsize=8)
def cymbal(take: int = 0) -> Mono:
    """A soft crash that opens a chorus, and the end."""
    t = moments(2.2)
    band = shaped(_noise(len(t), 80 + take), lambda hz: highpass(3500)(hz) * lowpass(11000)(hz))
    return _normal(band * np.clip(t / 0.006, 0, 1) * np.exp(-t / 0.55), 0.3)


KIT = {
    "kick": kick,
    "snare": snare,
    "rim": rim,
    "clap": clap,
    "hat": hat,
    "open": open_hat,
    "shaker": shaker,
    "cymbal": cymbal,
}
