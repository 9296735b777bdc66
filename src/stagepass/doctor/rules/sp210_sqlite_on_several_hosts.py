"""Workers on several machines with SQLite."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP210", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    hosts = sorted({process.host.split("/")[0] for process in facts.processes})
    if facts.settings.database.startswith("sqlite") and len(hosts) > 1:
        yield rule.found("DATABASE_URL", "DATABASE_URL=postgresql://user@host/stagepass", hosts=", ".join(hosts))
