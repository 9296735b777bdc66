"""PUBLIC_URL does not lead to this API."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP350", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    edge = facts.edge
    if not edge.answers or not edge.ours:
        yield rule.found(
            edge.url, f"curl -sS -o /dev/null -w '%{{http_code}}' {edge.url}/health/live", problem=edge.problem
        )
