"""The routes of `scan` (spec "HTTP"), mounted below ``/api/v1``."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from stagepass.engine.model.filters import JobFilter
from stagepass.engine.model.records import Job
from stagepass.engine.model.states import ENDED
from stagepass.errors import InvalidInput, NotFound
from stagepass.pipelines.http import RouteDeps
from stagepass.pipelines.scan import choice, rulebook, telling
from stagepass.pipelines.scan.stages.reward import characters
from stagepass.pipelines.scan.uploads import Ahead, Ticket, Uploads
from stagepass.pipelines.scan.vocabulary import vocabulary
from stagepass.sentences import sentence

PIPELINE = "scan"

DAY = 86_400_000
RETRY_AFTER = 1
"""Seconds after which to ask again for a result."""


class Accepted(BaseModel):
    """The scan was accepted."""

    job_id: str
    stream_url: str
    result_url: str
    status: str = "queued"


class Pending(BaseModel):
    """The scan is under way."""

    status: str
    message: str
    current_stage: str | None
    progress: int = Field(ge=0, le=100, description="per cent")


class GroupView(BaseModel):
    """One group of the vocabulary."""

    id: str
    major_category: str
    middle_category: str
    name: dict[str, str]
    items: list[dict[str, str]]


class Categories(BaseModel):
    """The one vocabulary that prompt, rules, API and reward share."""

    version: int
    majors: dict[str, str] = Field(description="Korean name to English name")
    groups: list[GroupView]
    situation_tags: dict[str, list[dict[str, str]]] = Field(description="by group: code, ko, en")
    regions: list[str] = Field(description="municipalities whose own rules are known")
    models: list[str] = Field(description="what `model` may say; the first is the default")


class CharacterView(BaseModel):
    """One character."""

    code: str
    name: dict[str, str]
    dialog: dict[str, str]
    type: str
    middle_category: str | None


class OwnedView(CharacterView):
    """One that this user owns."""

    scan_id: str
    received_at: int = Field(description="milliseconds since 1970")


def make_router(deps: RouteDeps) -> APIRouter:
    """The routes."""
    router = APIRouter()
    _upload_routes(router, deps)
    _scan_routes(router, deps)
    _result_routes(router, deps)
    _catalogue_routes(router, deps)
    return router


# ── photos sent ahead ────────────────────────────────────────────────────────────────────────────


def _upload_routes(router: APIRouter, deps: RouteDeps) -> None:
    uploads = Uploads(deps)
    owner_of = Depends(deps.owner)

    @router.post("/images/scan", summary="Ask where to put a photo")
    def ask(ahead: Ahead, owner: Annotated[str, owner_of]) -> Ticket:
        """A signed address for one photo. PUT it there, then name it by `image_key`."""
        return uploads.ticket(ahead, owner)

    @router.put("/images/scan/files/{token}", status_code=204, summary="Put a photo", openapi_extra=_BINARY)
    async def put(token: str, request: Request) -> Response:
        """The photo itself as the body. The address is the permission; it is good once."""
        facts = uploads.leave(token)
        content = await deps.read_body(request, deps.largest_upload)
        kind = request.headers.get("content-type", "")
        await deps.in_turn(facts["owner"], lambda: uploads.keep(facts, kind, content))
        return Response(status_code=204)

    @router.get("/images/scan/files/{token}", summary="See a photo", response_class=Response)
    def see(token: str) -> Response:
        """The photo that was put there."""
        content, type = uploads.seen(token)
        return Response(content, media_type=type, headers={"X-Content-Type-Options": "nosniff"})


_BINARY = {"requestBody": {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}}


# ── scans ────────────────────────────────────────────────────────────────────────────────────────


def _scan_routes(router: APIRouter, deps: RouteDeps) -> None:
    owner_of, key_of, incoming_of = Depends(deps.owner), Depends(deps.key), Depends(deps.read_input(PIPELINE))
    uploads, models = Uploads(deps), choice.allowed(deps.environ)

    @router.post("/scan", status_code=202, summary="Scan a photo", openapi_extra=deps.body(PIPELINE))
    def scan(
        owner: Annotated[str, owner_of], key: Annotated[str | None, key_of], incoming: Annotated[Any, incoming_of]
    ) -> Accepted:
        """A photo as a file in a form, as `image_url`, or as the `image_key` of one that was put ahead.

        400 with `supported_models` for a model that is not offered.
        """
        values = incoming.values if isinstance(incoming.values, dict) else {}
        wanted = values.get("model")
        choice.check(wanted if isinstance(wanted, str) and wanted else None, models)
        if "image_key" in values:
            if incoming.uploads or values.get("image_url"):
                raise InvalidInput(
                    sentence("send one photo: a file in a form, image_url or image_key"), field="image_key"
                )
            incoming.uploads.append(uploads.photo(str(values.pop("image_key")), owner))
        job = deps.submit(PIPELINE, incoming, owner=owner, key=key).job
        at = f"/api/v1/scan/{job.id}"
        return Accepted(job_id=job.id, stream_url=f"{at}/events", result_url=f"{at}/result")


# ── results ──────────────────────────────────────────────────────────────────────────────────────


def _result_routes(router: APIRouter, deps: RouteDeps) -> None:
    owner_of = Depends(deps.owner)
    responses: dict[int | str, dict[str, Any]] = {202: {"model": Pending, "description": "Not done; ask again"}}

    def result(job_id: str, owner: Annotated[str, owner_of]) -> Any:
        """200 once it has ended, also in failure; 202 while it is under way."""
        job = _scan_job(deps, job_id, owner)
        if job.state in ENDED:
            return telling.result(deps.engine, job)
        body = _pending(job).model_dump_json()
        return Response(body, 202, {"Retry-After": str(RETRY_AFTER)}, media_type="application/json")

    def events(request: Request, job_id: str, owner: Annotated[str, owner_of]) -> Response:
        """Server-Sent Events: queued, vision, rule, answer, reward, done; all from the beginning, then live."""
        return _stream(deps, request, job_id, owner)

    get = {"methods": ["GET"], "response_model": telling.ScanResult, "responses": responses}
    router.add_api_route("/scan/{job_id}/result", result, summary="Get the result of a scan", **get)  # type: ignore[arg-type]
    router.add_api_route(
        "/scan/result/{job_id}",
        result,
        name="scan_result_older",
        summary="The same at its older address",
        **get,  # type: ignore[arg-type]
    )
    router.add_api_route("/scan/{job_id}/events", events, summary="Watch a scan", response_class=Response)

    @router.get("/stream", summary="Watch a scan at its older address", response_class=Response)
    def stream(request: Request, job_id: Annotated[str, Query()], owner: Annotated[str, owner_of]) -> Response:
        """As `/scan/{job_id}/events`."""
        return _stream(deps, request, job_id, owner)


def _stream(deps: RouteDeps, request: Request, job_id: str, owner: str) -> Response:
    job = _scan_job(deps, job_id, owner)
    return deps.stream(request, job, telling.Teller(deps.engine, job))


def _scan_job(deps: RouteDeps, job_id: str, owner: str) -> Job:
    job = deps.job(job_id, owner)
    if job.pipeline != PIPELINE:
        raise NotFound(sentence("there is no scan {job}", job=job_id))
    return job


def _pending(job: Job) -> Pending:
    done = [stage for stage in telling.STAGES if job.done(stage)]
    current = next((stage for stage in telling.STAGES if not job.done(stage)), None)
    progress = telling.PROGRESS[done[-1]] if done else 0
    return Pending(status=job.state.value, message=f"{current} is next", current_stage=current, progress=progress)


# ── vocabulary and characters ────────────────────────────────────────────────────────────────────


def _catalogue_routes(router: APIRouter, deps: RouteDeps) -> None:
    owner_of = Depends(deps.owner)
    models = choice.allowed(deps.environ)

    @router.get("/scan/categories", summary="Get the vocabulary")
    def categories(owner: Annotated[str, owner_of]) -> Categories:
        """Categories, items and situation tags that a classification may hold."""
        words = vocabulary()
        tags: dict[str, list[dict[str, str]]] = {}
        for tag in words.tags.values():
            tags.setdefault(tag.group, []).append({"code": tag.code, "ko": tag.ko, "en": tag.en})
        return Categories(
            version=words.version,
            majors=words.majors,
            groups=[
                GroupView(
                    id=group.id,
                    major_category=group.major,
                    middle_category=group.middle,
                    name={"ko": group.ko, "en": group.en},
                    items=[{"ko": ko, "en": en} for ko, en in group.items.items()],
                )
                for group in words.groups.values()
            ],
            situation_tags=tags,
            regions=rulebook.regions(),
            models=list(models),
        )

    @router.get("/characters", summary="List the characters")
    def catalogue(owner: Annotated[str, owner_of]) -> list[CharacterView]:
        """All that can be earned."""
        return [CharacterView(**_character(code)) for code in characters()]

    @router.get("/users/me/characters", summary="List my characters")
    def mine(owner: Annotated[str, owner_of]) -> list[OwnedView]:
        """Those that the caller has earned, the newest first."""
        jobs = deps.engine.jobs(JobFilter(owner, pipeline="users", limit=len(characters())))
        return [owned for job in jobs if (owned := _owned(deps, job))]


def _character(code: str) -> dict[str, Any]:
    one = characters()[code]
    return {"code": code, "name": one.name, "dialog": one.dialog, "type": one.type, "middle_category": one.middle}


def _owned(deps: RouteDeps, job: Job) -> OwnedView | None:
    """None where the scan that it names did not earn it: any client may submit jobs, and claim anything in them."""
    facts = json.loads(job.input)
    one = characters().get(facts["character"])
    if one is None or not _earned(deps, job, facts["scan"], one.name):
        return None
    return OwnedView(**_character(one.code), scan_id=facts["scan"], received_at=job.created_at)


def _earned(deps: RouteDeps, job: Job, scan_id: str, names: dict[str, str]) -> bool:
    """Whether that scan earned it. One that was forgotten cannot be asked: then the record counts, once it is as old."""
    try:
        scan = deps.job(scan_id, job.owner)
    except NotFound:
        kept = float(deps.environ.get("KEEP_JOBS_DAYS") or 0) * DAY
        return bool(kept) and job.created_at < deps.engine.clock.now() - kept
    earned = (deps.engine.outputs(scan).get("reward") or {}).get("reward") or {}
    return scan.pipeline == PIPELINE and earned.get("name") in names.values()
