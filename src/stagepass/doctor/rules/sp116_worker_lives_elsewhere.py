"""A live worker says nothing of itself, or a process's host has another installation."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP116", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    said = {process.facts.get("worker") for process in facts.processes}
    for worker in facts.workers:
        if worker.id not in said and facts.at - worker.started_at > 30_000:
            yield rule.found(f"worker {worker.pid}", f"kill -TERM {worker.pid}", host=worker.host.split("/")[0])
