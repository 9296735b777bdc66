"""A queue in the broker is not bound to our exchange: its bells are dropped silently."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import remove_queue
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP109", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    broker = facts.broker
    for queue in broker.queues:
        if queue.exists and queue.bound is False:
            yield rule.found(queue.name, remove_queue(broker, queue.name, facts.settings))
