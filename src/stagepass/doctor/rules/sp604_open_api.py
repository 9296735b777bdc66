"""The API listens to the network without asking who calls."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP604", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    settings = facts.settings
    if settings.auth_mode == "none" and settings.host not in ("127.0.0.1", "localhost", "::1"):
        yield rule.found("AUTH_MODE", "AUTH_MODE=api_key", host=settings.host)
