"""Starts one role of `stagepass` with one wrong environment after another, in this process, and prints how each ended.

python -m tests.support.refusals relay  <  [{"PORT": "x"}, …]
"""

import json
import os
import sys

from tests.support.cli import run_here


def main(arguments: list[str]) -> None:
    usual = dict(os.environ)
    for number, settings in enumerate(json.load(sys.stdin)):
        os.environ.clear()  # a folder of its own: this process keeps the lock of the ones before
        os.environ.update({**usual, "DATA_DIR": f"{usual['DATA_DIR']}/{number}", **settings})
        code, out, errors = run_here(*arguments)
        print(json.dumps([settings, code, out + errors]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
