"""The other side: a plain Celery chain of three, with its results in the same Redis."""

import os
import time

from celery import Celery

app = Celery("bench", broker=os.environ["BENCH_BROKER"], backend=os.environ["BENCH_BACKEND"])
app.conf.update(
    task_default_queue="bench",
    worker_prefetch_multiplier=4,
    result_backend_thread_safe=True,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    result_expires=600,
)


@app.task
def add(n: int) -> int:
    return n + 1


@app.task
def slow_add(n: int) -> int:
    time.sleep(0.2)
    return n + 1
