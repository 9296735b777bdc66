"""RabbitMQ's default user is used over the network."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP606", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    host = urlsplit(facts.settings.broker_url).hostname or ""
    if (
        facts.broker.user == "guest"
        and facts.broker.kind == "rabbitmq"
        and host not in ("127.0.0.1", "localhost", "::1")
    ):
        yield rule.found("BROKER_URL", "rabbitmqctl add_user stagepass PASSWORD", host=host)
