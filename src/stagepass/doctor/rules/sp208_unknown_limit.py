"""PROVIDER_LIMITS or TIME_LIMITS names something that there is not."""

import difflib
from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule
from stagepass.providers.registry import every_name, parse_limits

rule = Rule("SP208", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    queues = facts.registry.queues()
    for part in filter(None, (part.strip() for part in facts.settings.time_limits.split(","))):
        name = part.partition("=")[0].strip()
        if name not in queues:
            close = difflib.get_close_matches(name, queues, 1)
            yield rule.found(
                "TIME_LIMITS",
                f"TIME_LIMITS={part.replace(name, close[0])}" if close else "unset TIME_LIMITS",
                name=name,
            )
    for name in parse_limits(facts.settings.provider_limits):
        if name not in every_name():
            close = difflib.get_close_matches(name, every_name(), 1)
            fix = (
                f"PROVIDER_LIMITS={facts.settings.provider_limits.replace(name, close[0])}"
                if close
                else "unset PROVIDER_LIMITS"
            )
            yield rule.found("PROVIDER_LIMITS", fix, name=name)
