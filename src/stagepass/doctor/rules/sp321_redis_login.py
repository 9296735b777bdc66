"""Redis refuses the password."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import redis_url, shown
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP321", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    refused = facts.redis.refused
    if refused and refused.kind in ("login", "rights"):
        yield rule.found(
            shown(redis_url(facts.settings)), "REDIS_URL=redis://:PASSWORD@host:6379/0", problem=refused.text
        )
