"""Keys travel over plain HTTP."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP605", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    parts = urlsplit(facts.settings.public_url)
    if (
        parts.scheme == "http"
        and parts.hostname not in ("127.0.0.1", "localhost", "::1")
        and facts.settings.auth_mode != "none"
    ):
        yield rule.found("PUBLIC_URL", f"PUBLIC_URL=https://{parts.netloc}", mode=facts.settings.auth_mode)
