"""A live worker serves a queue, but does not consume it from this broker."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP110", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    served = {queue: worker for worker in facts.workers for queue in worker.queues}
    for queue in facts.broker.queues:
        worker = served.get(queue.name)
        if worker is not None and queue.consumers == 0 and facts.at - worker.started_at > 10_000:
            yield rule.found(queue.name, "BROKER_URL=…", pid=worker.pid, depth=queue.depth)
