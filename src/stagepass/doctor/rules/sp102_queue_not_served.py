"""Some workers run, and a declared queue has none."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP102", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    served = {queue for worker in facts.workers for queue in worker.queues}
    missing = [queue for queue in facts.registry.queues() if queue not in served]
    waiting = facts.work.ready_since
    for queue in missing if served else ():
        if queue not in waiting:
            yield rule.found(queue, f"stagepass worker {queue}", workers=len(facts.workers))
