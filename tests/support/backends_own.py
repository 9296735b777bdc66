"""Servers of a test's own, made to be killed: PostgreSQL, MariaDB, RabbitMQ and Redis, each in its own folder.

All begin with `start`, die by SIGKILL with `kill`, and are the same after the next `start`: same port,
same files. They need the server's programs on this machine; `ServerMissing` says which are not there.
"""

import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pymysql

from stagepass.embedded.redis import EmbeddedRedis
from tests.support.waiting import wait_until


class ServerMissing(Exception):
    """A program that is needed is not on this machine."""


class Server(ABC):
    """One server. A subclass says how it is made, started and asked."""

    name = ""
    user: str | None = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)
        self.make()
        self.start()

    @abstractmethod
    def make(self) -> None:
        """Make its files."""

    @abstractmethod
    def argv(self) -> list[str]:
        """Its command line."""

    def environment(self) -> dict[str, str]:
        return {}

    @abstractmethod
    def answers(self) -> bool:
        """Whether it answers now."""

    def start(self) -> None:
        """Start it, and wait until it answers. One that still finds its dead self in the way is started again."""

        def look() -> bool:
            if self.process is None or self.process.poll() is not None:
                self._begin()
            return self.answers()

        wait_until(look, 90, f"{self.name} answers")

    def kill(self) -> None:
        """By SIGKILL, with whatever it started in its group."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(20)
            self.process = None

    def send(self, number: int) -> None:
        """A signal to it and to whatever it started in its group: SIGSTOP makes it take connections and be silent."""
        if self.process is not None:
            os.killpg(self.process.pid, number)

    def refuse_writes(self, on: bool) -> None:
        """Be read-only for a while, as a demoted primary is."""
        raise NotImplementedError(self.name)

    def _begin(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.argv(),
                cwd=self.folder,
                env={**os.environ, **self.environment()},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                user=self.user,
            )


class OwnRedis(Server):
    """The packaged server, on a socket in its folder."""

    name = "redis"

    def make(self) -> None:
        self._embedded = EmbeddedRedis(self.folder)
        self.urls = self._embedded.urls()

    def argv(self) -> list[str]:
        self._embedded.prepare()
        return self._embedded.argv()

    def answers(self) -> bool:
        return self._embedded.ready()


class OwnPostgres(Server):
    """A cluster, run by a user who may: PostgreSQL refuses root."""

    name = "postgresql"

    def make(self) -> None:
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/stagepass"
        if os.geteuid() == 0:
            self.user = "postgres"
            with contextlib.suppress(KeyError):
                shutil.chown(self.folder, *pwd.getpwnam("postgres")[2:4])
        made = [
            _program("initdb", "/usr/lib/postgresql/*/bin"),
            "-D",
            str(self.folder / "data"),
            "-U",
            "postgres",
            "--auth=trust",
            "-N",
        ]
        subprocess.run(made, cwd=self.folder, user=self.user, check=True, capture_output=True)

    def argv(self) -> list[str]:
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [_program("postgres", "/usr/lib/postgresql/*/bin"), "-D", str(self.folder / "data"), *options]

    def answers(self) -> bool:
        try:
            url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
            with psycopg.connect(url, autocommit=True, connect_timeout=2) as db:
                there = db.execute("SELECT 1 FROM pg_database WHERE datname = 'stagepass'").fetchone()
                if there is None:
                    db.execute("CREATE DATABASE stagepass")
        except psycopg.OperationalError:
            return False
        return True

    def refuse_writes(self, on: bool) -> None:
        url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as db:
            db.execute("ALTER DATABASE stagepass SET default_transaction_read_only = " + ("on" if on else "off"))  # type: ignore[arg-type]
            db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'stagepass'")


class OwnMaria(Server):
    """A MariaDB with a data folder of its own."""

    name = "mariadb"

    def make(self) -> None:
        self.url = f"mariadb://root@127.0.0.1:{self.port}/stagepass"
        made = [_program("mariadb-install-db"), "--no-defaults", *self._options(), "--skip-test-db"]
        made.append("--auth-root-authentication-method=normal")
        subprocess.run(made, cwd=self.folder, check=True, capture_output=True)

    def argv(self) -> list[str]:
        address = [f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={self.folder / 's'}"]
        return [_program("mariadbd", "/usr/sbin"), "--no-defaults", *self._options(), *address]

    def _options(self) -> list[str]:
        return [f"--datadir={self.folder / 'data'}", *(["--user=root"] if os.geteuid() == 0 else [])]

    def answers(self) -> bool:
        try:
            with closing(pymysql.connect(host="127.0.0.1", port=self.port, user="root", connect_timeout=2)) as db:
                db.cursor().execute("CREATE DATABASE IF NOT EXISTS stagepass")
        except pymysql.err.OperationalError:
            return False
        return True


class OwnRabbit(Server):
    """A RabbitMQ node. Its start takes ten seconds and more."""

    name = "rabbitmq"

    def make(self) -> None:
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        self._distribution = free_port()
        (self.folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")

    def argv(self) -> list[str]:
        return [_program("rabbitmq-server", "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin")]

    def environment(self) -> dict[str, str]:
        own = {
            "NODENAME": f"sp{self.port}@localhost",
            "DIST_PORT": str(self._distribution),
            "MNESIA_BASE": str(self.folder / "data"),
            "LOG_BASE": str(self.folder / "logs"),
            "CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "CONF_ENV_FILE": os.devnull,
        }
        return {"HOME": str(self.folder), **{f"RABBITMQ_{name}": value for name, value in own.items()}}

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as client:
            client.settimeout(2)
            client.sendall(b"AMQP\x00\x00\x09\x01")
            return client.recv(1) == b"\x01"  # it begins to negotiate
        return False


class OwnBackend:
    """A database, a broker and a Redis of one's own, by the backend's name (``postgresql+rabbitmq``)."""

    def __init__(self, name: str, folder: Path) -> None:
        database, _, broker = name.partition("+")
        self.name = name
        self.servers: dict[str, Server] = {}
        try:
            redis = self._add(OwnRedis, folder)
            self.redis_url, self.broker_url = redis.urls
            self.database_url = f"sqlite:///{folder / 'stagepass.db'}"
            if database != "sqlite":
                kind: Any = {"postgresql": OwnPostgres, "mariadb": OwnMaria}[database]
                self.database_url = self._add(kind, folder).url
            if broker == "rabbitmq":
                self.broker_url = self._add(OwnRabbit, folder).url
        except BaseException:
            self.close()
            raise

    def _add(self, kind: Any, folder: Path) -> Any:
        server = self.servers[kind.name] = kind(folder / kind.name)
        return server

    def close(self) -> None:
        for server in self.servers.values():
            server.kill()


@contextmanager
def own_backend(name: str, folder: Path) -> Iterator[OwnBackend]:
    """Made here and killed at the end. Raises `ServerMissing`."""
    made = OwnBackend(name, folder)
    try:
        yield made
    finally:
        made.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _program(name: str, *folders: str) -> str:
    """The newest in these folders, else the one of the PATH."""
    for pattern in folders:
        if found := sorted(glob.glob(f"{pattern}/{name}")):
            return found[-1]
    if there := shutil.which(name):
        return there
    raise ServerMissing(f"{name} is not on this machine")
