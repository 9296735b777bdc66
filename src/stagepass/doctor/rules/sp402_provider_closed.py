"""A provider is closed for all workers."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule
from stagepass.doctor.texts import span
from stagepass.engine.model.limits import PARKING

rule = Rule("SP402", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for breaker in facts.breakers:
        if breaker.reason in PARKING:
            yield rule.found(
                breaker.provider, "stagepass providers", reason=breaker.reason, since=span(facts.at - breaker.since)
            )
