"""Other users of the machine can read `.env`."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP601", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    environment = facts.environment
    if environment.mode is not None and environment.mode & 0o077:
        yield rule.found(
            environment.file,
            f"chmod 600 {environment.file}",
            where=Place(environment.file),
            mode=f"{environment.mode:o}",
        )
