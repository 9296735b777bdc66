"""A person's act never buys in silence: promo's two paid stages, in every state, by every act, through every door."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import httpx2
import pytest

from stagepass import Permanent, Transient
from stagepass.api.app import create_app
from stagepass.engine.model.orders import Anew
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import JobState, RunState
from stagepass.errors import Conflict
from stagepass.pipelines.promo.pipeline import promo
from stagepass.providers.ports import ClipMaker, SongMaker, TextModel
from stagepass.testing import Lab
from tests.support.api import RedisServer, Server, make_system, redis_server
from tests.support.cli import run_here
from tests.support.databases import make_schema
from tests.support.ledger import Book, LedgerClip, LedgerSong, LedgerText

INPUT = {"customer_name": "머뭄", "region": "군산"}
PAID = ("song", "video")
STATES = ("ready", "waiting", "retrying", "failed", "cancelled", "completed")
ACTS = ("retry", "redrive", "resume")
DOORS = ("engine", "api", "promo", "cli")


class Plan:
    """What goes wrong at a maker, in order; each entry is used once. And how often each job has ordered."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.bought: Counter[str] = Counter()

    def takes(self, what: str) -> bool:
        there = self.steps[:1] == [what]
        del self.steps[: int(there)]
        return there

    def fetch(self) -> None:
        if self.takes("no fetch"):
            raise Permanent("the download failed")
        if self.takes("no fetch now"):
            raise Transient("the download broke off")


class Song(LedgerSong):
    def __init__(self, book: Book, plan: Plan) -> None:
        super().__init__(book)
        self._plan = plan

    def submit(self, request: Any) -> str:
        self._plan.bought[request.reference] += 1
        return super().submit(request)

    def look(self, task_id: str, tell: Any = None) -> Any:
        return None if self._plan.takes("not yet") else super().look(task_id)

    def fetch(self, song: Any, target: BinaryIO) -> None:
        self._plan.fetch()
        super().fetch(song, target)


class Clip(LedgerClip):
    def __init__(self, book: Book, plan: Plan) -> None:
        super().__init__(book)
        self._plan = plan

    def submit(self, request: Any) -> str:
        self._plan.bought[request.reference] += 1
        return super().submit(request)

    def look(self, task_id: str, tell: Any = None) -> Any:
        return None if self._plan.takes("not yet") else super().look(task_id)

    def fetch(self, clip: Any, target: BinaryIO) -> None:
        self._plan.fetch()
        super().fetch(clip, target)


