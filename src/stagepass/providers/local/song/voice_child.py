"""Speaks lines with espeak-ng, in a separate process: ``python -m stagepass.providers.local.song.voice_child``.

espeak-ng is GPL-3, so no process of ours loads it: this one does nothing else, and talks by pipes.

stdin: one JSON object ``{"rate": words per minute, "pitch": 0-99, "range": 0-99, "lines": [{"text", "voice"}]}``.
stdout: one line of JSON ``{"rate": Hz, "lines": [{"samples": n, "phones": [[name, first sample], …]}]}``, then the
lines' samples one after another as 16-bit little-endian mono.
"""

import ctypes
import json
import sys
from dataclasses import dataclass, field
from typing import Any

SYNCHRONOUS, PHONEME_EVENTS = 2, 1
CHARS_UTF8, END_PAUSE = 1, 0x1000
RATE, PITCH, RANGE, WORDGAP = 1, 3, 4, 7
EVENT_END, EVENT_WORD, EVENT_PHONEME = 0, 1, 7


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    """``espeak_EVENT`` of speak_lib.h (espeak-ng 1.52)."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass
class _Heard:
    """Audio of the current line received from espeak-ng so far."""

    pcm: bytearray = field(default_factory=bytearray)
    phones: list[tuple[str, int]] = field(default_factory=list)

    def take(self, wav: Any, count: int, events: Any) -> int:
        if wav and count > 0:
            self.pcm.extend(ctypes.string_at(wav, count * 2))
        index = 0
        while events[index].type != EVENT_END:
            event = events[index]
            if event.type == EVENT_PHONEME:
                self.phones.append((event.id.string.decode("utf-8", "replace"), event.sample))
            elif event.type == EVENT_WORD:
                self.phones.append(("|", event.sample))
            index += 1
        return 0


class Espeak:
    """The library, opened from the `espeakng_loader` wheel."""

    def __init__(self, rate: int, pitch: int, melody: int) -> None:
        import espeakng_loader  # ships no types; importing it loads nothing yet

        self._lib = ctypes.CDLL(espeakng_loader.get_library_path())
        data = str(espeakng_loader.get_data_path()).encode()
        self.sample_rate: int = self._lib.espeak_Initialize(SYNCHRONOUS, 0, data, PHONEME_EVENTS)
        if self.sample_rate <= 0:
            raise RuntimeError("espeak-ng found no data")
        self._heard = _Heard()
        # keep a reference: ctypes frees a callback without one
        self._callback = _Callback(lambda wav, count, events: self._heard.take(wav, count, events))
        self._lib.espeak_SetSynthCallback(self._callback)
        self._settings = {RATE: rate, PITCH: pitch, RANGE: melody, WORDGAP: 0}

    def speak(self, text: str, voice: str) -> tuple[bytes, list[tuple[str, int]]]:
        """Speak one line; returns its samples and its phonemes (``|`` marks the start of a word)."""
        self._heard = _Heard()
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            self._lib.espeak_SetVoiceByName(b"en-us")
        for parameter, value in self._settings.items():
            self._lib.espeak_SetParameter(parameter, value, 0)
        data = text.encode("utf-8")
        self._lib.espeak_Synth(data, len(data) + 1, 0, 1, 0, CHARS_UTF8 | END_PAUSE, None, None)
        self._lib.espeak_Synchronize()
        return bytes(self._heard.pcm), self._heard.phones


def main() -> None:
    """Read the order, speak it, write the answer."""
    order = json.loads(sys.stdin.buffer.read())
    espeak = Espeak(int(order["rate"]), int(order["pitch"]), int(order["range"]))
    spoken = [espeak.speak(line["text"], line["voice"]) for line in order["lines"]]
    header = {
        "rate": espeak.sample_rate,
        "lines": [{"samples": len(pcm) // 2, "phones": phones} for pcm, phones in spoken],
    }
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n")
    for pcm, _ in spoken:
        sys.stdout.buffer.write(pcm)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
