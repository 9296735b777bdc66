"""A setting stands twice in `.env`: the last one counts."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP205", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for line, name, _ in facts.environment.lines:
        if name in first and name in facts.environment.known:
            yield rule.found(
                name,
                f"sed -i {first[name]}d {facts.environment.file}",
                where=Place(facts.environment.file, first[name]),
                line=line,
            )
        first.setdefault(name, line)
