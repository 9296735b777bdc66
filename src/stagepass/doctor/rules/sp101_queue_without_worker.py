"""Work waits in a queue that no live worker serves."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP101", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    served = {queue for worker in facts.workers for queue in worker.queues}
    for queue, count in sorted(facts.work.ready_since.items()):
        if queue not in served:
            yield rule.found(queue, f"stagepass worker {queue}", count=count)
