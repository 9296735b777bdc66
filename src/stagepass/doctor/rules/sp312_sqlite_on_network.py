"""SQLite lies on a network file system."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import shown
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP312", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    if facts.database.filesystem:
        yield rule.found(
            shown(facts.settings.database),
            "DATABASE_URL=postgresql://user@host/stagepass",
            filesystem=facts.database.filesystem,
        )
