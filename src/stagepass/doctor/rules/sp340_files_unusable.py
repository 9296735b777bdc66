"""A file cannot be written, read and deleted."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP340", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    files = facts.files
    if files.problem:
        fix = f"install -d -m 700 -o $(id -un) {files.where}" if files.local else f"FILES_URL={files.where}"
        yield rule.found(files.where, fix, problem=files.problem)
