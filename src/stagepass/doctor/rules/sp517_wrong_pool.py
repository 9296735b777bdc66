"""A worker has a pool that does not fit its stages."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests import lines, sense
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP517", "warning", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for process in facts.deployment.ours("worker"):
        queues = sense.expanded(facts.registry, process.queues)
        stages = [stage for stage in facts.registry.stages() if stage.queue in queues]
        io = [stage for stage in stages if stage.pool == "io"]
        if process.pool in ("gevent", "eventlet") or (process.pool == "prefork" and io and len(io) == len(stages)):
            yield rule.found(
                process.name,
                lines.pool_line(process),
                where=Place(process.file, process.line),
                pool=process.pool,
                queues=", ".join(process.queues)[:80],
            )
