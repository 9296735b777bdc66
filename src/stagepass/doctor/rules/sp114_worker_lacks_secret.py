"""A live process serves a stage without a secret that the stage needs."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP114", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for process in facts.processes:
        held = set(process.facts["secrets"])
        for queue in process.facts.get("queues", ()):
            for secret in sorted(facts.secrets.get(queue, frozenset()) - held):
                yield rule.found(f"worker {process.pid}", f"{secret}=…", secret=secret, queue=queue)
