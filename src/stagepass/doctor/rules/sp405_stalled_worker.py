"""A worker lives, has free slots, and starts nothing."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP405", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    work, limit = facts.work, facts.settings.stalled_after_seconds * 1000
    for worker in facts.workers:
        old = facts.at - worker.started_at > limit
        waiting = [queue for queue in worker.queues if queue in work.ready_since]
        if waiting and old and not any(work.running.get(w.id, 0) for w in facts.workers if waiting[0] in w.queues):
            yield rule.found(f"worker {worker.pid}", f"kill -TERM {worker.pid}", queue=waiting[0], slots=worker.slots)
