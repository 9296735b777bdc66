"""The relay of the runs, as a process of its own. With ``elsewhere`` it believes to be on another machine:

then it cannot look whether a worker's process exists, and only a heart that stopped tells it.
"""

import socket
import sys


def main() -> None:
    """`stagepass relay`, under another host's name where that was asked for."""
    if "elsewhere" in sys.argv[1:]:
        socket.gethostname = lambda: "another-machine"
    sys.argv[1:] = ["relay"]
    from stagepass.cli.main import app

    app()


if __name__ == "__main__":
    main()
