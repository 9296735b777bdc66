"""Turns a request into a job: checks and stores files, then submits; a refused request leaves nothing behind."""

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from stagepass.api.uploads import Incoming, Upload
from stagepass.bootstrap import System
from stagepass.declare.values import File
from stagepass.engine.commit.operations import Accepted
from stagepass.errors import InvalidInput, StagepassError, StoreUnavailable
from stagepass.inputs import validated
from stagepass.providers.fetching.accept import file_fields
from stagepass.sentences import sentence

log = logging.getLogger("stagepass.api")

FOLDER = "uploads"

CLAIMED_WITHIN = 60_000
"""Milliseconds from the writing of an upload to the acceptance of its job; then it is deleted."""

_FILE_KEYS = frozenset(File.model_fields) - {"name"}


def may_cross(system: System, owner: str) -> bool:
    """Whether this caller's priorities also hold beside the jobs of other owners."""
    return not {owner, "*"}.isdisjoint(system.settings.priority_across)


def submit(
    system: System,
    pipeline: str,
    incoming: Incoming,
    *,
    owner: str,
    key: str | None = None,
    priority: int = 0,
    delay: float = 0.0,
    stepwise: bool = False,
    tags: Mapping[str, str] | None = None,
) -> Accepted:
    """Accept a job. When this returns, it is kept, with its files.

    Raises:
        RequestError: refused; the message says why. StoreUnavailable: unknown; submit again with the same key.
    """
    model = system.registry.latest(pipeline).input
    _refuse_named_files(incoming.values)
    stored: list[File] = []
    try:
        checked = validated(model, _with_files(system, model, incoming, owner, stored))
        accepted = system.engine.submit(
            pipeline,
            checked,
            owner=owner,
            key=key,
            priority=priority,
            across=may_cross(system, owner),
            delay=delay,
            stepwise=stepwise,
            files=stored,
            tags=tags,
        )
    except StoreUnavailable:  # the job may have been accepted; if not, the files are deleted after their time
        raise
    except BaseException:
        _delete(system, stored)
        raise
    if not accepted.created:
        _delete(system, stored)  # the job that is there has its own
    return accepted


def _refuse_named_files(value: Any, path: str = "") -> None:
    """A reference to a stored file is never taken from a client: it could be another's."""
    if isinstance(value, dict):
        if value.keys() >= _FILE_KEYS:
            raise InvalidInput(
                sentence("a stored file cannot be referenced; upload the file in a form"), field=path or "input"
            )
        for name, inner in value.items():
            _refuse_named_files(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _refuse_named_files(inner, f"{path}.{number}")


# ── files ────────────────────────────────────────────────────────────────────────────────────────


def _with_files(system: System, model: type[BaseModel], incoming: Incoming, owner: str, stored: list[File]) -> Any:
    if not incoming.uploads:
        return incoming.values
    if not isinstance(incoming.values, dict):
        raise InvalidInput(sentence("input: must be a JSON object"), field="input")
    values, takes = dict(incoming.values), file_fields(model)
    for upload in incoming.uploads:
        field = takes[upload.field]
        there = values.get(upload.field)
        if field.many:
            there = there if isinstance(there, list) else []
        file = _stored(system, upload, owner)
        stored.append(file)
        values[upload.field] = [*there, file] if isinstance(there, list) else file
    return values


def _stored(system: System, upload: Upload, owner: str) -> File:
    upload.content.seek(0)
    uri = system.files.reserve(upload.name, FOLDER)
    system.store.doom([uri], owner, system.engine.clock.now() + CLAIMED_WITHIN)
    return system.files.put(upload.content, name=upload.name, type=upload.kind, uri=uri)


def _delete(system: System, stored: list[File]) -> None:
    for file in stored:
        try:
            system.files.delete(file.uri)
            system.store.forget_doomed([file.uri])
        except (OSError, StagepassError):  # then after its time
            log.warning("a refused upload could not be deleted", exc_info=True)
