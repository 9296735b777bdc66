"""What a child of the sandbox can see and reach: told as JSON, before and after it is confined. Run as a child."""

import json
import os
import socket
import sys

from stagepass.pipelines.resume.sandbox.confine import confine


def tries() -> dict[str, str]:
    """What comes of opening a file, a socket, and a program."""
    found = {}
    for name, act in (
        ("file", lambda: os.open("/etc/hostname", os.O_RDONLY)),
        ("write", lambda: os.open("left-behind", os.O_WRONLY | os.O_CREAT)),
        ("socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)),
        ("pipe", os.pipe),
    ):
        try:
            act()
            found[name] = "done"
        except OSError as problem:
            found[name] = type(problem).__name__
    return found


def main() -> None:
    seen = {
        "environment": {name: value for name, value in os.environ.items() if name not in ("LC_CTYPE", "PWD")},
        "folder": os.listdir("."),
        "descriptors": sorted(
            int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")
        ),
        "arguments": sys.argv[1:],
        "session": os.getsid(0) == os.getpid(),
    }
    confine()
    sys.stdout.write(json.dumps({**seen, "tries": tries()}))


if __name__ == "__main__":
    main()
