"""A clock is off the database's."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule
from stagepass.engine.model.clock import WRONG

rule = Rule("SP309", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for process in facts.processes:
        if abs(process.facts.get("clock_off", 0.0)) > WRONG:
            yield rule.found(
                process.host.split("/")[0], "timedatectl set-ntp true", seconds=f"{process.facts['clock_off']:+.1f}"
            )
    if abs(facts.database.clock_off) > WRONG:
        yield rule.found("doctor", "timedatectl set-ntp true", seconds=f"{facts.database.clock_off:+.1f}")
