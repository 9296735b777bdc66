"""The database's connections are nearly used up."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import more_connections
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP308", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    database = facts.database
    if database.connections and database.most_connections and database.connections > 0.8 * database.most_connections:
        yield rule.found(
            "connections",
            more_connections(facts.settings.database, database.most_connections),
            used=database.connections,
            most=database.most_connections,
        )
