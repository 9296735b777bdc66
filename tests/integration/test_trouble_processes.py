"""Processes that run out of something: descriptors, stage runs, lines of log."""

import logging
import os
import resource
from collections import Counter
from pathlib import Path

from stagepass import descriptors
from stagepass.engine.model.states import JobState
from stagepass.logs import Rated
from tests.support.site import site


def test_max_tasks_per_child_counts_stage_runs() -> None:
    with site() as here:
        here.relay()
        here.celery("-P", "prefork", "-c", "1", "--max-tasks-per-child", "2")
        jobs = [here.submit(str(number)) for number in range(2)]
        for job in jobs:
            assert here.settled(job, 60).state is JobState.COMPLETED
        runs = [run for job in jobs for run in here.system.engine.runs(here.job(job))]
        workers = Counter(a.worker for a in here.system.store.attempts([run.id for run in runs]))
        assert sum(workers.values()) == 6
        assert set(workers.values()) <= {1, 2}, "none ran more than two"
        assert all((run.attempts, run.crashes) == (1, 0) for run in runs)


def test_a_process_without_descriptors_claims_no_more_and_ends() -> None:
    with site() as here:
        here.relay()
        worker = here.celery("-P", "threads", "-c", "4")
        job = here.submit()
        assert here.settled(job).state is JobState.COMPLETED
        used = len(os.listdir(f"/proc/{worker.pid}/fd"))
        resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (used - 5, used - 5))
        later = [here.submit(str(number)) for number in range(3)]
        assert worker.wait(60) is not None, "it ends"
        assert b"no file descriptor is left" in b"".join(path.read_bytes() for path in here.folder.glob("worker*.log"))
        here.celery("-P", "threads", "-c", "4")
        for job in later:
            assert here.settled(job, 60).state is JobState.COMPLETED
            for run in here.system.engine.runs(here.job(job)):
                assert run.attempts <= 3, "attempts are not burned by a process that can open nothing"


def test_streams_leave_room_for_submits_and_logs_stay_short(tmp_path: Path) -> None:
    import httpx2

    from tests.integration.test_outages_stores import Api

    with site() as here:
        job = here.submit(door="/nowhere")
        api = Api(here)
        resource.prlimit(api.process.pid, resource.RLIMIT_NOFILE, (160, 160))
        url = f"http://127.0.0.1:{api.port}"
        watchers = []
        try:
            statuses = Counter()
            for _ in range(120):
                client = httpx2.Client(timeout=5)
                watchers.append(client)
                request = client.build_request("GET", f"{url}/api/v1/jobs/{job}/events")
                answer = client.send(request, stream=True)
                statuses[answer.status_code] += 1
                if answer.status_code == 429:
                    assert answer.headers["retry-after"]
                    break
            assert statuses[429] == 1
            assert statuses[200] >= 8
            status, answer = api.submit(here.order("b"), "later")
            assert status == 202
        finally:
            for client in watchers:
                client.close()
            api.close()
        assert (here.folder / "api.log").read_bytes().count(b"Traceback") == 0


def test_one_fault_over_and_over_is_a_few_tracebacks_and_a_number() -> None:
    now = [0.0]
    rated = Rated(lambda: now[0])

    def told(count: int) -> list[str]:
        found = []
        for _ in range(count):
            try:
                raise OSError(24, "Too many open files")
            except OSError as problem:
                info = (type(problem), problem, problem.__traceback__)
            record = logging.LogRecord("asyncio", logging.ERROR, "base_events.py", 1, "accept failed", (), info)
            if rated.filter(record):
                found.append(record.getMessage())
        return found

    assert told(1000) == ["accept failed"] * 5
    now[0] = 11.0
    assert told(1) == ["accept failed (and 995 more of these in 11 s)"]
    plain = logging.LogRecord("stagepass.x", logging.WARNING, "x.py", 1, "a job", (), None)
    assert all(rated.filter(plain) for _ in range(100))


def test_the_bounds_follow_the_limit() -> None:
    assert 8 <= descriptors.streams() < descriptors.connections() <= descriptors.limit()
    assert descriptors.are_left()
