"""Live processes are of different releases of Stagepass."""

from collections import defaultdict
from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP112", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    by_release = defaultdict(list)
    for process in facts.processes:
        by_release[process.facts["version"]].append(process)
    newest = max(by_release, default="")
    for release, old in sorted(by_release.items()):
        if release != newest:
            for process in old:
                fix = f"kill -TERM {process.pid}"
                yield rule.found(f"{process.role} {process.pid}", fix, release=release, newest=newest)
