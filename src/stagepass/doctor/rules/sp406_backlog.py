"""A queue's workers are all busy and much waits."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP406", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for queue, count in sorted(facts.work.ready_since.items()):
        workers = [worker for worker in facts.workers if queue in worker.queues]
        busy = workers and all(facts.work.running.get(worker.id, 0) >= worker.slots for worker in workers)
        slots = sum(worker.slots for worker in workers)
        if busy and count >= 20 * slots:
            yield rule.found(queue, f"stagepass worker {queue} -c {slots * 2}", count=count, slots=slots)
