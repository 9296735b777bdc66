"""A proxy before the API holds events back."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP351", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    if facts.edge.event_late:
        yield rule.found(facts.edge.url, "proxy_buffering off;")
