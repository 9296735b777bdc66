"""The proxy passes on an identity that the client claims."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP622", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    modes = {process.value("AUTH_MODE") for process in facts.deployment.ours("api")} | {facts.settings.auth_mode}
    header = facts.settings.user_header
    if modes & {"header"}:
        for location in facts.deployment.locations:
            if header.lower() not in location.headers:
                yield rule.found(
                    location.path,
                    f'proxy_set_header {header} "";',
                    where=Place(location.file, location.line),
                    header=header,
                )
