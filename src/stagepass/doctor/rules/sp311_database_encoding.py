"""The PostgreSQL database does not hold UTF-8."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import create_database, shown
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP311", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    if facts.database.encoding not in (None, "UTF8"):
        yield rule.found(
            shown(facts.settings.database),
            create_database(facts.settings.database, utf8=True),
            encoding=facts.database.encoding,
        )
