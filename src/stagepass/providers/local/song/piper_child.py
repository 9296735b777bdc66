"""Speaks lines with a Piper voice, in a separate process: ``python -m stagepass.providers.local.song.piper_child``.

Piper is GPL-3, so no process of ours loads it: this one does nothing else, and talks by pipes.

stdin: one JSON object ``{"model": path, "length": 1 is normal, more is slower, "lines": [text]}``.
stdout: one line of JSON ``{"rate": Hz, "samples": [n]}``, then the lines' samples as 16-bit little-endian mono.
"""

import json
import sys


def main() -> None:
    """Read the order, speak it, write the answer."""
    from piper import PiperVoice, SynthesisConfig  # an extra

    order = json.loads(sys.stdin.buffer.read())
    voice = PiperVoice.load(order["model"])
    manner = SynthesisConfig(length_scale=float(order["length"]))
    spoken = [
        b"".join(chunk.audio_int16_bytes for chunk in voice.synthesize(line, syn_config=manner))
        for line in order["lines"]
    ]
    header = {"rate": voice.config.sample_rate, "samples": [len(line) // 2 for line in spoken]}
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n")
    for line in spoken:
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
