"""Processes of one installation differ in a setting that must be alike."""

from collections import defaultdict
from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.fixes import read_by, value_here
from stagepass.doctor.presence import ALIKE
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP201", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for name in ALIKE:
        by_value = defaultdict(list)
        for process in facts.processes:
            if process.facts["settings"].get(name) is not None and read_by(process.role, name):
                by_value[process.facts["settings"][name]].append(process)
        if len(by_value) > 1:
            odd = min(by_value.values(), key=len)[0]
            rest = sum(map(len, by_value.values())) - len(by_value[odd.facts["settings"][name]])
            fix = f"{name}=" + value_here(facts.settings, name)
            yield rule.found(name, fix, role=odd.role, pid=odd.pid, host=odd.host.split("/")[0], others=rest)
