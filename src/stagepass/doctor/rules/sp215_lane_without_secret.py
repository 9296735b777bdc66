"""The API runs stages itself, and lacks a secret that they need."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP215", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    needed = {secret for secrets in facts.secrets.values() for secret in secrets}
    for process in facts.processes:
        if process.role == "api" and facts.settings.fast_lane_slots:
            for secret in sorted(needed - set(process.facts["secrets"])):
                yield rule.found(f"api {process.pid}", f"{secret}=…", secret=secret)
