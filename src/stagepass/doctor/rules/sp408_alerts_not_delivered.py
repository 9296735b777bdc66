"""Alerts could not be delivered."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP408", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    if facts.work.alerts_missed:
        yield rule.found(
            "ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_URL=https://hooks.slack.com/services/…", count=facts.work.alerts_missed
        )
