"""WORKERS leaves queues out."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule
from stagepass.worker_groups import worker_groups

rule = Rule("SP214", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    if facts.settings.workers:
        served = {queue for group in worker_groups(facts.registry, facts.settings.workers) for queue in group.queues}
        missing = [queue for queue in facts.registry.queues() if queue not in served]
        if missing:
            fix = f'WORKERS="{facts.settings.workers} {",".join(missing)}"'
            yield rule.found("WORKERS", fix, queues=", ".join(missing))
