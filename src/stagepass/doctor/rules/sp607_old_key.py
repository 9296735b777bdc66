"""The previous signing key is still accepted."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP607", "note")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    if facts.settings.secret_key_old.get_secret_value():
        yield rule.found("SECRET_KEY_OLD", "unset SECRET_KEY_OLD")
