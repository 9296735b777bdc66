"""A worker's process without work: it registers, holds its lock, and beats.

python -m tests.support.lock_holder URL ID
"""

import sys
import time

from stagepass.engine.execute.lock_keeper import LockKeeper
from stagepass.engine.model.records import WorkerRow
from stagepass.errors import StoreUnavailable
from stagepass.store import SqlStore


def main(url: str, worker: str) -> None:
    store = SqlStore(url)
    now = int(time.time() * 1000)
    store.add_worker(WorkerRow(worker, "elsewhere", 1, ("q",), 1, 0, now, now))
    LockKeeper(store, worker).start()
    while True:
        time.sleep(0.05)
        try:
            store.beat(worker, int(time.time() * 1000), [])
        except StoreUnavailable as problem:
            print(problem, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
