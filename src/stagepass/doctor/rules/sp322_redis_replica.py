"""Redis is a replica that takes no writes."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import shown
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP322", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    redis = facts.redis
    if redis.role == "slave":
        yield rule.found(shown(facts.settings.redis_url), f"REDIS_URL=redis://{redis.primary}/0", primary=redis.primary)
