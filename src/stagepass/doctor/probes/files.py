"""The file store: a small file is written, read and deleted."""

import shutil

from stagepass.doctor.facts import FilesFacts
from stagepass.doctor.sources import Sources
from stagepass.engine.model.ids import new_token

PROBE = b"stagepass doctor\n"


def look(sources: Sources) -> FilesFacts:
    """Try the file store of the settings."""
    local = not sources.settings.files_url
    folder = sources.settings.files_folder
    where = str(folder) if local else sources.settings.files_url
    free = shutil.disk_usage(folder).free if local and folder.exists() else None
    try:
        store = sources.files()
        file = store.put(PROBE, name=f"doctor-{new_token()[:8]}.txt", type="text/plain", folder="doctor")
        try:
            read = b"".join(store.stream(file))
        finally:
            store.delete(file.uri)
    except Exception as problem:
        text = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
        return FilesFacts(where, local, problem=" ".join(str(text).split())[:300], free_bytes=free)
    problem_text = "" if read == PROBE else "what was read is not what was written"
    return FilesFacts(where, local, problem=problem_text, free_bytes=free)
