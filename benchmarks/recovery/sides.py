"""The systems that are measured: each starts a worker for a lane, takes an order, and says what it is."""

import importlib
import os
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from benchmarks.recovery.place import Place, python

HERE = Path(__file__).parent
QUIET = ("--without-gossip", "--without-mingle", "--loglevel", "INFO")


class Side(ABC):
    """One system, in a place of its own."""

    name = ""
    broker = ""

    def __init__(self, place: Place) -> None:
        self.place = place

    @abstractmethod
    def worker(self, lane: int) -> "subprocess.Popen[bytes]":
        """Start a worker for this lane's queue."""

    @abstractmethod
    def order(self, lane: int, key: str) -> None:
        """Ask for a piece of work."""

    def close(self) -> None:
        """Let go of what the client holds."""
        return


class Stagepass(Side):
    """Relay and workers as processes. `elsewhere`: the relay is not on the machine of the workers."""

    name = "Stagepass"

    def __init__(self, place: Place, database: str, broker: str, *, elsewhere: bool) -> None:
        super().__init__(place)
        self.broker = broker
        socket = place.redis()
        settings: dict[str, Any] = {
            "data_dir": str(place.folder / "data"),
            "database_url": place.database(database),
            "redis_url": f"unix://{socket}?db=0",
            "broker_url": place.rabbitmq() if broker == "RabbitMQ" else f"redis+socket://{socket}?virtual_host=1",
            "pipelines": str(HERE / "pipelines"),
        }
        self._env = {name.upper(): str(value) for name, value in settings.items()}
        from stagepass.bootstrap import System
        from stagepass.pipelines.discover import discover
        from stagepass.settings import Settings

        loaded = Settings.load(**settings)
        self._system = System(loaded, discover(loaded.pipelines))
        self._system.prepare_database()
        where = ["elsewhere"] if elsewhere else []
        place.start(python("-m", "benchmarks.recovery.relay", *where), self._env, "relay", saying=b"the relay runs")

    def worker(self, lane: int) -> "subprocess.Popen[bytes]":
        argv = python("-m", "celery", "-A", "stagepass.worker", "worker", "-Q", f"recovery{lane}.long")
        argv += ["-P", "threads", "-c", "2", "-n", f"{self.place.new_name()}@here", *QUIET]
        return self.place.start(argv, self._env, "worker", saying=b"serving")

    def order(self, lane: int, key: str) -> None:
        self._system.engine.submit(f"recovery{lane}", {"diary": str(self.place.diary), "key": key})

    def close(self) -> None:
        self._system.close()


class CeleryAlone(Side):
    """A task of Celery, acknowledged late, prefork. `visibility`: seconds, on Redis; empty is its default."""

    name = "Celery alone"

    def __init__(self, place: Place, broker: str, visibility: str = "") -> None:
        super().__init__(place)
        self.broker = broker
        url = place.rabbitmq() if broker == "RabbitMQ" else f"redis+socket://{place.redis()}?virtual_host=1"
        self._env = {"RECOVERY_BROKER": url, "RECOVERY_VISIBILITY": visibility}
        os.environ.update(self._env)
        from benchmarks.recovery import celery_app

        self._app = importlib.reload(celery_app).app

    def worker(self, lane: int) -> "subprocess.Popen[bytes]":
        argv = python("-m", "celery", "-A", "benchmarks.recovery.celery_app", "worker", "-Q", f"long{lane}")
        argv += ["-P", "prefork", "-c", "1", "-n", f"{self.place.new_name()}@here", *QUIET]
        return self.place.start(argv, self._env, "celery", saying=b" ready.")

    def order(self, lane: int, key: str) -> None:
        self._app.send_task("long", args=(str(self.place.diary), key), queue=f"long{lane}")

    def close(self) -> None:
        self._app.close()


class Dbos(Side):
    """A workflow of one step on PostgreSQL, without Conductor. An order is a new executor that starts it.

    `same`: the executor that is started after the kill has the dead one's id, as a supervisor would give it.
    """

    name = "DBOS"
    broker = "none"

    def __init__(self, place: Place, interpreter: str, *, same: bool) -> None:
        super().__init__(place)
        self._url = place.database("postgresql").replace("postgresql://postgres@", "postgresql+psycopg://postgres@")
        self._python = interpreter
        self._same = same
        self._count = 0

    def worker(self, lane: int) -> "subprocess.Popen[bytes]":
        self._count += not self._same
        return self._start(f"lane{lane}" if self._same else f"idle{self._count}")

    def order(self, lane: int, key: str) -> None:
        self._start(f"lane{lane}" if self._same else f"made-{key}", key)

    def _start(self, executor: str, *key: str) -> "subprocess.Popen[bytes]":
        app = str(HERE / "dbos_app.py")
        argv = [self._python, app, self._url, executor, str(self.place.diary), *key]
        return self.place.start(argv, {}, "dbos", saying=b"ready")
