"""RabbitMQ has an alarm and takes no messages."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP333", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    if facts.broker.blocked:
        yield rule.found(facts.broker.blocked, "rabbitmq-diagnostics alarms")
