"""Schedules: submitted when a cron expression says so, once for each due time, whoever looks."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from stagepass import Pipeline
from stagepass.declare.registry import Registry
from stagepass.engine.engine import Engine
from stagepass.engine.maintain.scheduler import Scheduler
from stagepass.engine.model import failpoints
from stagepass.engine.model.filters import JobFilter
from stagepass.errors import DeclarationError, NotFound
from stagepass.store import SqlStore
from stagepass.testing import Crash, HandClock, Recorder
from tests.support.databases import KINDS, new_database
from tests.support.processes import at_once, raised

SEOUL = ZoneInfo("Asia/Seoul")


class Host(BaseModel):
    host: str = "Mina"


def party(**options: Any) -> Pipeline:
    """A pipeline with one stage and one schedule, at nine every morning."""
    made = Pipeline("party", input=Host)

    @made.stage()
    def invite(request: Host) -> str:
        return request.host

    made.schedule("0 9 * * *", **{"zone": "Asia/Seoul", "input": {"host": "Jun"}, **options})
    return made


class Process:
    """A process with a relay's scheduler."""

    def __init__(self, url: str, pipeline: Pipeline, clock: HandClock) -> None:
        self.store = SqlStore(url)
        registry, recorder = Registry([pipeline]), Recorder()
        self.engine = Engine(self.store, registry, recorder, recorder, clock=clock)
        self.scheduler = Scheduler(self.store, registry, self.engine.submit, clock)

    def jobs(self) -> list[str]:
        return [job.key or "" for job in self.engine.jobs(JobFilter(None))]


@contextmanager
def processes(url: str, count: int, pipeline: Pipeline, clock: HandClock) -> Iterator[list[Process]]:
    made = [Process(url, pipeline, clock) for _ in range(count)]
    try:
        yield made
    finally:
        for process in made:
            process.engine.close()


def at(hour: int, minute: int = 0, day: int = 2) -> HandClock:
    """A clock that stands at that time in Seoul."""
    return HandClock(int(datetime(2026, 11, day, hour, minute, tzinfo=SEOUL).timestamp() * 1000))


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with new_database("sqlite", tmp_path) as made:
        yield made


def test_it_fires_at_its_time_in_its_zone_and_not_before(url: str) -> None:
    clock = at(8, 59)
    with processes(url, 1, party(), clock) as (process,):
        assert process.scheduler.fire() == []
        clock.advance(59)
        assert process.scheduler.fire() == []
        clock.advance(1)
        (job,) = process.scheduler.fire()
        due = datetime(2026, 11, 2, 0, 0, tzinfo=UTC)
        made = process.engine.job(job, "local")
        assert (made.input, made.key) == ('{"host":"Jun"}', f"schedule:party:default:{int(due.timestamp() * 1000)}")
        assert process.scheduler.fire() == []
        ((_, row),) = process.scheduler.rows().values()
        assert (row.last_job, row.next_at) == (job, int(due.timestamp() * 1000) + 86_400_000)


@pytest.mark.parametrize("kind", KINDS)
def test_of_several_relays_one_fires(kind: str, tmp_path: Path) -> None:
    clock = at(8, 59)
    with new_database(kind, tmp_path) as url, processes(url, 4, party(), clock) as made:
        assert raised(at_once([process.scheduler.rows for process in made])) == []
        for day in range(1, 4):
            clock.advance(60 if day == 1 else 86400)
            fired = at_once([process.scheduler.fire for process in made])
            assert raised(fired) == []
            assert sum(len(jobs) for jobs in fired) == 1
            assert len(made[0].jobs()) == day


def test_a_process_that_dies_after_the_submit_fires_no_second_time(url: str) -> None:
    def die() -> None:
        raise Crash

    clock = at(8, 59)
    with processes(url, 2, party(), clock) as (first, second):
        first.scheduler.rows()
        clock.advance(60)
        failpoints.arm("submit.after_commit", die)
        with pytest.raises(Crash):
            first.scheduler.fire()
        failpoints.disarm()
        assert second.scheduler.fire() == []
        assert len(second.jobs()) == 1
        ((_, row),) = second.scheduler.rows().values()
        assert row.last_job is not None


@pytest.mark.parametrize(("missed", "made"), [("once", 1), ("skip", 0)])
def test_after_an_outage_it_is_made_up_for_once_or_not_at_all(url: str, missed: str, made: int) -> None:
    clock = at(8, 59)
    with processes(url, 1, party(missed=missed), clock) as (process,):
        process.scheduler.rows()
        clock.advance(5 * 86400 + 3600)  # five mornings have passed
        assert len(process.scheduler.fire()) == made
        assert process.scheduler.fire() == []
        clock.advance(86400 - 3540)  # the next morning is an ordinary one
        assert len(process.scheduler.fire()) == 1


def test_paused_it_fires_nothing_and_resumed_it_goes_on_from_the_next_time(url: str) -> None:
    clock = at(8, 59)
    with processes(url, 1, party(), clock) as (process,):
        process.scheduler.pause("party:default", True)
        clock.advance(2 * 86400)
        assert process.scheduler.fire() == []
        row = process.scheduler.pause("party:default", False)
        assert process.scheduler.fire() == []
        assert row.next_at == int(datetime(2026, 11, 4, 9, tzinfo=SEOUL).timestamp() * 1000)
        with pytest.raises(NotFound):
            process.scheduler.pause("party:none", True)


