"""The broker refuses the user or the password."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import broker_url, shown, user_command
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP331", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    broker = facts.broker
    if broker.refused and broker.refused.kind == "login":
        yield rule.found(
            shown(broker_url(facts.settings)), user_command(broker), user=broker.user, problem=broker.refused.text
        )
