"""The virtual host is not there, or the user may not use it."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import broker_url, shown, vhost_command
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP332", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    broker = facts.broker
    if broker.refused and broker.refused.kind in ("place", "rights"):
        yield rule.found(
            shown(broker_url(facts.settings)),
            vhost_command(broker),
            vhost=broker.vhost,
            user=broker.user,
            problem=broker.refused.text,
        )
