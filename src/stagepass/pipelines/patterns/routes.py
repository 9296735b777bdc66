"""The routes of the patterns, at the root of the service: start one, and ask how it is.

A task's id is the job's id, or, for one step of a job, ``<job>.<step>``. An id that never existed is 404.
"""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from stagepass.engine.model.records import Job
from stagepass.errors import NotFound
from stagepass.pipelines.http import RouteDeps
from stagepass.pipelines.patterns import results
from stagepass.pipelines.patterns.models import ChainInput, GroupInput, MapInput, Pair, SoloInput
from stagepass.sentences import sentence

PREFIX = ""
"""Below which the API mounts these routes."""

_CODES: dict[int | str, dict[str, Any]] = {
    202: {"description": "It is under way"},
    404: {"description": "There is no such task"},
    500: {"description": "It has failed; the body says why"},
}


class Alive(BaseModel):
    """The service answers."""

    status: str = "ok"


class Started(BaseModel):
    """The task is accepted."""

    message: str
    task_id: str


class ChainStarted(Started):
    """The chain is accepted."""

    first_step_id: str
    status_code: int = 200


class GroupStarted(BaseModel):
    """The group is accepted; its record exists before this answer leaves."""

    message: str
    group_id: str
    individual_tasks: list[str]
    check_result_url: str


def make_router(deps: RouteDeps) -> APIRouter:
    """The routes; see `PREFIX`."""
    router = APIRouter()
    _add_starts(router, deps)
    _add_results(router, deps)

    @router.get("/", summary="Is it alive?")
    def alive() -> Alive:
        return Alive()

    return router


# ── start ──


def _add_starts(router: APIRouter, deps: RouteDeps) -> None:
    owner_of, actor_of, key_of = Depends(deps.owner), Depends(deps.actor), Depends(deps.key)

    def started(pipeline: str, given: BaseModel, owner: str, key: str | None) -> Job:
        return deps.engine.submit(pipeline, given, owner=owner, key=key).job

    def solo(given: SoloInput, owner: str, key: str | None) -> Started:
        job = started("solo", given, owner, key)
        return Started(message=f"adding {_numbers(given)}; ask GET /result/{job.id}", task_id=job.id)

    def chain(given: ChainInput, owner: str, key: str | None) -> ChainStarted:
        job = started("chain", given, owner, key)
        message = f"adding {_numbers(given)}, then multiplying; ask GET /result/chain/progress/{job.id}"
        return ChainStarted(message=message, task_id=job.id, first_step_id=f"{job.id}.add")

    def group(given: GroupInput, owner: str, key: str | None) -> GroupStarted:
        job = started("group", given, owner, key)
        return GroupStarted(
            message=f"adding and multiplying {_numbers(given)} side by side",
            group_id=job.id,
            individual_tasks=[f"{job.id}.add", f"{job.id}.multiply"],
            check_result_url=f"/result/group/{job.id}",
        )

    @router.get("/solo/add", status_code=202, summary="Add two random numbers")
    def get_solo(owner: Annotated[str, actor_of], key: Annotated[str | None, key_of]) -> Started:
        """Takes `SOLO_SECONDS`."""
        return solo(SoloInput(), owner, key)

    @router.post("/solo/add", status_code=202, summary="Add two numbers")
    def post_solo(given: SoloInput, owner: Annotated[str, owner_of], key: Annotated[str | None, key_of]) -> Started:
        """Takes `SOLO_SECONDS`, or as many seconds as the body says."""
        return solo(given, owner, key)

    @router.get("/solo/chain", status_code=202, summary="Chain two steps on random numbers")
    def get_chain(owner: Annotated[str, actor_of], key: Annotated[str | None, key_of]) -> ChainStarted:
        """An addition, then the sum times each number; two seconds each."""
        return chain(ChainInput(), owner, key)

    @router.post("/solo/chain", status_code=202, summary="Chain two steps")
    def post_chain(
        given: ChainInput, owner: Annotated[str, owner_of], key: Annotated[str | None, key_of]
    ) -> ChainStarted:
        """An addition, then the sum times each number."""
        return chain(given, owner, key)

    @router.get("/solo/group", status_code=202, summary="Two tasks side by side on random numbers")
    def get_group(owner: Annotated[str, actor_of], key: Annotated[str | None, key_of]) -> GroupStarted:
        """An addition, which takes `SOLO_SECONDS`, and a multiplication of two seconds."""
        return group(GroupInput(), owner, key)

    @router.post("/solo/group", status_code=202, summary="Two tasks side by side")
    def post_group(
        given: GroupInput, owner: Annotated[str, owner_of], key: Annotated[str | None, key_of]
    ) -> GroupStarted:
        """An addition and a multiplication."""
        return group(given, owner, key)

    @router.post("/solo/map", status_code=202, summary="One task per item, and a fan-in")
    def post_map(given: MapInput, owner: Annotated[str, owner_of], key: Annotated[str | None, key_of]) -> Started:
        """The square of each number, and their sum."""
        job = started("map", given, owner, key)
        return Started(message=f"squaring {len(given.numbers)} numbers; ask GET /result/{job.id}", task_id=job.id)


