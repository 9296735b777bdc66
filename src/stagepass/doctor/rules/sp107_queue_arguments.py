"""A queue exists in the broker with other arguments than it is declared with."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import remove_queue as remove
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP107", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    broker = facts.broker
    for queue in broker.queues:
        if queue.mismatch:
            yield rule.found(queue.name, remove(broker, queue.name, facts.settings), problem=queue.mismatch)
