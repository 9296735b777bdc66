"""The render child: ``python -m stagepass.providers.local.song.render request.json folder``.

Writes ``song.mp3`` and then ``result.json`` into the folder, each under a name of its own first and renamed when
complete: whoever finds ``result.json`` finds a whole song. It lives no longer than its parent.
"""

import json
import os
import sys
from pathlib import Path

from stagepass.providers.local.song import kinship
from stagepass.providers.ports import SongRequest

SONG, RESULT = "song.mp3", "result.json"
CANNOT, TRY_AGAIN = 65, 75  # exit codes after sysexits.h: EX_DATAERR, EX_TEMPFAIL


def main(arguments: list[str]) -> int:
    """Render; returns the exit code."""
    kinship.die_with_parent()
    request_file, folder = Path(arguments[0]), Path(arguments[1])
    fields = json.loads(request_file.read_text("utf-8"))
    request = SongRequest(**fields)
    try:
        render(request, folder)
    except ValueError as error:
        print(error, file=sys.stderr)
        return CANNOT
    except (OSError, MemoryError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return TRY_AGAIN
    return 0


def render(request: SongRequest, folder: Path) -> None:
    """Make the song and write its two files."""
    # here and not above: numpy takes long enough that the parent could die unnoticed meanwhile
    from stagepass.providers.local.song.encode import write_mp3
    from stagepass.providers.local.song.song import make

    recording = make(request)
    sound = folder / f".{os.getpid()}.mp3.part"
    write_mp3(recording.sound, sound, request.title)
    size = sound.stat().st_size
    os.replace(sound, folder / SONG)
    result = {
        "duration": round(recording.duration, 3),
        "bytes": size,
        "timing": [[line.text, line.start, line.end] for line in recording.timing],
        "sung": recording.sung,
        "left_out": list(recording.left_out),
        "genre": recording.score.genre.name,
        "bpm": round(recording.score.plan.bpm, 1),
    }
    facts = folder / f".{os.getpid()}.json.part"
    facts.write_text(json.dumps(result, ensure_ascii=False), "utf-8")
    os.replace(facts, folder / RESULT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
