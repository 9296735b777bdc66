"""A proxy refuses uploads that the API takes."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP352", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    if facts.edge.upload_refused_at:
        size = -(-facts.edge.upload_refused_at // 2**20) + 1
        yield rule.found(facts.edge.url, f"client_max_body_size {size}m;", size=size)
