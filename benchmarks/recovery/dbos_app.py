"""One DBOS executor, for the Python of its own environment: ``dbos_app.py URL EXECUTOR DIARY [KEY]``.

It recovers what an executor of the same id left, as DBOS does by itself, and starts a workflow of its own
if it is given a key.
"""

import sys
import threading
from pathlib import Path

from dbos import DBOS, DBOSConfig

sys.path.insert(0, str(Path(__file__).parent))
from body import body


@DBOS.step()
def long(diary: str, key: str) -> None:
    body(diary, key)


@DBOS.workflow()
def work(diary: str, key: str) -> str:
    long(diary, key)
    return key


def main() -> None:
    """Launch, start what is to be started, and stay."""
    url, executor, diary, *key = sys.argv[1:]
    config: DBOSConfig = {
        "name": "recovery",
        "system_database_url": url,
        "executor_id": executor,
        "application_version": "1",
        "log_level": "WARNING",
    }
    DBOS(config=config)
    DBOS.launch()
    if key:
        DBOS.start_workflow(work, diary, key[0])
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
