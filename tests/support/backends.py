"""The four pairs of database and broker that everything holds on, each in a place of its own.

On this machine's servers: a database and a virtual host that are made and removed. Redis is always a
server of the test's own (see `site.Site`). Servers that can be killed are in `backends_own`.
"""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.databases import missing, new_database

BACKENDS = ("sqlite+redis", "postgresql+rabbitmq", "mariadb+redis", "postgresql+redis")


@dataclass(frozen=True)
class Backend:
    """Where a test's database and broker are; without a broker it is the test's own Redis."""

    name: str
    database_url: str
    broker_url: str = ""


@contextmanager
def backend(name: str, folder: Path) -> Iterator[Backend]:
    """A backend of one's own. Without its servers: a failure in CI, else a skip that says why."""
    database, _, broker = name.partition("+")
    with new_database(database, folder) as url:
        if broker == "rabbitmq":
            with virtual_host() as broker_url:
                yield Backend(name, url, broker_url)
        else:
            yield Backend(name, url)


@contextmanager
def virtual_host() -> Iterator[str]:
    """A virtual host of our own on this machine's RabbitMQ; its URL."""
    name = f"sp-test-{secrets.token_hex(4)}"
    try:
        _control("add_vhost", name)
    except (OSError, subprocess.SubprocessError) as problem:
        missing(f"no RabbitMQ that we may make a vhost on: {type(problem).__name__}")
    try:
        _control("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
        yield f"amqp://guest:guest@127.0.0.1:5672/{name}"
    finally:
        _control("delete_vhost", name)


def _control(*arguments: str) -> None:
    subprocess.run(["rabbitmqctl", "-q", *arguments], check=True, capture_output=True, timeout=60)
