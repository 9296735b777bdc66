"""Celery alone, as its documentation says for work that must not be lost: acknowledged late, rejected when lost."""

import os

from celery import Celery
from kombu.entity import Queue

from benchmarks.recovery.body import body

app = Celery("recovery", broker=os.environ["RECOVERY_BROKER"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    task_queues=[Queue(f"long{number}", durable=True) for number in range(4)],
    broker_connection_retry_on_startup=True,
)
if seconds := os.environ.get("RECOVERY_VISIBILITY"):
    app.conf.broker_transport_options = {"visibility_timeout": int(seconds)}


@app.task(name="long")
def long(diary: str, key: str) -> None:
    body(diary, key)
