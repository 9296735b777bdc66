"""The process that opens a file from outside: reads it from standard input, answers one JSON object, ends.

It answers ``{"text": …}`` or ``{"problem": …}``; whatever else happens here stays here.
"""

import encodings.cp437  # noqa: F401  (names in archives; nothing can be imported once the door is shut)
import json
import sys
from importlib import import_module

from stagepass.pipelines.resume.reading.problems import Unreadable
from stagepass.pipelines.resume.sandbox.confine import allow_seconds, confine

SECONDS = 30
"""Of computing time, should the parent be gone."""


def main() -> None:
    """See the module's text."""
    kind, pages, most = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    reader = import_module(f"stagepass.pipelines.resume.reading.{kind}")  # loads only what this kind needs
    content = sys.stdin.buffer.read()
    reader.warm()
    allow_seconds(SECONDS)
    confine()
    try:
        answer = {"text": reader.text_of(content, pages)[:most]}
    except Unreadable as problem:
        answer = {"problem": problem.code, "with": problem.params}
    except MemoryError:
        answer = {"problem": "too_much_memory"}
    except Exception:  # parsers fail in many ways on damaged files, and their words may quote the file
        answer = {"problem": "damaged"}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
