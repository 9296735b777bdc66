"""A provider refuses the key that is set here."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP380", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for provider, secret, answer in facts.keys:
        yield rule.found(provider, f"{secret}=…", secret=secret, answer=answer)