def _numbers(pair: Pair) -> str:
    return f"{pair.a} and {pair.b}"


# ── ask ──


def _add_results(router: APIRouter, deps: RouteDeps) -> None:
    owner_of = Depends(deps.owner)
    tasks = _Tasks(deps)

    @router.get("/result/{task_id}", summary="Get the result of a task", responses=_CODES)
    def result(task_id: str, owner: Annotated[str, owner_of], response: Response) -> results.TaskResult:
        """200 with the result, 202 while it is made, 500 with the error's type and text, 404 for an unknown id."""
        found = tasks.result(task_id, owner)
        response.status_code = found.status_code
        return found

    @router.get("/result/group/{group_id}", summary="Get the results of a group", responses=_CODES)
    def group(group_id: str, owner: Annotated[str, owner_of], response: Response) -> results.GroupResult:
        """Each task of the group, and how many are done."""
        found = tasks.group(group_id, owner)
        response.status_code = found.status_code
        return found

    @router.get("/result/chain/detail/{task_id}", summary="See every step of a chain", responses=_CODES)
    def detail(task_id: str, owner: Annotated[str, owner_of], response: Response) -> results.ChainDetail:
        """Each step's state, attempts and result."""
        found = tasks.chain(task_id, owner)
        response.status_code = found.status_code
        return found

    @router.get("/result/chain/progress/{task_id}", summary="See how far a chain is")
    def progress(task_id: str, owner: Annotated[str, owner_of]) -> results.ChainProgress:
        """A percentage, of the whole and of each step. Always 200 for a chain that exists."""
        return results.in_short(tasks.chain(task_id, owner))


class _Tasks:
    """Jobs of the patterns, in the words of these routes."""

    def __init__(self, deps: RouteDeps) -> None:
        self._deps = deps
        self._engine = deps.engine

    def result(self, task_id: str, owner: str) -> results.TaskResult:
        """Reads one stage run at most: a poll of a map costs the same for ten items as for ten thousand."""
        job_id, _, step = task_id.partition(".")
        job = self._find(job_id, owner, "solo", "chain", "group", "map")
        if not step:
            failed = self._engine.store.run(job.error["run_id"]) if job.error and "run_id" in job.error else None
            return results.of_job(job, failed, self._engine.result(job))
        run = self._engine.store.run(task_id)
        if run is None and step not in self._single_steps(job):
            raise NotFound(sentence("there is no task with this id"))
        output = json.loads(run.output) if run is not None and run.output is not None else None
        return results.of_step(job, step, run, output)

    def _single_steps(self, job: Job) -> list[str]:
        """The steps of which there will be exactly one."""
        pipeline = self._engine.registry.find(job.pipeline, job.version)
        return [stage.name for stage in pipeline.stages.values() if not stage.mapped] if pipeline else []

    def group(self, group_id: str, owner: str) -> results.GroupResult:
        job, runs = self._engine.look(self._find(group_id, owner, "group").id, owner)
        outputs, by_stage = self._engine.outputs(job, every=True), {run.stage: run for run in runs}
        names = self._engine.registry.latest("group").stages
        return results.of_group(
            job, [results.of_step(job, name, by_stage.get(name), outputs.get(name)) for name in names]
        )

    def chain(self, task_id: str, owner: str) -> results.ChainDetail:
        job, runs = self._engine.look(self._find(task_id, owner, "chain").id, owner)
        pipeline = self._engine.registry.latest("chain")
        outputs = self._engine.outputs(job, every=True)
        return results.of_chain(job, pipeline, runs, outputs, self._engine.result(job))

    def _find(self, job_id: str, owner: str, *pipelines: str) -> Job:
        """The owner's job of one of these patterns. Raises `NotFound`."""
        job = self._deps.job(job_id, owner)
        if job.pipeline not in pipelines:
            raise NotFound(sentence("there is no task with this id"))
        return job
