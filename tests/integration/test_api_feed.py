"""The feed: each event once and in order, whatever Redis does. A real Redis, a real database, no API."""

import asyncio
import json
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from stagepass.api.sse import Encoder
from stagepass.bootstrap import System
from stagepass.bus import followers, listen, streams
from stagepass.bus.connect import async_client, sync_client
from stagepass.bus.followers import Follower
from stagepass.bus.listen import Feed
from stagepass.bus.publish import as_json, stream_of
from stagepass.engine.commit.operations import OnJob
from stagepass.engine.model.ports import Tick
from stagepass.engine.model.records import TERMINAL, Event, Job
from stagepass.engine.rules.unit_of_work import UnitOfWork
from tests.support.api import RedisServer, make_system
from tests.support.waiting import becomes

pytest_plugins = ("tests.support.api_fixtures",)

NEVER = 1000.0


class Quiet:
    """A bus that tells nobody: each test says what Redis tells."""

    def publish(self, news: Any) -> None: ...
    def close(self) -> None: ...


class Stage:
    """A job whose events a test writes to SQL and tells to Redis, each when it likes."""

    def __init__(self, system: System, redis_url: str) -> None:
        system.__dict__["bus"] = Quiet()
        self.system = system
        self.redis = sync_client(redis_url)
        self.job = system.engine.submit("quick", {"text": "x"}).job.id
        self.feed = Feed(async_client(redis_url), system.store, streams=system.settings.event_streams)

    def write(self, *types: str) -> list[Event]:
        """Events that SQL has, and nobody was told of."""

        def act(uow: UnitOfWork, job: Job) -> list[Event]:
            return [uow.emit(job, type) for type in types]

        written: list[Event] = self.system.engine.committer.do(OnJob(self.job, None, act))
        return written

    def tell(self, *news: Event | Tick) -> None:
        stream = stream_of(self.job, self.system.settings.event_streams)
        self.redis.xadd(stream, {"n": json.dumps([as_json(one) for one in news])})

    def finish(self) -> None:
        self.system.engine.cancel(self.job, None)

    @asynccontextmanager
    async def following(self, after: int = 0, **options: Any) -> AsyncIterator["Reader"]:
        async with aclosing(self.feed.follow(self.job, after, **options)) as news:
            reader = Reader(news)
            yield reader
            await reader.stop()


class Reader:
    """A client: takes what comes, until a test has seen enough."""

    def __init__(self, news: Any) -> None:
        self.got: list[Any] = []
        self.ended = False
        self._news = news
        self._more = asyncio.Event()
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for one in self._news:
            self.got.append(one.seq if isinstance(one, Event) else one.message)
            self._more.set()
        self.ended = True
        self._more.set()

    async def until(self, enough: Callable[[list[Any]], bool], seconds: float = 10) -> list[Any]:
        async with asyncio.timeout(seconds):
            while not enough(self.got):
                self._more.clear()
                await self._more.wait()
        return self.got

    async def end(self) -> list[Any]:
        async with asyncio.timeout(10):
            await self._task
        return self.got

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
def stage(tmp_path: Path, own_redis: RedisServer) -> Any:
    made = Stage(make_system(tmp_path, own_redis.url), own_redis.url)
    yield made
    made.system.close()
    made.redis.close()


