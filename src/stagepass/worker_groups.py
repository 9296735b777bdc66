"""Worker groups: which queues share a process, with how many slots, in threads or in processes."""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from stagepass.declare.registry import Registry
from stagepass.declare.stage import Stage
from stagepass.errors import NotFound, SettingsError
from stagepass.sentences import sentence

Pool = Literal["threads", "prefork"]

IO_SLOTS = 32
"""Slots of the group that all I/O stages share: they wait most of the time, and a waiting thread costs little."""

LONGEST_NODE = 80
"""Characters of a worker's name before its host."""

_GROUP = re.compile(r"^(?P<queues>[^=\s]+?)(?:=(?P<slots>[1-9]\d{0,3}))?$")


@dataclass(frozen=True, slots=True)
class Group:
    """One worker process (with ``prefork``, one per slot)."""

    name: str
    queues: tuple[str, ...]
    slots: int
    pool: Pool


def cores() -> int:
    """Number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worker_groups(registry: Registry, given: str = "", *, cpu: int | None = None) -> list[Group]:
    """The groups of ``stagepass up``.

    Args:
        given: ``"promo.lyric=4 promo.song,promo.video=2"``; a pipeline's name stands for all of its stages.
            Empty: each stage with a `concurrency` has its own, the others share one per pool.
        cpu: slots of a group of CPU-bound stages; None: one per core of this machine.

    Raises:
        SettingsError: it is written wrongly. NotFound: there is no such queue.
    """
    groups = (
        [_parse(registry, part, cpu or cores()) for part in given.split()]
        if given.strip()
        else list(_by_stage(registry, cpu or cores()))
    )
    names = Counter(group.name for group in groups)
    if doubled := [name for name, count in names.items() if count > 1]:
        raise SettingsError(sentence("WORKERS: {doubled} is in two groups; keep it in one", doubled=doubled[0]))
    return groups


def _by_stage(registry: Registry, processes: int) -> Iterator[Group]:
    stages = _stages(registry)
    for queue, stage in stages.items():
        if stage is not None and stage.concurrency:
            yield Group(queue, (queue,), stage.concurrency, pool_of([stage]))
    shared = _shared(stages)
    if shared["io"]:
        yield Group("io", shared["io"], IO_SLOTS, "threads")
    if shared["cpu"]:
        yield Group("cpu", shared["cpu"], processes, "prefork")


def _shared(stages: Mapping[str, Stage | None]) -> dict[str, tuple[str, ...]]:
    """The groups of stages without a `concurrency`, by the names that `up` shows."""
    alone = {queue for queue, stage in stages.items() if stage is not None and stage.concurrency}
    cpu = tuple(q for q, stage in stages.items() if q not in alone and stage is not None and stage.pool == "cpu")
    return {"io": tuple(queue for queue in stages if queue not in alone and queue not in cpu), "cpu": cpu}


def _parse(registry: Registry, part: str, processes: int) -> Group:
    found = _GROUP.match(part)
    if found is None:
        raise SettingsError(
            sentence("WORKERS: {part} is not queue,queue=slots, such as promo.song,promo.video=2", part=f"{part!r}")
        )
    queues = expand(registry, [name for name in found["queues"].split(",") if name])
    stages = _stages(registry)
    pool = pool_of([stage for queue in queues if (stage := stages[queue])])
    slots = int(found["slots"]) if found["slots"] else default_slots(registry, queues, pool, processes)
    return Group(found["queues"].replace(",", "+"), queues, slots, pool)


def expand(registry: Registry, names: Sequence[str]) -> tuple[str, ...]:
    """Queues by name; a pipeline's name selects all its queues, ``io`` and ``cpu`` those that `up` has in one group.

    Raises:
        NotFound: lists the available ones.
    """
    known, shared = registry.queues(), _shared(_stages(registry))
    found: dict[str, None] = {}
    for name in names:
        queues = [queue for queue in known if queue == name or queue.startswith(f"{name}.")] or shared.get(name)
        if not queues:
            raise NotFound(
                sentence(
                    "there is no queue {name}; available: {known}", name=f"{name!r}", known=", ".join(known) or "none"
                ),
                queue=name,
            )
        found.update(dict.fromkeys(queues))
    return tuple(found)


def pool_of(stages: Sequence[Stage]) -> Pool:
    """Processes if every stage declares them, else threads."""
    return "prefork" if stages and all(stage.pool == "cpu" for stage in stages) else "threads"


def default_slots(registry: Registry, queues: Sequence[str], pool: Pool, processes: int | None = None) -> int:
    """The default number of slots for these queues; `processes`, one per core by default, if they are CPU-bound."""
    stages = _stages(registry)
    told = [stage.concurrency if (stage := stages.get(queue)) else None for queue in queues]
    if told and all(told):
        return sum(filter(None, told))
    return (processes or cores()) if pool == "prefork" else IO_SLOTS


def stages_of(registry: Registry, queues: Sequence[str]) -> list[Stage]:
    """The stages behind these queues, in their newest version."""
    return [stage for stage in registry.stages() if stage.queue in queues]


def _stages(registry: Registry) -> dict[str, Stage | None]:
    """Every queue, in the order of the declarations; None for one that only an older version has."""
    newest: dict[str, Stage | None] = {stage.queue: stage for stage in registry.stages()}
    return newest | {queue: None for queue in registry.queues() if queue not in newest}


def celery_command(python: str, group: Group, *, loglevel: str = "INFO") -> list[str]:
    """Plain Celery for one group.

    Without gossip and mingle, which only tell workers about each other. Its heartbeat events (one small
    message in two seconds) stay, since Flower lives by them; connections have heartbeats of their own.
    """
    worker = ["-q", "-A", "stagepass.worker", "worker"]
    options = ["-Q", ",".join(group.queues), "-P", group.pool, "-c", str(group.slots), "-n", f"{_node(group.name)}@%h"]
    return [python, "-m", "celery", *worker, *options, "--without-gossip", "--without-mingle", "--loglevel", loglevel]


def _node(name: str) -> str:
    """A group's name as Celery can carry it: it names a queue of the worker's own, which has room for 255 bytes."""
    if len(name) <= LONGEST_NODE:
        return name
    return f"{name[: LONGEST_NODE - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
