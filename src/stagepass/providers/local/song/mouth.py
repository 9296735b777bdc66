"""Takes speech apart into the shape of the mouth over time, and makes sound of such shapes at any pitch.

The analysis is CheapTrick's idea (Morise 2015): a window of three periods and a smoothing as wide as the pitch leave
only the mouth in the spectrum. The synthesis sets one minimum-phase pulse per period and fills breath in with noise.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
HOP = 160  # samples: 7 ms at 22,050 Hz
SIZE = 1024
BINS = SIZE // 2 + 1
PULSE = 640  # samples of one pulse: 29 ms, by when the slowest resonance is 40 dB down
FLOOR = 1e-9


@dataclass(frozen=True, slots=True)
class Mouth:
    """The log amplitude spectrum (frames × BINS) and how voiced each frame is, 0…1; one frame per `HOP` samples."""

    shape: Floats
    voiced: Floats


def spoken_pitch(pcm: NDArray[np.float32], rate: int) -> float:
    """The one flat pitch of this speech in Hz, between 60 and 250."""
    signal = np.asarray(pcm, dtype=np.float64)
    size = 1 << (2 * len(signal) - 1).bit_length()
    power = np.abs(np.fft.rfft(signal, size)) ** 2
    correlation = np.fft.irfft(power)[: rate // 50]
    low, high = rate // 250, rate // 60
    lag = low + int(np.argmax(correlation[low:high]))
    left, mid, right = correlation[lag - 1 : lag + 2]
    bend = left - 2 * mid + right
    return float(rate / (lag + (0.5 * (left - right) / bend if bend else 0.0)))


def analyse(pcm: NDArray[np.float32], rate: int, pitch: float, shift: float = 1.0) -> Mouth:
    """Take speech apart.

    Args:
        pcm: speech on one flat pitch.
        rate: its sample rate in Hz.
        pitch: that pitch in Hz.
        shift: by how much to raise the resonances: above 1 is a smaller, lighter singer.
    """
    width = 2 * int(1.5 * rate / pitch) + 1
    window = np.hanning(width + 2)[1:-1].astype(np.float32)
    padded = np.pad(np.asarray(pcm, dtype=np.float32), width)
    count = len(pcm) // HOP + 1
    starts = np.arange(count) * HOP + width - width // 2
    frames = padded[starts[:, None] + np.arange(width)[None, :]]
    power = np.abs(np.fft.rfft(frames * window, SIZE)) ** 2 / np.sum(window**2)
    log_shape = _lifted(np.log(_smoothed(power, pitch * SIZE / rate) + FLOOR), pitch, rate)
    return Mouth(_shifted(log_shape, shift), _voicing(frames, rate / pitch))


def _smoothed(power: Floats, width: float) -> Floats:
    """A running mean over `width` bins (not a whole number), by differences of the integral."""
    mirrored = np.concatenate([power[:, 32:0:-1], power, power[:, -2:-34:-1]], axis=1)
    integral = np.cumsum(mirrored, axis=1, dtype=np.float64)  # its differences need the digits
    centre = np.arange(BINS) + 31.5

    def at(position: Floats) -> Floats:
        whole = position.astype(int)
        part = position - whole
        return np.asarray(integral[:, whole] * (1 - part) + integral[:, whole + 1] * part)

    return np.asarray((at(centre + width / 2) - at(centre - width / 2)) / width, dtype=np.float32)


def _lifted(log_power: Floats, pitch: float, rate: int) -> Floats:
    """Remove what is left of the harmonics in the cepstrum; returns log amplitude."""
    cepstrum = np.fft.irfft(log_power, SIZE)
    quefrency = np.minimum(np.arange(SIZE), SIZE - np.arange(SIZE)) / rate
    smoothing = np.sinc(pitch * quefrency)
    compensation = 1.18 - 2 * 0.09 * np.cos(2 * np.pi * pitch * quefrency)
    return np.asarray(np.fft.rfft(cepstrum * (smoothing * compensation).astype(np.float32)).real / 2)


def _shifted(shape: Floats, shift: float) -> Floats:
    if shift == 1.0:
        return shape
    wanted = np.minimum(np.arange(BINS) / shift, BINS - 1.001)
    whole = wanted.astype(int)
    part = (wanted - whole).astype(np.float32)
    return np.asarray(shape[:, whole] * (1 - part) + shape[:, whole + 1] * part)


def _voicing(frames: Floats, period: float) -> Floats:
    """Similarity of two neighbouring periods in the low band, mapped to 0…1."""
    lag = round(period)
    kernel = np.hanning(13)[1:-1].astype(np.float32)
    spectrum = np.fft.rfft(frames, SIZE) * np.fft.rfft(kernel / kernel.sum(), SIZE)
    low = np.fft.irfft(spectrum)[:, : frames.shape[1]]
    first, second = low[:, :-lag], low[:, lag:]
    energy = np.sqrt(np.sum(first**2, axis=1) * np.sum(second**2, axis=1))
    likeness = np.sum(first * second, axis=1) / (energy + 1e-6)
    loud = np.clip(np.sqrt(energy / first.shape[1]) / 0.004 - 0.5, 0, 1)
    return np.asarray(np.clip((likeness - 0.45) / 0.35, 0, 1) * loud)


def shapes_at(mouth: Mouth, path: Floats) -> Mouth:
    """The mouth at fractional frames `path`: time stretched, held or skipped."""
    position = np.clip(path, 0, len(mouth.shape) - 1.001)
    whole = position.astype(int)
    part = (position - whole).astype(np.float32)[:, None]
    shape = mouth.shape[whole] * (1 - part) + mouth.shape[whole + 1] * part
    voiced = mouth.voiced[whole] * (1 - part[:, 0]) + mouth.voiced[whole + 1] * part[:, 0]
    return Mouth(shape, voiced)


@dataclass(frozen=True, slots=True)
class Voice:
    """A mouth ready to sound, per frame: the voiced pulse (samples), and the spectrum that breath goes through."""

    pulses: NDArray[np.float32]
    breath: NDArray[np.complex64]

    @classmethod
    def of(cls, mouth: Mouth, rate: int) -> "Voice":
        """Work out once what every take of a line shares."""
        cepstrum = np.fft.irfft(mouth.shape.astype(np.float32), SIZE)
        cepstrum[:, 1 : SIZE // 2] *= 2  # folded: minimum phase
        cepstrum[:, SIZE // 2 + 1 :] = 0
        spectra = np.exp(np.fft.rfft(cepstrum))
        hertz = np.arange(BINS) * rate / SIZE
        # above 3 kHz a throat is more and more breath than tone: without it the voice buzzes
        airy = 0.06 + 0.62 * np.clip((hertz - 3000) / 5000, 0, 1)
        tone = (mouth.voiced[:, None] * np.sqrt(1 - airy[None, :])).astype(np.float32)
        pulses = np.fft.irfft(spectra * tone, SIZE)[:, :PULSE]
        pulses[:, PULSE // 2 :] *= np.hanning(PULSE)[PULSE // 2 :]
        return cls(pulses.astype(np.float32), (spectra * np.sqrt(1 - tone**2)).astype(np.complex64))


def tones(voice: Voice, pitch: Floats, gain: Floats, rate: int) -> Floats:
    """The voiced part: one pulse per period.

    Args:
        voice: the mouth per frame.
        pitch: Hz per frame.
        gain: linear, per frame.
        rate: sample rate in Hz.

    Returns:
        Samples: frames × `HOP`, and one pulse's tail more.
    """
    count = len(pitch)
    grid = np.arange(count * HOP) / HOP
    phase = np.cumsum(np.interp(grid, np.arange(count), pitch) / rate)
    at = np.flatnonzero(np.diff(np.floor(phase))) + 1
    late = (phase[at] - np.floor(phase[at])) / np.maximum(phase[at] - phase[at - 1], 1e-9)
    frame = np.minimum(at // HOP, count - 1)
    loud = (gain[frame] * np.sqrt(rate / pitch[frame])).astype(np.float32)
    out = np.zeros(count * HOP + SIZE)
    for position, index, level, early in zip(at, frame, loud, late.astype(np.float32), strict=True):
        if level > 1e-5:  # between two samples: shared out between both
            pulse = voice.pulses[index] * level
            out[position - 1 : position - 1 + PULSE] += pulse * early
            out[position : position + PULSE] += pulse * (1 - early)
    return out


def breaths(voice: Voice, gain: Floats, seed: int) -> Floats:
    """The unvoiced part: noise through the same mouth; as long as `tones`."""
    count, width = len(gain), 4 * HOP
    noise = np.random.default_rng(seed).standard_normal(count * HOP + width).astype(np.float32)
    window = (np.hanning(width + 1)[:-1] / 2).astype(np.float32)
    pieces = noise[(np.arange(count) * HOP)[:, None] + np.arange(width)[None, :]] * window
    pieces = np.fft.irfft(np.fft.rfft(pieces, SIZE) * voice.breath, SIZE) * gain[:, None].astype(np.float32)
    out = np.zeros(count * HOP + SIZE + width)
    for frame, piece in enumerate(pieces):  # each piece's middle is its frame's moment
        out[frame * HOP : frame * HOP + SIZE] += piece
    return out[width // 2 : width // 2 + count * HOP + SIZE]