@dataclass
class Studio:
    lab: Lab
    plans: dict[str, Plan]
    client: httpx2.Client

    def bought(self, job: Job) -> list[int]:
        """How often the song and the video of a job were ordered."""
        return [self.plans[stage].bought[job.id] for stage in PAID]

    def step_to(self, stage: str, state: str) -> Job:
        """A job whose paid stage is in that state, with its order placed unless it is completed or later."""
        self.plans[stage].steps = {
            "ready": ["not yet"],
            "waiting": ["not yet"] * 3,
            "retrying": ["no fetch now"],
            "failed": ["no fetch"],
            "cancelled": ["not yet"],
            "completed": [],
        }[state]
        job = self.lab.submit(INPUT, pipeline="promo", owner="ann")
        if state == "completed":
            return self.lab.finish(job)
        for _ in range(4):
            self.lab.step()
            if self.plans[stage].bought[job.id]:
                break
            self.lab.clock.advance(0.001)
        if state == "cancelled":
            self.lab.engine.cancel(job.id, None)
            job = self.lab.finish(job)
        if state == "ready":
            self.lab.clock.advance(3600)
            self.lab.relay.promote()
        run = self.run(job, stage)
        assert run is not None
        assert run.state.value == state
        assert self.plans[stage].bought[job.id] == 1
        return self.lab.job(job)

    def run(self, job: Job, stage: str) -> Any:
        return self.lab.store.run(f"{job.id}.{stage}")

    def act(self, door: str, act: str, job: Job, stage: str, anew: Anew = Anew.NO) -> tuple[bool, str]:
        """Whether it was carried out, and what was said."""
        match door:
            case "engine":
                return self._engine(act, job, stage, anew)
            case "cli":
                return self._cli(act, job, stage, anew)
        paths = {
            ("api", "retry"): f"/api/v1/jobs/{job.id}/stages/{stage}/retry",
            ("api", "resume"): f"/api/v1/jobs/{job.id}/resume",
            ("api", "redrive"): f"/api/v1/dead/{job.id}.{stage}/redrive",
            ("promo", "retry"): f"/api/v1/pipeline/retry/{job.id}/{stage}",
            ("promo", "resume"): f"/api/v1/pipeline/resume/{job.id}",
            ("promo", "redrive"): f"/api/v1/{stage}/generate/{job.id}",
        }
        query = {} if anew is Anew.NO else {"anew": anew.value}
        answer = self.client.post(paths[door, act], params=query)
        assert answer.status_code in {202, 409}, answer.text
        return answer.status_code == 202, answer.text

    def _engine(self, act: str, job: Job, stage: str, anew: Anew) -> tuple[bool, str]:
        engine = self.lab.engine
        try:
            match act:
                case "retry":
                    engine.retry(job.id, stage, "ann", anew=anew)
                case "resume":
                    engine.resume(job.id, "ann", anew=anew)
                case _:
                    engine.redrive(f"{job.id}.{stage}", "ann", anew=anew)
        except Conflict as problem:
            return False, json.dumps({"detail": problem.message, **problem.details}, ensure_ascii=False)
        return True, ""

    def _cli(self, act: str, job: Job, stage: str, anew: Anew) -> tuple[bool, str]:
        word = {Anew.NO: [], Anew.YES: ["--anew"], Anew.FORCE: ["--anew", "force"]}[anew]
        what = {
            "retry": ["jobs", "retry", job.id, stage],
            "resume": ["jobs", "resume", job.id],
            "redrive": ["dead", "redrive", f"{job.id}.{stage}"],
        }[act]
        code, out, err = run_here(*what, *word)
        assert code in {0, 4}, err
        return code == 0, out + err


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("studio")
    database = f"sqlite:///{folder / 'data' / 'stagepass.db'}"
    (folder / "data").mkdir(mode=0o700)
    make_schema(database)
    book, plans = Book(folder / "ledger"), {stage: Plan() for stage in PAID}
    makers = {TextModel: LedgerText(book), SongMaker: Song(book, plans["song"]), ClipMaker: Clip(book, plans["video"])}
    with pytest.MonkeyPatch.context() as patch, Lab(promo, makers, folder=folder, database_url=database) as lab:
        for name in ("BROKER_URL", "LC_ALL", "LC_MESSAGES", "PIPELINES"):
            patch.delenv(name, raising=False)
        for name, value in {"REDIS_URL": redis.url, "DATABASE_URL": database, "LANG": "C"}.items():
            patch.setenv(name, value)
        patch.setenv("DATA_DIR", str(folder / "data"))
        patch.chdir(folder)
        system = make_system(folder / "data", redis.url, lab.registry, database_url=database)
        server = Server(create_app(system)).start()
        try:
            with server.client("ann") as client:
                warm = lab.submit(INPUT, pipeline="promo", owner="ann")
                client.post(f"/api/v1/jobs/{warm.id}/cancel")  # starts what starts by itself at the first use
                yield Studio(lab, plans, client)
        finally:
            server.stop()
            system.close()


