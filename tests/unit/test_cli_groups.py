"""Worker groups: what `up` runs for which declaration and which setting."""

import pytest
from pydantic import BaseModel

from stagepass import Pipeline
from stagepass.declare.registry import Registry
from stagepass.errors import NotFound, SettingsError
from stagepass.pipelines.discover import discover
from stagepass.worker_groups import IO_SLOTS, Group, celery_command, cores, expand, worker_groups


class Input(BaseModel):
    text: str


def registry() -> Registry:
    a, b = Pipeline("a", input=Input), Pipeline("b", input=Input)

    @a.stage(concurrency=4)
    def own(request: Input) -> str:
        return ""

    @a.stage()
    def waits(request: Input) -> str:
        return ""

    @b.stage(pool="cpu")
    def counts(request: Input) -> str:
        return ""

    @b.stage(pool="cpu", concurrency=2)
    def draws(request: Input) -> str:
        return ""

    return Registry([a, b])


def test_without_a_setting_each_stage_with_a_concurrency_has_its_own_group() -> None:
    assert worker_groups(registry()) == [
        Group("a.own", ("a.own",), 4, "threads"),
        Group("b.draws", ("b.draws",), 2, "prefork"),
        Group("io", ("a.waits",), IO_SLOTS, "threads"),
        Group("cpu", ("b.counts",), cores(), "prefork"),
    ]


def test_the_setting_says_otherwise() -> None:
    assert worker_groups(registry(), "a=7 b.counts,b.draws") == [
        Group("a", ("a.own", "a.waits"), 7, "threads"),
        Group("b.counts+b.draws", ("b.counts", "b.draws"), cores(), "prefork"),
    ]


@pytest.mark.parametrize("text", ["a=0", "a=x", "=3", "a=3=4"])
def test_a_setting_that_cannot_be_read_is_told(text: str) -> None:
    with pytest.raises((SettingsError, NotFound)):
        worker_groups(registry(), text)


def test_the_same_group_twice_is_told() -> None:
    with pytest.raises(SettingsError, match="two groups"):
        worker_groups(registry(), "a a")


def test_an_unknown_queue_lists_the_known_ones() -> None:
    with pytest.raises(NotFound, match=r"a\.own, a\.waits, b\.counts, b\.draws"):
        expand(registry(), ["a.owned"])


def test_a_group_becomes_plain_celery() -> None:
    command = celery_command("python", Group("g", ("a.own", "a.waits"), 7, "threads"))
    assert command[:3] == ["python", "-m", "celery"]
    assert command[7:15] == ["-Q", "a.own,a.waits", "-P", "threads", "-c", "7", "-n", "g@%h"]


def test_a_group_of_many_queues_has_a_name_that_celery_can_carry() -> None:
    queues = tuple(f"pipeline_{number}.stage" for number in range(40))
    others = (*queues[:-1], "pipeline_40.stage")
    names = []
    for group in (Group("+".join(queues), queues, 1, "threads"), Group("+".join(others), others, 1, "threads")):
        command = celery_command("python", group)
        names.append(command[command.index("-n") + 1].removesuffix("@%h"))
    assert len(names[0]) <= 80
    assert names[0] != names[1]


def test_workers_take_the_names_that_up_shows() -> None:
    registry = discover()
    usual = {group.name: group for group in worker_groups(registry)}
    (given,) = worker_groups(registry, "io=4")
    assert (given.name, given.queues, given.slots) == ("io", usual["io"].queues, 4)
    everything = " ".join(f"{name}={group.slots}" for name, group in usual.items())
    assert worker_groups(registry, everything) == list(usual.values())
