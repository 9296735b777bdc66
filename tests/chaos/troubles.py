"""Carries out the plan's disturbances, one after the other, on real processes and servers."""

import contextlib
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

import redis

from stagepass.queue.app import is_amqp, make_app
from tests.chaos.crowd import Crowd, Member
from tests.chaos.plan import Trouble


class Troublemaker:
    """Runs in a thread of its own until the plan is done."""

    def __init__(self, crowd: Crowd, troubles: Sequence[Trouble], queues: Sequence[str]) -> None:
        self.done: Counter[str] = Counter()
        """How many of each kind were made."""
        self.problem: BaseException | None = None
        self._crowd = crowd
        self._troubles = troubles
        self._queues = list(queues)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="troubles", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait(self) -> None:
        """Until all is done and everything is up again."""
        self._thread.join()
        if self.problem is not None:
            raise self.problem

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(120)

    def _run(self) -> None:
        began = time.monotonic()
        try:
            for trouble in self._troubles:
                if self._stop.wait(max(0.0, trouble.at - (time.monotonic() - began))):
                    return
                print(f"{time.monotonic() - began:7.1f} s  {trouble.kind} {trouble.seconds:g}", flush=True)
                self._make(trouble)
                self.done[trouble.kind] += 1
        except BaseException as problem:
            self.problem = problem

    def _make(self, trouble: Trouble) -> None:
        crowd = self._crowd
        worker = crowd.workers[trouble.which % len(crowd.workers)]
        match trouble.kind.split(" ", 1):
            case ["kill", "worker"]:
                self._replace(worker, trouble.seconds)
            case ["kill", "worker child"]:
                crowd.workers[-1].send_child(signal.SIGKILL, trouble.which)
            case ["stop", "worker"]:
                self._freeze(worker, trouble.seconds)
            case ["kill", "api"]:
                self._replace(crowd.api, trouble.seconds)
            case ["kill", "relay"]:
                self._replace(crowd.relay, trouble.seconds)
            case ["kill", "oracle"]:
                for vendor in (crowd.shop, crowd.till):
                    vendor.kill()
                    self._stop.wait(trouble.seconds / 2)
                    vendor.start()
            case ["kill", server]:
                self._restart(crowd.backend.servers[server].kill, crowd.backend.servers[server].start, trouble.seconds)
            case ["freeze", server]:
                crowd.backend.servers[server].send(signal.SIGSTOP)
                self._stop.wait(trouble.seconds)
                crowd.backend.servers[server].send(signal.SIGCONT)
            case ["refuse", server]:
                crowd.backend.servers[server].refuse_writes(True)
                self._stop.wait(trouble.seconds)
                crowd.backend.servers[server].refuse_writes(False)
            case ["flush", _]:
                with redis.Redis.from_url(crowd.backend.redis_url) as client:
                    client.flushall()
            case ["purge", _]:
                self._purge()
            case ["vendor", _]:
                crowd.shop.trouble(down=trouble.seconds)
            case ["no", _]:
                crowd.shop.trouble(credit=trouble.seconds)
            case _:
                raise ValueError(f"there is no trouble {trouble.kind!r}")

    def _replace(self, member: Member, seconds: float) -> None:
        """Kill it; a supervisor starts it again after a while."""
        member.down = True
        self._restart(member.kill, member.start, seconds)
        member.down = False

    def _restart(self, kill: Callable[[], None], start: Callable[[], None], seconds: float) -> None:
        kill()
        self._stop.wait(seconds)
        start()

    def _freeze(self, worker: Member, seconds: float) -> None:
        worker.send(signal.SIGSTOP)
        try:
            self._stop.wait(seconds)
        finally:
            worker.send(signal.SIGCONT)

    def _purge(self) -> None:
        """Empty every queue of ours."""
        url = self._crowd.backend.broker_url
        if not is_amqp(url):
            base, _, _ = self._crowd.backend.redis_url.partition("?")
            with redis.Redis.from_url(f"{base}?db=1") as client:
                client.delete(*(f"stagepass:{queue}" for queue in self._queues))
            return
        with make_app(url, self._queues) as app, app.connection_for_write() as connection:
            for queue in self._queues:
                with contextlib.suppress(*connection.channel_errors):  # one that nobody has rung yet is not there
                    connection.channel().queue_purge(queue)
