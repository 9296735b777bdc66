"""The machine that the doctor runs on: descriptors, memory, disk."""

import resource
import shutil
from pathlib import Path

from stagepass.doctor.facts import MachineFacts
from stagepass.doctor.sources import Sources


def look(sources: Sources) -> MachineFacts:
    """Look at this machine."""
    folder = sources.settings.data_dir.expanduser().resolve()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MachineFacts(
        max(soft, hard), _memory(), shutil.disk_usage(folder).free if folder.exists() else None, str(folder)
    )


def _memory() -> int | None:
    """Bytes of memory of this machine, or of its control group."""
    try:
        text = Path("/proc/meminfo").read_text()
        total = int(text.split("MemTotal:")[1].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        return None
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            total = min(total, int(Path(limit).read_text()))
        except (OSError, ValueError):
            continue
    return total
