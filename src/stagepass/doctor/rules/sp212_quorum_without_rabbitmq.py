"""QUEUE_TYPE has no effect on this broker."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule
from stagepass.queue.app import is_amqp

rule = Rule("SP212", "note")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    if facts.settings.queue_type == "quorum" and not is_amqp(facts.settings.broker_url):
        yield rule.found("QUEUE_TYPE", "unset QUEUE_TYPE")
