"""An operator has paused something."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule
from stagepass.doctor.texts import span
from stagepass.engine.model.controls import EVERYTHING, Scope

rule = Rule("SP409", "note")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for pause in facts.pauses:
        target = (
            "all"
            if pause.name == EVERYTHING
            else pause.name
            if pause.scope in (Scope.QUEUE, Scope.PIPELINE)
            else f"{pause.scope}:{pause.name}"
        )
        fix = (
            f"stagepass providers open {pause.name}" if pause.scope is Scope.PROVIDER else f"stagepass resume {target}"
        )
        yield rule.found(target, fix, since=span(facts.at - pause.since), why=pause.why or "-")