@pytest.mark.parametrize("stage", PAID)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("door", DOORS)
def test_no_act_buys_a_second_time(studio: Studio, stage: str, state: str, door: str) -> None:
    job = studio.step_to(stage, state)
    outcomes = {}
    for act in ACTS:
        outcomes[act], _ = studio.act(door, act, studio.lab.job(job), stage)
        assert max(studio.bought(job)) <= 1, act
    if studio.lab.job(job).state in (JobState.FAILED, JobState.CANCELLED):
        studio.lab.engine.resume(job.id, None)
    done = studio.lab.finish(job)
    assert done.state is JobState.COMPLETED
    assert studio.bought(job) == [1, 1]
    assert outcomes["retry"], "a retry goes on with the order that exists"


@pytest.mark.parametrize("stage", PAID)
@pytest.mark.parametrize("state", ["waiting", "retrying", "failed", "cancelled"])
@pytest.mark.parametrize("door", DOORS)
def test_beside_an_open_order_a_second_one_takes_two_words(studio: Studio, stage: str, state: str, door: str) -> None:
    job = studio.step_to(stage, state)
    order = json.loads(studio.lab.store.memos(f"{job.id}.{stage}")[0].value or "")
    done, said = studio.act(door, "retry", job, stage, Anew.YES)
    assert not done
    assert order in said, "the open order's id"
    assert max(studio.bought(job)) == 1
    done, _ = studio.act(door, "retry", studio.lab.job(job), stage, Anew.FORCE)
    assert done
    assert studio.lab.finish(job).state is JobState.COMPLETED
    assert studio.bought(job)[PAID.index(stage)] == 2


@pytest.mark.parametrize("act", ["redrive", "resume"])
@pytest.mark.parametrize("door", ["engine", "api", "cli"])
def test_a_failed_download_is_bought_again_only_by_force(studio: Studio, act: str, door: str) -> None:
    job = studio.step_to("video", "failed")
    assert studio.act(door, act, job, "video", Anew.YES)[0] is False
    assert studio.act(door, act, job, "video", Anew.FORCE)[0] is True
    assert studio.lab.finish(job).state is JobState.COMPLETED
    assert studio.bought(job) == [1, 2]


@pytest.mark.parametrize("door", DOORS)
def test_what_was_collected_is_bought_again_with_one_word(studio: Studio, door: str) -> None:
    job = studio.step_to("song", "completed")
    assert studio.act(door, "retry", job, "song", Anew.YES)[0]
    assert studio.lab.finish(job).state is JobState.COMPLETED
    assert studio.bought(job) == [2, 2]
    (resumed,) = [event for event in studio.lab.store.events(job.id) if event.type == "job.resumed"]
    assert resumed.data["anew"] == "true"


@pytest.mark.parametrize("door", DOORS)
def test_a_stage_that_bought_nothing_is_not_made_again_under_what_was_bought_for_it(studio: Studio, door: str) -> None:
    job = studio.step_to("song", "completed")
    done, said = studio.act(door, "retry", job, "lyric")
    assert not done
    assert "song" in said
    assert "anew=true" in said
    assert studio.act(door, "retry", job, "lyric", Anew.YES)[0]
    assert studio.lab.finish(job).state is JobState.COMPLETED
    assert studio.bought(job) == [2, 2]


def test_the_refusal_names_the_orders(studio: Studio) -> None:
    job = studio.step_to("video", "waiting")
    problem = studio.client.post(f"/api/v1/jobs/{job.id}/stages/song/retry", params={"anew": "true"}).json()
    (order,) = problem["orders"]
    assert (problem["reason"], order["stage"], order["name"]) == ("order", "video", "creatomate_render_id")
    assert order["id"] in problem["detail"]
    assert studio.run(job, "video").state is RunState.WAITING


def test_an_unknown_word_is_refused(studio: Studio) -> None:
    job = studio.step_to("song", "waiting")
    answer = studio.client.post(f"/api/v1/jobs/{job.id}/stages/song/retry", params={"anew": "perhaps"})
    assert answer.status_code == 422
    code, _, err = run_here("jobs", "retry", job.id, "song", "--anew", "--watched")
    assert code == 2
    assert "--watched" in err
