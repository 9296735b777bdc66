"""Redis's memory is nearly full."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import redis_cli
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP324", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    redis = facts.redis
    if redis.most_memory and redis.memory > 0.9 * redis.most_memory:
        more = redis.most_memory * 2
        yield rule.found(
            "maxmemory",
            redis_cli(facts.settings, f"config set maxmemory {more}"),
            used=redis.memory // 2**20,
            most=redis.most_memory // 2**20,
        )
