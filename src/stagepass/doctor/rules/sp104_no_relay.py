"""No relay runs: waits, retries and rescues do not happen."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule
from stagepass.doctor.texts import span

rule = Rule("SP104", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    work, relays = facts.work, [process for process in facts.processes if process.role == "relay"]
    if work.overdue_since is not None or (not relays and facts.workers):
        since = "" if work.overdue_since is None else span(facts.at - work.overdue_since)
        yield rule.found("relay", "stagepass relay", since=since or "-", seen=len(relays))