def test_declared_anew_it_is_due_by_its_new_timing(url: str) -> None:
    clock = at(8, 59)
    with processes(url, 1, party(), clock) as (process,):
        process.scheduler.rows()
    later = Pipeline("party", input=Host)
    later.stages = party().stages
    later.schedule("30 9 * * *", zone="Asia/Seoul")
    clock.advance(120)
    with processes(url, 1, later, clock) as (process,):
        assert process.scheduler.fire() == []
        clock.advance(30 * 60)
        assert len(process.scheduler.fire()) == 1


def another(cron: str, version: int = 1) -> Pipeline:
    made = Pipeline("party", input=Host, version=version)
    made.stages = party().stages
    made.schedule(cron, zone="Asia/Seoul")
    return made


@pytest.mark.parametrize(("version", "began_later"), [(2, False), (1, True)])
def test_two_releases_side_by_side_fire_by_the_newer_ones_timing(url: str, version: int, began_later: bool) -> None:
    clock = at(8, 0)
    with processes(url, 1, another("0 9 * * *"), clock) as (old,):
        old.scheduler.rows()
        clock.advance(1 if began_later else 0)
        with processes(url, 1, another("30 9 * * *", version), clock) as (new,):
            for _ in range(3):  # neither takes the timing from the other, again and again
                new.scheduler.rows()
                old.scheduler.rows()
            (row,) = new.store.schedules()
            assert row.timing == "30 9 * * * Asia/Seoul"
            clock.advance(3600)
            assert old.scheduler.fire() + new.scheduler.fire() == []
            clock.advance(1800)
            assert len(old.scheduler.fire()) == 1, "the old one fires what is due, too"
            assert new.scheduler.fire() == []
            (row,) = new.store.schedules()
            assert row.next_at == clock.now() // 60_000 * 60_000 + 86_400_000, "the day after, by the new timing"


def test_what_is_due_as_a_new_release_begins_still_fires(url: str) -> None:
    clock = at(8, 59)
    with processes(url, 1, another("0 9 * * *"), clock) as (old,):
        old.scheduler.rows()
        clock.advance(61)
        with processes(url, 1, another("30 9 * * *", 2), clock) as (new,):
            assert len(new.scheduler.fire()) == 1
            (row,) = new.store.schedules()
            assert (row.next_at - clock.now()) // 60_000 == 29


def test_a_zone_with_summer_time_keeps_its_hour() -> None:
    made = Pipeline("party", input=Host)
    schedule = made.schedule("0 9 * * *", zone="Europe/Berlin")
    winter = datetime(2026, 3, 28, 12, tzinfo=UTC)
    due = datetime.fromtimestamp(schedule.after(int(winter.timestamp() * 1000)) / 1000, ZoneInfo("Europe/Berlin"))
    assert (due.day, due.hour, due.utcoffset()) == (29, 9, due.utcoffset())
    assert due.astimezone(UTC).hour == 7  # the day before it was 8


BERLIN = ZoneInfo("Europe/Berlin")


def firings(cron: str, begin: datetime, count: int) -> list[str]:
    """When it is due next, in Berlin, with the offset from UTC."""
    schedule, moment, due = Pipeline("party", input=Host).schedule(cron, zone="Europe/Berlin"), begin.timestamp(), []
    for _ in range(count):
        moment = schedule.after(int(moment * 1000)) / 1000
        due.append(f"{datetime.fromtimestamp(moment, BERLIN):%d %H:%M %z}")
    return due


def test_the_hour_that_summer_time_takes_away_loses_no_firing() -> None:
    day = datetime(2026, 3, 28, 1, tzinfo=BERLIN)
    daily = ["28 02:30 +0100", "29 03:00 +0200", "30 02:30 +0200"]  # where there is no half past two: at once after
    assert firings("30 2 * * *", day, 3) == daily
    night = datetime(2026, 3, 29, 0, 15, tzinfo=BERLIN)
    assert firings("0 * * * *", night, 3) == ["29 01:00 +0100", "29 03:00 +0200", "29 04:00 +0200"]


def test_the_hour_that_comes_twice_fires_once_a_day_and_twice_an_hour() -> None:
    evening = datetime(2026, 10, 24, 12, tzinfo=BERLIN)
    assert firings("30 2 * * *", evening, 2) == ["25 02:30 +0200", "26 02:30 +0100"]
    night = datetime(2026, 10, 25, 1, 15, tzinfo=BERLIN)
    hourly = ["25 02:00 +0200", "25 02:00 +0100", "25 03:00 +0100"]
    assert firings("0 * * * *", night, 3) == hourly


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"cron": "61 9 * * *"}, "is not a cron expression"),
        ({"cron": "0 9 30 2 *"}, "is not a cron expression"),
        ({"zone": "Asia/Gunsan"}, "no time zone 'Asia/Gunsan'"),
        ({"input": {"host": ["x"]}}, "input does not fit"),
        ({"missed": "twice"}, "missed is"),
        ({"name": "default"}, "declared twice"),
    ],
)
def test_a_wrong_declaration_is_told_at_import(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        party().schedule(**{"cron": "0 9 * * *", "name": "other", **wrong})
