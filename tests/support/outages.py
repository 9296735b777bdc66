"""Servers of a test's own that can be stopped, killed and replaced, each on free ports and in its folder."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pymysql
import redis

from stagepass.embedded.redis import find_server
from tests.support.databases import missing
from tests.support.waiting import wait_until

POSTGRESQL = (
    *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True),
    Path("/usr/local/bin"),
    Path("/usr/bin"),
)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A program that a test starts, kills and starts again."""

    def __init__(self, argv: Sequence[str], folder: Path, **options: object) -> None:
        self._argv = list(argv)
        self._folder = folder
        self._options = options
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self._argv,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._options,  # type: ignore[call-overload]
            )

    def kill(self) -> None:
        """As a lost machine would end it."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(20)
            self.process = None

    def log(self) -> str:
        return (self._folder / "log").read_text("utf-8", "replace")[-3000:]


# ── Redis ──


class RedisServer(Server):
    """One Redis on a port, without persistence."""

    def __init__(self, folder: Path, *, replica_of: int | None = None) -> None:
        self.port = free_port()
        folder.mkdir()
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        options += ["--repl-diskless-sync-delay", "0"]
        if replica_of is not None:
            options += ["--replicaof", "127.0.0.1", str(replica_of)]
        super().__init__([str(find_server()), *options], folder)

    def begin(self) -> "RedisServer":
        self.start()
        wait_until(self.answers, 20, "Redis answers")
        return self

    def client(self) -> "redis.Redis":
        return redis.Redis(port=self.port, socket_timeout=2)

    def answers(self) -> bool:
        with self.client() as client, suppress(redis.RedisError):
            return bool(client.ping())
        return False

    def role(self) -> str:
        with self.client() as client, suppress(redis.RedisError):
            return bytes(client.execute_command("ROLE")[0]).decode()  # type: ignore[no-untyped-call]
        return ""


class Watched:
    """A primary, its replica, and three Sentinels that put the one in the place of the other."""

    NAME = "mymaster"

    def __init__(self, folder: Path) -> None:
        self.first = RedisServer(folder / "first").begin()
        self.second = RedisServer(folder / "second", replica_of=self.first.port).begin()
        wait_until(self._is_linked, 20, "the replica follows")
        self.sentinels = [self._sentinel(folder / f"sentinel{number}") for number in range(3)]
        wait_until(lambda: all(map(self._knows_all, self.sentinels)), 30, "the Sentinels know each other")

    def url(self, db: int) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for _, port in self.sentinels)
        return f"sentinel://{hosts}/{self.NAME}?db={db}"

    def fail_over(self) -> None:
        """The primary is gone for good; returns when the replica has its place."""
        self.first.kill()
        wait_until(lambda: self.second.role() == "master", 30, "the replica is the primary")

    def close(self) -> None:
        for server, _ in self.sentinels:
            server.kill()
        self.first.kill()
        self.second.kill()

    def _sentinel(self, folder: Path) -> tuple[Server, int]:
        folder.mkdir()
        port = free_port()
        (folder / "conf").write_text(
            f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor {self.NAME} 127.0.0.1 {self.first.port} 2\n"
            f"sentinel down-after-milliseconds {self.NAME} 1000\nsentinel failover-timeout {self.NAME} 5000\n"
        )
        server = Server([str(find_server()), str(folder / "conf"), "--sentinel"], folder)
        server.start()
        return server, port

    def _is_linked(self) -> bool:
        with self.second.client() as client:
            return bool(client.info("replication").get("master_link_status") == "up")  # type: ignore[union-attr]

    @staticmethod
    def _knows_all(sentinel: tuple[Server, int]) -> bool:
        with redis.Redis(port=sentinel[1], socket_timeout=2) as client, suppress(redis.RedisError):
            state = client.sentinel_master(Watched.NAME)  # type: ignore[no-untyped-call]
            return bool(state["num-other-sentinels"] == 2 and state["num-slaves"] == 1)
        return False


# ── databases ──


class PostgresServer:
    """A cluster of its own: made by `initdb`, run by the user postgres."""

    def __init__(self) -> None:
        self.port = free_port()
        binaries = next((path for path in POSTGRESQL if (path / "initdb").exists()), None)
        if binaries is None:
            missing("no PostgreSQL programs (initdb) on this machine")
            raise AssertionError
        self._bin = binaries
        self._user = "postgres" if os.geteuid() == 0 else None  # its programs refuse to be run by root
        self._data = Path(tempfile.mkdtemp(prefix="sp-pg-"))  # not below pytest's folders, which are root's alone
        if self._user:
            shutil.chown(self._data, self._user)
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-N")
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -k {self._data} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run("pg_ctl", "-D", str(self._data), "-o", options, "-l", str(self._data / "log"), "-w", "start")

    def stop(self, how: str = "immediate") -> None:
        """``immediate`` is what a loss of power does; it recovers at its next start."""
        self._run("pg_ctl", "-D", str(self._data), "-m", how, "-w", "stop")

    def close(self) -> None:
        with suppress(subprocess.CalledProcessError):
            self.stop()
        shutil.rmtree(self._data, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._bin / program), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
            cwd=self._data,
            user=self._user,
        )


class MariadbServer(Server):
    """A server of its own on a port, with an empty data folder."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        folder.mkdir()
        data = folder / "data"
        program, install = shutil.which("mariadbd", path=_PATH), shutil.which("mariadb-install-db", path=_PATH)
        if program is None or install is None:
            missing("no MariaDB programs on this machine")
            raise AssertionError
        user = "--user=root" if os.geteuid() == 0 else "--skip-name-resolve"
        made = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", user]
        subprocess.run([*made, "--skip-test-db"], check=True, capture_output=True, timeout=90)
        super().__init__(
            [
                program,
                "--no-defaults",
                user,
                f"--datadir={data}",
                f"--port={self.port}",
                f"--socket={folder / 's'}",
                "--bind-address=127.0.0.1",
                "--innodb-flush-log-at-trx-commit=1",
            ],
            folder,
        )

    @property
    def url(self) -> str:
        return f"mariadb://root@127.0.0.1:{self.port}/stagepass"

    def begin(self) -> None:
        """Start it, and wait until it takes statements."""
        self.start()
        wait_until(self._answers, 60, "MariaDB answers")

    def make_database(self) -> None:
        with pymysql.connect(host="127.0.0.1", port=self.port, user="root") as db:
            db.cursor().execute("CREATE DATABASE stagepass")

    def _answers(self) -> bool:
        try:
            pymysql.connect(host="127.0.0.1", port=self.port, user="root", connect_timeout=2).close()
        except pymysql.err.OperationalError:
            return False
        return True


_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
