"""The certificate of PUBLIC_URL expires soon."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

SOON = 14
"""Days."""

rule = Rule("SP353", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    days = facts.edge.certificate_days
    if days is not None and days < SOON:
        yield rule.found(facts.edge.url, "certbot renew", days=round(days))
