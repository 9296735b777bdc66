"""Redis does not answer."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import redis_url, shown, start_service
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP320", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    refused = facts.redis.refused
    if refused and refused.kind == "away":
        yield rule.found(
            shown(redis_url(facts.settings)), start_service(redis_url(facts.settings)), problem=refused.text
        )
