"""The broker does not answer."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import broker_url, shown, start_service
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP330", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    refused = facts.broker.refused
    if refused and refused.kind in ("away", "wrong"):
        yield rule.found(
            shown(broker_url(facts.settings)), start_service(broker_url(facts.settings)), problem=refused.text
        )
