"""Mixes the players and the voice into one stereo song."""

import numpy as np
from numpy.typing import NDArray

from stagepass.providers.local.song import sound as s
from stagepass.providers.local.song.arrange import Buses
from stagepass.providers.local.song.genre import Genre
from stagepass.providers.local.song.loudness import mastered
from stagepass.providers.local.song.sing import SungLine
from stagepass.providers.local.song.sound import RATE, Stereo

_Spectrum = NDArray[np.complexfloating]
FADE = 2.4  # seconds at the end
_SENDS = {"keys": 0.8, "guitar": 0.8, "pad": 0.9, "bass": 0.0, "drums": 0.3, "bell": 1.5, "voice": 1.0}
_GAINS = {"keys": 0.9, "guitar": 2.3, "pad": 0.8, "bass": 0.72, "drums": 0.9, "bell": 0.9}
_ABOVE = 3.5  # dB
_DUCK = 0.26  # attenuation of the chords during vocals
_DUCK_SPOKEN = 0.6  # of all players during spoken words
VOICE_RMS = 0.135


def mix(buses: Buses, voice: Stereo, genre: Genre, *, narrated: bool = False) -> Stereo:
    """Put everything together and master it.

    Args:
        buses: from `arrange`.
        voice: the sung voice or the lead instrument, dry, as long as the buses.
        genre: gives the room and the treble.
        narrated: whether the voice speaks: the music steps back further then.
    """
    music = np.zeros_like(voice)
    send = voice.mean(axis=0) * np.float32(_SENDS["voice"])
    presence = _presence(voice)
    step_back = 1 - np.float32(_DUCK_SPOKEN if narrated else _DUCK) * presence
    for player, bus in buses.items():
        if not np.any(bus):
            continue
        part = bus * np.float32(_GAINS[player])
        if narrated or player in ("keys", "guitar", "pad", "bell"):
            part *= step_back
        music += part
        if _SENDS[player]:
            send += part.mean(axis=0) * np.float32(_SENDS[player])
    whole = _summed(music, voice, float(np.mean(presence)), send, genre)
    whole *= 0.9 / max(float(np.percentile(np.abs(whole[:, ::8]), 99.9)), 1e-6)
    glued = np.tanh(whole * 0.8) / 0.8  # a little warmth, and fewer peaks for the limiter
    return mastered(np.asarray(glued * _curtain(glued.shape[1]), dtype=np.float32))


def _summed(music: Stereo, voice: Stereo, sung: float, send: s.Mono, genre: Genre) -> Stereo:
    """Equaliser, room and sum in one go through the frequency domain, which is where the time is spent."""
    length = music.shape[1]
    echo = s.room(1.7)
    size = s.fast_size(length + echo.shape[1])
    spectrum = np.fft.rfft(music, size) * s.gains(lambda hz: _clearing(hz) * s.shelf(3000, genre.air)(hz), size)
    singing = np.fft.rfft(voice, size)
    spectrum += singing * _forward(spectrum, singing, sung, size)
    spectrum += np.fft.rfft(send, size) * np.fft.rfft(echo * np.float32(genre.room), size)
    spectrum *= s.gains(lambda hz: s.highpass(32, 3)(hz) * s.lowpass(16500, 4)(hz), size)
    return np.asarray(np.fft.irfft(spectrum, size)[:, :length], dtype=np.float32)


