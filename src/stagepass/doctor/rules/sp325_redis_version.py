"""Redis is older than Stagepass needs."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP325", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    version = tuple(int(part) for part in facts.redis.version.split(".")[:2] if part.isdigit())
    if version and version < (6, 2):
        yield rule.found(facts.redis.version, "apt-get install redis-server")
