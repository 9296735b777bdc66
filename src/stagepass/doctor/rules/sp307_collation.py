"""A MySQL table has another collation."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import sql
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP307", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for table, collation in facts.database.collations:
        statement = f"ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        yield rule.found(table, sql(facts.settings.database, statement), collation=collation)
