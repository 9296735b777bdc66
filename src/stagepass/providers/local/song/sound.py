"""The tools that every instrument is made with: time, filters in the frequency domain, envelopes, places in stereo."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Mono = NDArray[np.float32]
Stereo = NDArray[np.float32]  # shape (2, samples)
RATE = 44_100  # Hz
Response = Callable[[NDArray[np.floating]], NDArray[np.floating]]
"""The gain of a filter at each of these frequencies in Hz."""


def hertz(midi: float) -> float:
    """The frequency of a MIDI number in equal temperament, A4 = 440 Hz."""
    return float(440.0 * 2 ** ((midi - 69) / 12))


def moments(seconds: float) -> NDArray[np.float64]:
    """The times of the samples of this many seconds."""
    return np.arange(int(seconds * RATE)) / RATE


def shaped(signal: NDArray[np.floating], response: Response) -> Mono:
    """Filter without delay, along the last axis; `response` gives the gain at each frequency in Hz."""
    length = signal.shape[-1]
    size = fast_size(length + RATE // 4)  # room, so that what the filter smears does not come round again
    spectrum = np.fft.rfft(np.asarray(signal, dtype=np.float32), size)
    return np.asarray(np.fft.irfft(spectrum * gains(response, size), size)[..., :length], dtype=np.float32)


def gains(response: Response, size: int) -> Mono:
    """A response at the bins of an FFT of `size` samples; worked out at 8,193 points at most, and interpolated."""
    bins = size // 2 + 1
    grid = np.arange(bins)
    if bins <= 8193:
        return np.asarray(response(grid * (RATE / size)), dtype=np.float32)
    points = response(np.arange(8193) * (RATE / 16384))
    return np.asarray(np.interp(grid * (8192 / (bins - 1)), np.arange(8193), points), dtype=np.float32)


def fast_size(length: int) -> int:
    """The smallest length from `length` that an FFT is fast with: 2ⁿ, 3·2ⁿ or 5·2ⁿ."""
    return min(factor << max(0, (-(-length // factor) - 1).bit_length()) for factor in (1, 3, 5))


def lowpass(at: float, order: int = 2) -> Response:
    """A Butterworth slope down above `at` Hz."""
    return lambda hz: 1 / np.sqrt(1 + (hz / at) ** (2 * order))


def highpass(at: float, order: int = 2) -> Response:
    """A Butterworth slope down below `at` Hz."""
    return lambda hz: 1 / np.sqrt(1 + (at / np.maximum(hz, 1e-3)) ** (2 * order))


def shelf(at: float, decibels: float) -> Response:
    """A rise or fall of `decibels` above `at` Hz, within about an octave."""
    return lambda hz: 10 ** (decibels / 20 / (1 + (at / np.maximum(hz, 1.0)) ** 2))


def bell_curve(at: float, decibels: float, octaves: float) -> Response:
    """A rise or dip of `decibels` around `at` Hz, about `octaves` wide."""
    return lambda hz: 10 ** (decibels / 20 * np.exp(-((np.log2(np.maximum(hz, 1.0) / at) / octaves) ** 2)))


def edges(length: int, attack: float, release: float) -> Mono:
    """An envelope of `length` samples that opens and closes smoothly; seconds each."""
    envelope = np.ones(length, dtype=np.float32)
    rise, fall = min(int(attack * RATE), length // 2), min(int(release * RATE), length // 2)
    if rise:
        envelope[:rise] = 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    if fall:
        envelope[-fall:] *= (0.5 + 0.5 * np.cos(np.pi * np.arange(1, fall + 1) / fall)).astype(np.float32)
    return envelope


def add(bus: Stereo, sound: NDArray[np.floating], start: float, gain: float = 1.0, pan: float = 0.0) -> None:
    """Put a sound onto a bus.

    Args:
        bus: changed in place.
        sound: mono, or stereo of shape (2, samples).
        start: seconds; what lies outside the bus is cut.
        gain: linear.
        pan: −1 left … 1 right, at equal power; for mono sounds.
    """
    first = round(start * RATE)
    skip = max(-first, 0)
    length = min(sound.shape[-1] - skip, bus.shape[1] - max(first, 0))
    if length <= 0:
        return
    place = slice(max(first, 0), max(first, 0) + length)
    if sound.ndim == 2:
        bus[:, place] += np.float32(gain) * sound[:, skip : skip + length]
        return
    angle = (pan + 1) * np.pi / 4
    part = sound[skip : skip + length]
    bus[0, place] += np.float32(gain * np.cos(angle) * np.sqrt(2)) * part
    bus[1, place] += np.float32(gain * np.sin(angle) * np.sqrt(2)) * part


def room(seconds: float, seed: int = 7) -> Stereo:
    """Impulse response of a room: stereo noise that decays in `seconds`, high frequencies first; energy 1 per side."""
    rng = np.random.default_rng(seed)
    t = moments(seconds * 1.1)
    bright, dark = (rng.standard_normal((2, len(t))) for _ in range(2))
    answer = shaped(bright, lowpass(6500)) * np.exp(-11 * t / seconds)
    answer = answer + shaped(dark, lowpass(1800)) * np.exp(-6.9 * t / seconds)
    answer = shaped(answer * np.clip(t / 0.012, 0, 1), highpass(220))  # 12 ms of distance to the walls
    return np.asarray(answer / np.sqrt(np.sum(answer**2, axis=1, keepdims=True)), dtype=np.float32)
