"""No worker runs."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP103", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    if not facts.workers and facts.registry.queues():
        yield rule.found("worker", "stagepass worker --all", queues=len(facts.registry.queues()))
