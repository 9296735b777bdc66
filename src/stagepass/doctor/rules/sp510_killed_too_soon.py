"""A worker is killed before it may have given back its work."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests import lines, sense
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP510", "warning", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for process in facts.deployment.ours("worker"):
        drain = sense.number(process.value("DRAIN_SECONDS"), facts.settings.drain_seconds)
        if process.grace is not None and process.grace < drain + 5:
            yield rule.found(
                process.name,
                lines.grace_line(process, int(drain) + 5),
                where=Place(process.file, process.line),
                grace=f"{process.grace:g}",
                needed=int(drain) + 5,
            )
