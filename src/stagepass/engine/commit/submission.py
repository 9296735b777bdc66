"""Checks what is submitted, and makes a job of it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypedDict

from pydantic import BaseModel

from stagepass.declare.registry import Registry
from stagepass.declare.tags import read_tags
from stagepass.declare.values import File
from stagepass.engine.commit.operations import Submit
from stagepass.engine.model.ids import new_id
from stagepass.engine.model.records import Job
from stagepass.errors import InvalidInput, TooLarge
from stagepass.inputs import as_json, validated
from stagepass.sentences import sentence

MAX_INPUT = 1_000_000
"""Bytes of an input as JSON; photos and the like are uploaded as files."""

LONGEST_DELAY = 366 * 86400
"""Seconds."""


class SubmitOptions(TypedDict, total=False):
    """Options of a submitted job: see `Engine.submit`."""

    owner: str
    key: str | None
    priority: int
    across: bool
    delay: float
    stepwise: bool
    files: Sequence[File]
    tags: Mapping[str, str] | None


def prepare(
    registry: Registry,
    pipeline: str,
    input: Mapping[str, Any] | BaseModel,
    *,
    now: int,
    owner: str = "local",
    key: str | None = None,
    priority: int = 0,
    across: bool = False,
    delay: float = 0.0,
    stepwise: bool = False,
    files: Sequence[File] = (),
    tags: Mapping[str, str] | None = None,
    max_input: int = MAX_INPUT,
) -> Submit:
    """Check a request to submit a job, and turn it into an operation for the committer. See `Engine.submit`.

    Raises:
        NotFound, InvalidInput, TooLarge.
    """
    declared = registry.latest(pipeline)
    checked = validated(declared.input, input)
    key = _key(key, declared.key(checked) if declared.key else None)
    _check_options(owner, key, priority, delay)
    text = as_json(checked)
    if len(text.encode()) > max_input:
        raise TooLarge(
            sentence("the input is {size} bytes; the limit is {most}", size=len(text.encode()), most=max_input)
        )
    job = Job(
        id=new_id(now),
        pipeline=declared.name,
        version=declared.version,
        owner=owner,
        input=text,
        created_at=now,
        updated_at=now,
        priority=priority,
        across=across and priority != 0,
        key=key,
        body_hash=body_hash(declared.name, _as_sent(checked, text)),
        stepwise=stepwise or (declared.stepwise is not None and declared.stepwise(checked)),
    )
    own = declared.tags(checked) if callable(declared.tags) else declared.tags
    return Submit(declared, job, delay, files, tags=read_tags({**(own or {}), **(tags or {})}))


def _key(given: str | None, own: str | None) -> str | None:
    """The idempotency key: the one that was sent along, or the one that the input brings itself."""
    if given is not None and own is not None and given != own:
        raise InvalidInput(
            sentence("the input has its own idempotency key and a different one was sent; send one of them"),
            field="idempotency_key",
        )
    return own if given is None else given


def _check_options(owner: str, key: str | None, priority: int, delay: float) -> None:
    if not -100 <= priority <= 100:
        raise InvalidInput(sentence("priority must be a whole number from -100 to 100"), field="priority")
    if key is not None and not 1 <= len(key) <= 200:
        raise InvalidInput(sentence("an idempotency key must have 1 to 200 characters"), field="idempotency_key")
    if not 1 <= len(owner) <= 200:
        raise InvalidInput(sentence("an owner's name must have 1 to 200 characters"), field="owner")
    for name, value in (("idempotency_key", key or ""), ("owner", owner)):
        if not value.isprintable() or value != value.strip():  # databases differ in what they make of these
            raise InvalidInput(
                sentence("{name} must not contain control characters or start or end with a space", name=name),
                field=name,
            )
    if not 0 <= delay <= LONGEST_DELAY:
        raise InvalidInput(sentence("delay must be a number of seconds from 0 to one year"), field="delay")


def _as_sent(checked: BaseModel, text: str) -> str:
    """The input without what its type made up: a random default is new each time, and the same input must stay one."""
    made_up = _made_up(type(checked)) - checked.model_fields_set
    return checked.model_dump_json(exclude=set(made_up)) if made_up else text


@cache
def _made_up(model: type[BaseModel]) -> frozenset[str]:
    """Fields whose default is made by a call that may give another value next time."""
    return frozenset(
        name
        for name, field in model.model_fields.items()
        if field.default_factory not in (None, list, dict, set, tuple)
    )


def body_hash(pipeline: str, text: str) -> str:
    """Hash of an input: the same for the same values in another order.

    Files are compared by content: uploaded again, the same photo has another location.
    """
    value = json.loads(text, object_hook=_without_place)
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{pipeline}\n{canonical}".encode()).hexdigest()


def _without_place(value: dict[str, Any]) -> dict[str, Any]:
    return {name: inner for name, inner in value.items() if name != "uri"} if value.keys() == _FILE_FIELDS else value


_FILE_FIELDS = File.model_fields.keys()
