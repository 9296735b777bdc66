"""A process lacks a setting that the others of its deployment have."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests import sense
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP508", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for kind, processes in facts.deployment.kinds():
        for name, process, others in sense.left_out(processes):
            yield rule.found(
                name,
                f"{name}={sense.hidden(name, others[0].value(name) or '…')}",
                where=Place(process.file, process.line),
                name=process.name,
                others=len(others),
                kind=kind,
            )
