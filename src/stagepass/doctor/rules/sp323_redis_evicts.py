"""Redis may evict events, limits and queues when its memory is full."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import redis_cli
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP323", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    redis = facts.redis
    if not redis.refused and redis.policy != "noeviction":
        yield rule.found(redis.policy, redis_cli(facts.settings, "config set maxmemory-policy noeviction"))
