"""Stage runs are held by workers that do not live, and nothing rescues them."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP404", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for worker, count in facts.work.leases:
        if any(process.role == "relay" for process in facts.processes) and facts.work.overdue_since is None:
            continue  # it is being rescued
        yield rule.found(worker, "stagepass relay", count=count)
