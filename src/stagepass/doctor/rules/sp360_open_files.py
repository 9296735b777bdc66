"""This machine allows too few open files for the API's connections."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP360", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    most = facts.settings.max_connections
    if facts.machine.open_files < min(most, 1024) + 100 or (
        facts.machine.open_files < most and any(p.role == "api" for p in facts.processes)
    ):
        yield rule.found("nofile", f"ulimit -n {max(65536, most * 2)}", limit=facts.machine.open_files, wanted=most)
    for process in facts.processes:
        if 0 < process.facts.get("open_files", 0) < 1024:
            yield rule.found(
                f"{process.role} {process.pid}", "LimitNOFILE=65536", limit=process.facts["open_files"], wanted=1024
            )
