"""The settings of this shell are not those of the running processes."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import read_by
from stagepass.doctor.presence import ALIKE, fingerprints
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP202", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    mine = fingerprints(facts.settings)
    for name in ALIKE:
        given = {process.facts["settings"].get(name) for process in facts.processes if read_by(process.role, name)}
        if len(given) == 1 and None not in given and mine[name] not in given:
            yield rule.found(name, f"unset {name}", processes=len(facts.processes))
