"""A call that may have been billed waits for a decision."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP401", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for run in facts.work.held:
        call = facts.work.undecided.get(run.id)
        if call:
            yield rule.found(run.id, f"stagepass dead decide {run.id} {call} --again", call=call)
