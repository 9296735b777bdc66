"""Workers obey whatever is sent over the broker."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP603", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    if facts.settings.remote_control:
        yield rule.found("REMOTE_CONTROL", "REMOTE_CONTROL=false")
