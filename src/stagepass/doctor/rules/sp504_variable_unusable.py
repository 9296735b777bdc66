"""A setting has a value that cannot be used."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests import sense
from stagepass.doctor.manifests.compose import HIDDEN
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP504", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    given = [
        (v.file, v.line, name, v.text)
        for p in facts.deployment.ours()
        for name, v in p.environment.items()
        if v.text is not None
    ]
    for file, line, name, text in dict.fromkeys([*given, *facts.deployment.variables]):
        if (HIDDEN not in text or name.endswith("_URL")) and (problem := sense.problem_of(name, text)):
            yield rule.found(
                name,
                f"{name}={sense.default_of(name)}",
                where=Place(file, line),
                value=sense.hidden(name, text),
                problem=problem,
            )
