"""A provider refused the key: its stage runs became dead letters."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP403", "error")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for provider, queue in facts.work.keys_refused:
        pipeline, _, stage = queue.partition(".")
        yield rule.found(
            provider, f"stagepass dead redrive --all --pipeline {pipeline} --stage {stage} --yes", queue=queue
        )
