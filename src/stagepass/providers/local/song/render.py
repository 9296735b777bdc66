"""The child process that renders one song: ``python -m stagepass.providers.local.song.render request.json folder``.

Writes ``song.mp3`` and then ``result.json`` into the folder, each renamed when complete: a process that finds
``result.json`` finds a whole song. A song of 45 s takes about 5 s of one core.
"""

import json
import sys
from pathlib import Path

from stagepass.errors import Permanent
from stagepass.providers.local.process import child_main, report_progress
from stagepass.providers.local.song.encode import write_mp3
from stagepass.providers.local.song.song import NothingToSing, make
from stagepass.providers.local.tasks import publish
from stagepass.providers.ports import SongRequest

SONG, RESULT = "song.mp3", "result.json"


def render(request_file: Path, folder: Path) -> None:
    """Make the song that the file asks for. Raises `Permanent` where it asks for none that can be made."""
    try:
        order = json.loads(request_file.read_bytes())
        folder_of_voices = order.pop("voices", None)
        request = SongRequest(**order)
    except FileNotFoundError:
        raise Permanent("the task was cancelled", provider="local") from None
    try:
        recording = make(request, report_progress, Path(folder_of_voices) if folder_of_voices else None)
    except NothingToSing as error:
        raise Permanent(str(error), provider="local") from None
    unfinished = folder / "unfinished.mp3"
    write_mp3(recording.sound, unfinished, request.title)
    result = {
        "duration": round(recording.duration, 3),
        "bytes": unfinished.stat().st_size,
        "timing": [[line.text, line.start, line.end] for line in recording.timing],
        "voice": recording.voice,
        "instead_of": recording.instead_of,
        "left_out": list(recording.left_out),
        "genre": recording.score.genre.name,
        "bpm": round(recording.score.plan.bpm, 1),
    }
    publish(unfinished, folder / SONG)
    facts = folder / "unfinished.json"
    facts.write_text(json.dumps(result, ensure_ascii=False), "utf-8")
    publish(facts, folder / RESULT)
    report_progress(1.0)


if __name__ == "__main__":
    sys.exit(child_main(lambda: render(Path(sys.argv[1]), Path(sys.argv[2]))))
