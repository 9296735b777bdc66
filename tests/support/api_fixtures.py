"""Fixtures of the API's tests: name this module in `pytest_plugins`."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.api import Installation, RedisServer, ended, installation, redis_server, submitted


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """A Redis server that tests share, and leave as it is."""
    with redis_server() as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis server of one test's own."""
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Installation]:
    """An API with a worker and a relay, for the tests of one module."""
    with installation(tmp_path_factory.mktemp("place"), redis.url) as made:
        made.work()
        with made.client("warm") as client:  # starts what starts by itself at the first use
            ended(client, submitted(client))
        yield made


@pytest.fixture
def idle(tmp_path: Path, redis: RedisServer) -> Iterator[Installation]:
    """An API of one test's own, without a worker."""
    with installation(tmp_path, redis.url) as made:
        yield made


@pytest.fixture
def ann(place: Installation) -> Iterator[httpx2.Client]:
    with place.client("ann") as client:
        yield client


@pytest.fixture
def bob(place: Installation) -> Iterator[httpx2.Client]:
    with place.client("bob") as client:
        yield client
