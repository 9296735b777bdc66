"""Jobs in flight are of a version that this code no longer has."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP520", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for pipeline, version, count in facts.deployment.parks or ():
        yield rule.found(
            f"{pipeline} v{version}", f"stagepass worker {pipeline}", count=count, pipeline=pipeline, version=version
        )