def run(feed: Feed, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test's body on a loop, with the feed started and its streams found."""

    async def body() -> None:
        await feed.start()
        try:
            await becomes(lambda: len(feed._streams._positions) == len(feed._streams._keys))
            await main()
        finally:
            await feed.stop()

    asyncio.run(asyncio.wait_for(body(), 60))


@pytest.fixture
def only_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """No look at SQL but where Redis gives a reason."""
    monkeypatch.setattr(listen, "CHECK_EVERY", NEVER)


@pytest.fixture
def only_sql(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "CHECK_EVERY", 0.05)


def test_a_gap_in_what_redis_tells_is_filled_from_sql_in_order(stage: Stage, only_redis: None) -> None:
    async def main() -> None:
        async with stage.following() as client:
            await client.until(lambda got: got == [1])
            *_, last = stage.write("a", "b", "c")
            stage.tell(last)
            assert await client.until(lambda got: len(got) >= 4) == [1, 2, 3, 4]

    run(stage.feed, main)


def test_news_told_twice_or_late_are_given_once(stage: Stage, only_redis: None) -> None:
    async def main() -> None:
        async with stage.following() as client:
            await client.until(lambda got: got == [1])
            first, second = stage.write("a", "b")
            stage.tell(second)
            stage.tell(first)
            stage.tell(second, first)
            stage.tell(Tick(stage.job, "only", None, 0.5, "over", 0))
            assert await client.until(lambda got: "over" in got) == [1, 2, 3, "over"]

    run(stage.feed, main)


def test_what_redis_never_tells_comes_from_sql(stage: Stage, only_sql: None) -> None:
    async def main() -> None:
        async with stage.following() as client:
            await client.until(lambda got: got == [1])
            stage.write("a", "b")
            assert await client.until(lambda got: len(got) >= 3) == [1, 2, 3]

    run(stage.feed, main)


def test_news_written_while_the_connection_was_gone_are_read_when_it_is_back(stage: Stage, only_redis: None) -> None:
    async def main() -> None:
        async with stage.following() as client:
            await client.until(lambda got: got == [1])
            stage.redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            stage.tell(*stage.write("a"), Tick(stage.job, "only", None, 0.5, "only Redis knows this", 0))
            assert await client.until(lambda got: len(got) >= 3) == [1, 2, "only Redis knows this"]

    run(stage.feed, main)


def test_a_flushed_redis_costs_no_event(stage: Stage, only_redis: None) -> None:
    async def main() -> None:
        async with stage.following() as client:
            await client.until(lambda got: got == [1])
            lost = stage.write("a")
            stage.tell(*lost)
            stage.redis.flushall()
            stage.tell(*stage.write("b"))
            assert await client.until(lambda got: len(got) >= 3) == [1, 2, 3]

    run(stage.feed, main)


def test_a_stream_that_began_anew_with_lower_numbers_is_read(
    stage: Stage, only_redis: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a flush and a clock that was set back, Redis counts from below what we have read."""
    monkeypatch.setattr(streams, "BLOCK", 50)

    async def main() -> None:
        async with stage.following() as client:
            await client.until(lambda got: got == [1])
            for key in stage.feed._streams._keys:
                stage.redis.xadd(key, {"n": "[]"}, id="99999999999999-0")
            await becomes(
                lambda: all(stage.feed._streams._positions[key].startswith("9999") for key in stage.feed._streams._keys)
            )
            stage.redis.delete(*stage.feed._streams._keys)
            stage.tell(*stage.write("a"), Tick(stage.job, "only", None, 0.5, "only Redis knows this", 0))
            assert await client.until(lambda got: len(got) >= 3) == [1, 2, "only Redis knows this"]

    run(stage.feed, main)


def test_a_redis_that_dies_freezes_and_comes_back_costs_no_event(
    stage: Stage, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "BLOCK", 100)
    monkeypatch.setattr(streams, "FROZEN", 0.2)
    monkeypatch.setattr(streams, "PAUSE", 0.05)
    monkeypatch.setattr(listen, "CHECK_ALONE", 0.05)
    monkeypatch.setattr(listen, "CHECK_EVERY", NEVER)

    async def main() -> None:
        async with stage.following() as client:
            await client.until(lambda got: got == [1])
            own_redis.stop()
            stage.write("while it is dead")
            await client.until(lambda got: got == [1, 2])
            await asyncio.to_thread(own_redis.start)
            await becomes(lambda: stage.feed._streams.answers)
            stage.tell(*stage.write("told again"))
            await client.until(lambda got: got == [1, 2, 3])
            assert own_redis.process is not None
            os.kill(own_redis.process.pid, signal.SIGSTOP)
            try:
                stage.write("while it is frozen")
                await client.until(lambda got: got == [1, 2, 3, 4], seconds=3)
            finally:
                os.kill(own_redis.process.pid, signal.SIGCONT)

    run(stage.feed, main)


def test_a_client_that_is_too_slow_reads_what_it_missed_from_sql(
    stage: Stage, only_redis: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "CLIENT_QUEUE", 3)

    async def main() -> None:
        async with aclosing(stage.feed.follow(stage.job)) as news:
            got = [(await anext(news)).seq]  # type: ignore[union-attr]
            follower = next(iter(stage.feed._followers[stage.job]))
            await asyncio.wait_for(anext(_one_tick(stage, news)), 10)
            for _ in range(10):
                stage.tell(*stage.write("a"))
            await becomes(lambda: follower._behind)
            stage.finish()
            stage.tell(*stage.system.store.events(stage.job, 11))
            got += [one.seq async for one in news if isinstance(one, Event)]
            assert got == list(range(1, 14))

    run(stage.feed, main)


async def _one_tick(stage: Stage, news: Any) -> AsyncIterator[Tick]:
    """The client is live once a tick has reached it."""
    stage.tell(Tick(stage.job, "only", None, 0.1, "live", 0))
    yield await anext(news)


def test_a_follower_drops_what_it_cannot_hold_and_says_so() -> None:
    async def main() -> None:
        follower = Follower(0)
        for seq in range(followers.CLIENT_QUEUE + 1):
            follower.offer(Event("j", seq + 1, "a", 0))
        assert await follower.next() is None
        assert not follower._news

    asyncio.run(main())


def test_the_end_of_a_job_that_goes_on_again_is_not_the_end(stage: Stage, only_redis: None) -> None:
    async def main() -> None:
        async with stage.following() as client:
            await client.until(lambda got: got == [1])
            told = stage.write("job.failed", "stage.discarded", "job.resumed", "stage.started")
            stage.tell(told[0])
            await client.until(lambda got: got == [1, 2, 3, 4, 5])
            assert not client.ended
            stage.tell(*stage.write("job.completed"))
            assert await client.end() == [1, 2, 3, 4, 5, 6]

    run(stage.feed, main)


def test_an_end_with_something_after_it_is_an_end(stage: Stage, only_redis: None) -> None:
    async def main() -> None:
        stage.write("job.failed", "stage.discarded")
        async with stage.following() as client:
            assert await client.end() == [1, 2, 3]

    run(stage.feed, main)


def test_a_job_that_is_over_is_replayed_without_waiting_for_its_end(stage: Stage, only_redis: None) -> None:
    async def main() -> None:
        async with stage.following(over=True) as client:
            assert await client.end() == [1]

    run(stage.feed, main)


def test_a_deleted_job_ends_its_streams(stage: Stage, only_sql: None) -> None:
    async def main() -> None:
        async with stage.following() as client:
            await client.until(lambda got: got == [1])
            stage.system.store.delete_jobs([stage.job])
            assert await client.end() == [1]

    run(stage.feed, main)


def test_a_database_that_does_not_answer_is_waited_for(
    stage: Stage, only_redis: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "CHECK_ALONE", 0.01)
    reads, failures = stage.system.store._reads, [sqlite3.OperationalError("disk I/O error") for _ in range(2)]

    def fail(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if failures and "FROM events" in statement.replace("\n", ""):
            raise failures.pop()

    event.listen(reads, "before_cursor_execute", fail)

    async def main() -> None:
        async with stage.following() as client:
            assert await client.until(lambda got: got == [1]) == [1]
        assert not failures

    try:
        run(stage.feed, main)
    finally:
        event.remove(reads, "before_cursor_execute", fail)


def test_news_that_cannot_be_read_do_not_end_the_reading(stage: Stage, only_redis: None) -> None:
    async def main() -> None:
        async with stage.following() as client:
            await client.until(lambda got: got == [1])
            for key in stage.feed._streams._keys:
                for text in ("nonsense", "[1]", '[{"job":"' + stage.job + '"}]'):
                    stage.redis.xadd(key, {"n": text})
                stage.redis.xadd(key, {"other": "field"})
            stage.tell(*stage.write("a"))
            assert await client.until(lambda got: len(got) >= 2) == [1, 2]

    run(stage.feed, main)


@pytest.mark.parametrize("type", ["job.completed", "job.failed", "job.cancelled", "job.resumed"])
def test_the_end_of_a_job_that_only_redis_tells_is_not_told(stage: Stage, only_redis: None, type: str) -> None:
    """Whoever can write to Redis cannot end a client's stream: SQL says how a job ended."""

    async def main() -> None:
        async with stage.following() as client:
            await client.until(lambda got: got == [1])
            stage.tell(Event(stage.job, 2, type, 0, data={"code": "forged"}))
            stage.tell(*stage.write("a"))
            assert await client.until(lambda got: len(got) >= 2) == [1, 2]
            stage.tell(Tick(stage.job, "only", None, 0.5, "goes on", 0))
            assert "goes on" in await client.until(lambda got: "goes on" in got)

    run(stage.feed, main)


FORGED: list[Any] = [
    {"seq": "2"}, {"seq": True}, {"seq": None}, {"type": 5}, {"at": "x"}, {"data": []}, {"stage": 5}, {"item": "x"},
    {"type": "tick", "data": {"progress": "x", "message": None}}, {"type": "tick", "data": {}}, {"job": 5},
    {"type": "tick", "stage": "s", "data": {"progress": 1e9, "message": None}},
]  # fmt: skip


@pytest.mark.parametrize("forged", FORGED, ids=str)
def test_news_of_another_shape_are_dropped_and_counted(stage: Stage, only_redis: None, forged: dict[str, Any]) -> None:
    async def main() -> None:
        async with stage.following() as client:
            await client.until(lambda got: got == [1])
            news = {**as_json(Event(stage.job, 2, "a", 0)), **forged}
            stage.redis.xadd(stream_of(stage.job, 4), {"n": json.dumps([{"job": stage.job, "seq": 9}, news])})
            stage.redis.xadd(stream_of(stage.job, 4), {"n": json.dumps([news])})
            stage.tell(*stage.write("a"))
            assert await client.until(lambda got: len(got) >= 2) == [1, 2]
            await becomes(lambda: stage.feed.dropped >= (1 if "job" in forged else 2))

    run(stage.feed, main)


def test_stopping_ends_every_stream(stage: Stage, only_redis: None) -> None:
    async def main() -> None:
        async with stage.following() as client:
            await client.until(lambda got: got == [1])
            await stage.feed.stop()
            assert await client.end() == [1]
        assert stage.feed.followers == 0

    run(stage.feed, main)


def test_the_rules_write_the_types_that_the_feed_knows(stage: Stage) -> None:
    stage.finish()
    stage.system.engine.resume(stage.job, None)
    types = [event.type for event in stage.system.store.events(stage.job)]
    assert types[-2] in TERMINAL
    assert types[-1] == followers.RESUMED


def test_fifty_replays_read_each_page_once_and_encode_each_event_once(stage: Stage, only_redis: None) -> None:
    """What a deploy of the API with fifty people watching one job of 2,000 events asks for."""

    async def main() -> None:
        for _ in range(4):
            stage.write(*["stage.progress"] * 500)
        read: list[tuple[str, int]] = []
        events = stage.system.store.events

        def counted(job_id: str, after: int = 0, limit: int = 500) -> list[Event]:
            read.append((job_id, after))
            return events(job_id, after, limit)

        stage.feed._replays._read = counted
        encoder, turns, over = Encoder(), 0, asyncio.Event()

        async def others() -> None:
            nonlocal turns
            while not over.is_set():
                await asyncio.sleep(0)
                turns += 1

        async def replay() -> tuple[int, int]:
            size = pieces = 0
            async with aclosing(stage.feed.pages(stage.job, 0, over=True)) as pages:
                async for page in pages:
                    async for piece in encoder.pieces(page):
                        size, pieces = size + len(piece), pieces + 1
            return size, pieces

        beside = asyncio.create_task(others())
        found = await asyncio.gather(*(replay() for _ in range(50)))
        over.set()
        await beside
        sizes = {size for size, _ in found}
        count = stage.system.store.events(stage.job, 0, 5000)
        assert len(sizes) == 1
        assert encoder.encoded == len(count) > 2000, "once for all of them"
        full = [key for key in read if key[1] < 2000]
        assert len(full) == len(set(full)) == 4, "each full page was read once"
        assert max(pieces for _, pieces in found) < len(count) / 20, "many events in one send"
        assert turns > 50 * min(pieces for _, pieces in found) / 2, "others have their turn between two pieces"

    run(stage.feed, main)
