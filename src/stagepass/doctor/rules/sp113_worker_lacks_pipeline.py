"""A worker lacks the newest version of a pipeline whose queue it serves."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP113", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    newest = {pipeline.name: pipeline.version for pipeline in facts.registry}
    for process in facts.processes:
        if process.role != "worker":
            continue
        for name in sorted({queue.partition(".")[0] for queue in process.facts.get("queues", ())}):
            if name in newest and newest[name] not in process.facts["pipelines"].get(name, []):
                fix = f"kill -TERM {process.pid}"
                yield rule.found(f"worker {process.pid}", fix, pipeline=name, version=newest[name])
