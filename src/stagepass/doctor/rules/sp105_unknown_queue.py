"""A worker serves a queue that no pipeline here declares."""

import difflib
from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP105", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    known = set(facts.registry.queues())
    for worker in facts.workers:
        for queue in worker.queues:
            if queue not in known:
                close = difflib.get_close_matches(queue, known, 1)
                yield rule.found(
                    queue, f"stagepass worker {close[0]}" if close else "stagepass pipelines", pid=worker.pid
                )
