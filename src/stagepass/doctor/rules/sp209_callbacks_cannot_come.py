"""A provider calls back, and PUBLIC_URL is an address of this machine."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP209", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    host = urlsplit(facts.settings.public_url).hostname or ""
    remote = any(facts.secrets.values())
    if remote and host in ("localhost", "127.0.0.1", "::1", "0.0.0.0"):  # noqa: S104  (a name to look for)
        yield rule.found("PUBLIC_URL", "PUBLIC_URL=https://…", host=host)
