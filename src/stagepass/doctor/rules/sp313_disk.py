"""A disk is nearly full."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

LITTLE, FULL = 512 * 2**20, 64 * 2**20
"""Bytes below which it is a warning, and an error."""

rule = Rule("SP313", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    machine = facts.machine
    for where, free in ((machine.folder, machine.folder_free), (facts.files.where, facts.files.free_bytes)):
        if free is not None and free < LITTLE:
            yield rule.found(
                where,
                f"du -xh --max-depth=2 {where} | sort -h | tail",
                severity="error" if free < FULL else "warning",
                free=free // 2**20,
            )
