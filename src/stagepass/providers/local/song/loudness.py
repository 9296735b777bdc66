"""Loudness after ITU-R BS.1770-4, and a limiter that keeps true peaks under a ceiling."""

import numpy as np
from numpy.typing import NDArray

from stagepass.providers.local.song.sound import RATE, Stereo, fast_size, gains

TARGET = -14.5  # LUFS, integrated
LAME_LOSS = 0.3  # dB that the MP3 comes out quieter than what went in, measured
CEILING = -1.9  # dB true peak before MP3, which adds up to about half a decibel of its own
_BLOCK = 32  # samples that share one gain of the limiter
_REACH = 4  # blocks that it looks ahead and behind: 3 ms


def integrated(sound: Stereo) -> float:
    """The gated loudness of a whole recording in LUFS; −70 for silence."""
    size = fast_size(sound.shape[1] + RATE // 10)
    spectrum = np.fft.rfft(sound, size) * gains(_k_weight, size)
    weighted = np.fft.irfft(spectrum, size)[:, : sound.shape[1]]
    step = RATE // 10
    tenths = weighted.shape[1] // step
    if tenths < 4:
        return -70.0
    power = np.sum(weighted[:, : tenths * step].reshape(2, tenths, step).astype(np.float64) ** 2, axis=(0, 2)) / step
    blocks = np.convolve(power, np.ones(4) / 4, mode="valid")
    loud = blocks[blocks > 10 ** ((-70 + 0.691) / 10)]
    if not len(loud):
        return -70.0
    kept = loud[loud > np.mean(loud) / 10]
    return float(-0.691 + 10 * np.log10(np.mean(kept)))


def _k_weight(hz: NDArray[np.floating]) -> NDArray[np.floating]:
    """The gain of the standard's two filters at each frequency, from their analogue prototypes (De Man 2018)."""
    z = np.exp(-2j * np.pi * hz / RATE)
    k = np.tan(np.pi * 1681.974450955533 / RATE)
    high, middle, q = 10 ** (3.999843853973347 / 20), 10 ** (3.999843853973347 / 20 * 0.4996667741545416), 0.70717523695
    low = 1 + k / q + k * k
    shelf = [(high + middle * k / q + k * k) / low, 2 * (k * k - high) / low, (high - middle * k / q + k * k) / low]
    shelf_under = [2 * (k * k - 1) / low, (1 - k / q + k * k) / low]
    first = (shelf[0] + shelf[1] * z + shelf[2] * z * z) / (1 + shelf_under[0] * z + shelf_under[1] * z * z)
    k, q = np.tan(np.pi * 38.13547087602444 / RATE), 0.5003270373238773
    low = 1 + k / q + k * k
    second = (1 - 2 * z + z * z) / (1 + 2 * (k * k - 1) / low * z + (1 - k / q + k * k) / low * z * z)
    return np.asarray(np.abs(first * second))


def limited(sound: Stereo, ceiling: float) -> Stereo:
    """Turn down what is over `ceiling` (linear), 3 ms ahead, so gently that no click is heard.

    Peaks between samples count: they are looked for at twice the rate. A sound under the ceiling comes back itself.
    """
    length = sound.shape[1]
    count = -(-length // _BLOCK)
    padded = np.pad(sound, ((0, 0), (0, count * _BLOCK - length)))
    between = _between(padded)
    peaks = np.maximum(np.abs(padded), between).reshape(2, count, _BLOCK).max(axis=(0, 2))
    if peaks.max() <= ceiling:
        return sound
    needed = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9))
    wide = np.pad(needed, 2 * _REACH, mode="edge")
    lowest = np.lib.stride_tricks.sliding_window_view(wide, 2 * _REACH + 1).min(axis=1)
    # the mean over the same reach of a running minimum is nowhere above the gain that is needed
    kernel = np.hanning(2 * _REACH + 3)[1:-1]
    gain = np.convolve(lowest, kernel / kernel.sum(), mode="valid")
    grid = np.arange(count) * _BLOCK + _BLOCK / 2
    smooth = np.interp(np.arange(length), grid, np.minimum(gain, 1.0)).astype(np.float32)
    return np.asarray(sound * smooth, dtype=np.float32)


def _between(sound: Stereo) -> NDArray[np.float32]:
    """The magnitude half-way between samples, by an 8-point sinc."""
    reach = np.arange(-3, 5) - 0.5
    kernel = (np.sinc(reach) * np.hanning(10)[1:-1]).astype(np.float32)
    kernel /= kernel.sum()
    sides = [np.convolve(side, kernel, mode="full")[4 : 4 + sound.shape[1]] for side in sound]
    return np.asarray(np.abs(np.stack(sides)), dtype=np.float32)


def mastered(sound: Stereo, target: float = TARGET + LAME_LOSS) -> Stereo:
    """Bring a mix to `target` LUFS with its peaks under the ceiling."""
    ceiling = 10 ** (CEILING / 20)
    wanted = target - integrated(sound)
    louder = np.asarray(sound * np.float32(10 ** (wanted / 20)), dtype=np.float32)
    for _ in range(3):  # what the limiter takes away is given back: it converges at once
        out = limited(louder, ceiling)
        if out is louder:
            return out
        missing = target - integrated(out)
        if abs(missing) < 0.2:
            break
        louder *= np.float32(10 ** (missing / 20))
    return out
