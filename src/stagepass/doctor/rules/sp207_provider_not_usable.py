"""A stage's provider cannot work with the settings here."""

import re
from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP207", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for queue, problem in facts.needs:
        secret = re.search(r"needs (\w+), which", problem)
        model = re.search(r"write (\S+):MODEL", problem)
        name = problem.partition(": ")[2].partition("=")[0]
        fix = f"{secret[1]}=…" if secret else f"{name}={model[1]}:MODEL" if model else f"{name}=local"
        yield rule.found(queue, fix, problem=problem)
