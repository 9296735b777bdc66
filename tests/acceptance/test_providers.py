"""A provider's limits and breakers, with several real processes at one real vendor."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import redis

from stagepass.engine.model.states import JobState, RunState
from stagepass.errors import Conflict
from tests.support.site import Site, site
from tests.support.vendor_server import Vendor, vendor_server
from tests.support.waiting import wait_until

PIPELINES = Path(__file__).parent.parent / "support" / "vendor"


@contextmanager
def at_vendor(processes: int, **settings: Any) -> Iterator[tuple[Site, Vendor]]:
    """So many worker processes with four slots each, and the vendor that they call."""
    with site() as place, vendor_server() as vendor:
        place.settings |= {"pipelines": str(PIPELINES), **settings}
        place.system.close()
        place.system = place.new_system()
        for _ in range(processes):
            place.serve()
        yield place, vendor


def order(place: Site, vendor: Vendor, count: int) -> list[str]:
    return [place.system.engine.submit("calls", {"url": vendor.url}).job.id for _ in range(count)]


def pause_is_over(place: Site) -> None:
    """As after the minute for which the provider was closed."""
    with redis.Redis.from_url(place.settings["redis_url"]) as client:
        client.hset("stagepass:gate:{vendor}:breaker", "until", int(time.time() * 1000) - 1)


def completed(place: Site, jobs: list[str]) -> bool:
    return all(place.job(job).state is JobState.COMPLETED for job in jobs)


def test_rate_and_concurrency_hold_across_worker_processes() -> None:
    with at_vendor(3, provider_limits="vendor=10/1s:3") as (place, vendor):
        vendor.answers_after = 0.1
        jobs = order(place, vendor, 35)
        wait_until(lambda: completed(place, jobs), 60, "all jobs are done")
        assert len(vendor.called_at) == 35
        assert vendor.most_at_once == 3
        # what the gate lets in within a second reaches the vendor a little earlier or later
        assert all(b - a > 0.8 for a, b in zip(vendor.called_at, vendor.called_at[10:], strict=False))


def test_those_that_wait_for_a_place_cost_no_more_than_those_whose_turn_it_is() -> None:
    with at_vendor(2, provider_limits="vendor=:2") as (place, vendor):
        vendor.answers_after = 0.1
        jobs = order(place, vendor, 60)
        wait_until(lambda: completed(place, jobs), 60, "all jobs are done")
        assert vendor.most_at_once == 2
        with redis.Redis.from_url(place.settings["redis_url"]) as client:
            asked = client.info("commandstats")["cmdstat_evalsha"]["calls"]
        assert asked < 60 * 4, "each asks in vain once, then gets its place and gives it back"


def test_the_turn_of_jobs_that_were_cancelled_goes_to_the_next() -> None:
    with at_vendor(2, provider_limits="vendor=:1") as (place, vendor):
        vendor.answers_after = 0.5
        jobs = order(place, vendor, 160)  # the last of them would come by itself after 40 s
        store = place.system.store
        wait_until(lambda: store.stage_states(jobs[-1]) == [("call", RunState.WAITING, 1)], 30, "the last one waits")
        for job in jobs[:-1]:
            with suppress(Conflict):
                place.system.engine.cancel(job, None)
        wait_until(lambda: completed(place, jobs[-1:]), 20, "it is called, long before it would have come by itself")


def test_lesson_18_without_credit_the_stage_is_parked_tried_by_one_and_drains() -> None:
    with at_vendor(2) as (place, vendor):
        vendor.status = 402
        jobs = order(place, vendor, 20)
        store, gate = place.system.store, place.system.provider_limits
        wait_until(lambda: store.count_parked("vendor") == [("calls.call", 20)], 30, "all are parked")
        (breaker,) = gate.breakers()
        assert (breaker.provider, breaker.reason) == ("vendor", "quota_exhausted")
        met = len(vendor.called_at)
        assert met <= 8, "only those that were on their way when the first one heard"

        pause_is_over(place)
        wait_until(lambda: len(vendor.called_at) > met, 15, "one call tries")
        wait_until(lambda: store.count_parked("vendor") == [("calls.call", 20)], 15, "and is parked again")
        assert len(vendor.called_at) == met + 1
        assert gate.breakers()[0].since == breaker.since
        assert {run.state for job in jobs for run in store.runs_of(job)} == {RunState.WAITING}

        vendor.status = 200
        pause_is_over(place)
        wait_until(lambda: completed(place, jobs), 30, "all go on")
        assert gate.breakers() == []
        attempts = store.attempts([f"{job}.call" for job in jobs])
        assert [(one.number, one.outcome) for one in attempts] == [(1, "completed")] * 20
        assert len(vendor.called_at) == met + 1 + 20
