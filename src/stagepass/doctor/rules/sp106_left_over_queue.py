"""A queue of ours in the broker has messages, and no pipeline declares it."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import remove_queue as remove
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP106", "note")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    broker = facts.broker
    for queue, depth in broker.strangers:
        if depth:
            yield rule.found(queue, remove(broker, queue, facts.settings), depth=depth)
