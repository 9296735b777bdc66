"""Jobs in flight are of a version that no live worker has."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP111", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    workers = [process for process in facts.processes if process.role == "worker"]
    had = {
        (name, version)
        for process in workers
        for name, versions in process.facts["pipelines"].items()
        for version in versions
    }
    parked = {(pipeline, version): queue for queue, pipeline, version in facts.work.parked}
    for pipeline, version, count in facts.work.open_versions:
        if (pipeline, version) in parked or (workers and (pipeline, version) not in had):
            queue = parked.get((pipeline, version), pipeline)
            yield rule.found(
                f"{pipeline} v{version}", f"stagepass worker {queue}", count=count, pipeline=pipeline, version=version
            )
