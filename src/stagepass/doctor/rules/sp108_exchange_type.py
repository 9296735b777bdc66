"""The exchange exists with another type."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import remove_exchange
from stagepass.doctor.rule import Finding, Rule
from stagepass.queue.app import EXCHANGE

rule = Rule("SP108", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    broker = facts.broker
    if broker.exchange_mismatch:
        yield rule.found(EXCHANGE, remove_exchange(broker), problem=broker.exchange_mismatch)
