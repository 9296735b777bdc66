"""Redis could not write its data, and may refuse writes."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import redis_cli
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP326", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    if facts.redis.save_failed:
        yield rule.found("save", redis_cli(facts.settings, "config set stop-writes-on-bgsave-error no"))