def _forward(music: _Spectrum, voice: _Spectrum, sung: float, size: int) -> np.float32:
    """The voice's gain that puts it `_ABOVE` the music where words are understood, 300 Hz to 4 kHz.

    `sung` is the fraction of the song with vocals; the music plays all the time.
    """
    band = slice(300 * size // RATE, 4000 * size // RATE)
    behind, ahead = (float(np.vdot(part[:, band], part[:, band]).real) for part in (music, voice))
    wanted = behind * sung * 10 ** (_ABOVE / 10)
    return np.float32(np.clip(np.sqrt(wanted / max(ahead, 1e-9)), 0.6, 1.8))


def _clearing(hz: NDArray[np.floating]) -> NDArray[np.floating]:
    """The music's equaliser: room for the voice, less mud, some air."""
    return s.bell_curve(2400, -2.0, 1.0)(hz) * s.bell_curve(240, -1.5, 0.9)(hz) * s.bell_curve(10500, 6.5, 1.1)(hz)


def _presence(voice: Stereo) -> NDArray[np.float32]:
    """Presence of vocals, 0…1, smoothed over a quarter of a second."""
    step = RATE // 100
    count = voice.shape[1] // step
    level = np.sqrt(np.mean(voice[:, : count * step].reshape(2, count, step) ** 2, axis=(0, 2)))
    there = np.clip(level / 0.05, 0, 1)
    kernel = np.hanning(27)[1:-1]
    smooth = np.convolve(there, kernel / kernel.sum(), mode="same")
    return np.interp(np.arange(voice.shape[1]), np.arange(count) * step, smooth).astype(np.float32)


def _curtain(length: int) -> NDArray[np.float32]:
    envelope = s.edges(length, 0.005, 0.0)
    fall = int(FADE * RATE)
    envelope[-fall:] *= (np.cos(np.linspace(0, np.pi / 2, fall)) ** 1.5).astype(np.float32)
    return envelope


def voice_bus(lines: list[SungLine], length: int, beat_seconds: float) -> Stereo:
    """Bring the sung lines to 44.1 kHz, evened in loudness; the double and the second voice stand left and right."""
    bus = np.zeros((2, length), dtype=np.float32)
    for line in lines:
        lead, double = dressed(line.lead, line.rate), dressed(line.double, line.rate)
        level = VOICE_RMS / max(active_rms(lead), 1e-6)
        s.add(bus, lead, line.start, level)
        s.add(bus, double, line.start + 0.016, 0.30 * level, -0.75)
        s.add(bus, double, line.start + 0.027, 0.26 * level, 0.75)
        if line.harmony is not None:
            second = dressed(line.harmony, line.rate)
            s.add(bus, second, line.start + 0.008, 0.40 * level, 0.45)
            s.add(bus, second, line.start + 0.021, 0.30 * level, -0.45)
        for times, loud, pan in ((0.75, 0.12, 0.6), (1.5, 0.06, -0.6)):  # an echo on the beat
            s.add(bus, lead, line.start + times * beat_seconds, loud * level, pan)
    return bus


def dressed(signal: NDArray[np.floating], rate: int) -> s.Mono:
    """One take at 44.1 kHz: without rumble and boom, clear but not sharp."""
    length = len(signal) * RATE // rate
    size = s.fast_size(len(signal) + 2048)
    spectrum = np.fft.rfft(signal.astype(np.float32), size)
    hz = np.fft.rfftfreq(size, 1 / rate)
    tone = s.highpass(130)(hz) * s.bell_curve(330, -2.0, 0.7)(hz) * s.bell_curve(2300, 2.5, 0.8)(hz)
    tone *= s.bell_curve(4200, -1.5, 0.5)(hz) * s.lowpass(9500, 4)(hz)
    wide = np.zeros(size * RATE // rate // 2 + 1, dtype=np.complex64)
    wide[: len(spectrum)] = spectrum * tone.astype(np.float32)
    return np.asarray(np.fft.irfft(wide)[:length] * (RATE / rate), dtype=np.float32)


def active_rms(signal: s.Mono) -> float:
    """The level of a take where it sounds."""
    step = RATE // 50
    count = max(len(signal) // step, 1)
    level = np.sqrt(np.mean(signal[: count * step].reshape(count, step) ** 2, axis=1))
    heard = level[level > 0.2 * np.max(level)]
    return float(np.sqrt(np.mean(heard**2))) if len(heard) else 0.0
