"""A worker of the deployment serves a queue that no pipeline declares."""

import difflib
from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP502", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    known = facts.registry.queues()
    names = {*known, *facts.registry.names(), "*"}
    for process in facts.deployment.ours("worker"):
        for queue in process.queues:
            if queue not in names:
                close = difflib.get_close_matches(queue, [*known, *facts.registry.names()], 1)
                yield rule.found(
                    queue,
                    close[0] if close else f"remove {queue}",
                    where=Place(process.file, process.line),
                    name=process.name,
                )
