"""The Celery application, as both sides use it: one queue per stage, messages acknowledged on receipt, no results."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from celery import Celery
from kombu.entity import Exchange, Queue

from stagepass import sentinel

EXCHANGE = "stagepass"


def make_app(broker_url: str, queues: Iterable[str], *, queue_type: str = "classic") -> Celery:
    """An app that knows these queues.

    Args:
        broker_url: ``redis://``, ``rediss://``, ``redis+socket://``, ``sentinel://h1:p,h2:p/mymaster`` or ``amqp://``.
        queue_type: of RabbitMQ queues. A bell needs no more than classic ones: what they lose, SQL knows.
    """
    found = sentinel.parse(broker_url, "BROKER_URL") if sentinel.is_sentinel(broker_url) else None
    url = found.celery_url() if found else broker_url
    # a host's own app stays the current one: its shared tasks are sent by that
    app = Celery("stagepass", broker=url, set_as_current=False)
    app.conf.update(
        broker_read_url=url,  # said twice more: a host's CELERY_BROKER_URL goes before `broker_url`
        broker_write_url=url,
        task_queues=[_queue(name, broker_url, queue_type) for name in queues],
        task_create_missing_queues=False,
        task_default_queue="stagepass.none",
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=True,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=4,
        broker_transport_options={**transport_options(broker_url), **(found.celery_options() if found else {})},
        task_publish_retry=False,
        enable_utc=True,
    )
    return app


def transport_options(broker_url: str) -> dict[str, Any]:
    """Time-outs, so that a broker that froze is noticed. An hour of visibility is the default, and nothing rests on it."""
    retries = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2}
    if is_amqp(broker_url):
        return {**retries, "confirm_publish": True, "read_timeout": 30, "write_timeout": 10}
    return {
        **retries,
        "socket_timeout": 30,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 25,
        "global_keyprefix": "stagepass:",
        "visibility_timeout": 3600,
    }


def is_amqp(broker_url: str) -> bool:
    """Whether that is RabbitMQ."""
    return urlsplit(broker_url).scheme in ("amqp", "amqps", "pyamqp")


def _queue(name: str, broker_url: str, queue_type: str) -> Queue:
    exchange = Exchange(EXCHANGE, type="direct", durable=True)
    arguments = {"x-queue-type": queue_type} if is_amqp(broker_url) and queue_type == "quorum" else None
    return Queue(name, exchange, routing_key=name, durable=True, queue_arguments=arguments)


def beside(redis_url: str) -> str:
    """The broker's address for a Redis without one of its own: database 1 of the same server."""
    if sentinel.is_sentinel(redis_url):
        return sentinel.with_database(redis_url, 1)
    if redis_url.startswith("unix://"):
        return f"redis+socket://{redis_url.removeprefix('unix://').split('?')[0]}?virtual_host=1"
    base, _, query = redis_url.partition("?")
    scheme, _, rest = base.partition("://")
    host = rest.split("/", 1)[0]
    return f"{scheme}://{host}/1" + (f"?{query}" if query else "")
