"""A job is open and nothing in it is."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP407", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for job in facts.work.stuck:
        yield rule.found(job, f"stagepass why {job}")
