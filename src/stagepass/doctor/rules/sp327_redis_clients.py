"""Redis's connections are nearly used up."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import redis_cli
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP327", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    redis = facts.redis
    if redis.most_clients and redis.clients > 0.8 * redis.most_clients:
        yield rule.found(
            "maxclients",
            redis_cli(facts.settings, f"config set maxclients {redis.most_clients * 2}"),
            used=redis.clients,
            most=redis.most_clients,
        )
