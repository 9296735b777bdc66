"""No process of the deployment serves a queue."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests import lines, sense
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP501", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for kind, processes in facts.deployment.kinds():
        if any(process.role == "up" for process in processes):
            continue
        workers = [process for process in processes if process.role == "worker" and process.replicas > 0]
        served = sense.expanded(facts.registry, [queue for process in workers for queue in process.queues])
        for queue in sense.latest_queues(facts.registry):
            if queue not in served:
                near = (workers or processes)[0]
                yield rule.found(queue, lines.add_queue(near, queue), where=Place(near.file, near.line), kind=kind)
