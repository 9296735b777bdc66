"""Redis runs as a cluster, which is not supported."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import shown
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP328", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    if facts.redis.cluster:
        yield rule.found(shown(facts.settings.redis_url), "REDIS_URL=redis://host:6379/0")
