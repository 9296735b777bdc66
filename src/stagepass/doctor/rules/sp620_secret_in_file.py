"""A secret stands in a deployment file."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests import lines, sense
from stagepass.doctor.rule import Finding, Place, Rule
from stagepass.providers.registry import every_secret

rule = Rule("SP620", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    secrets = every_secret() | sense.OWN_SECRETS
    for process in facts.deployment.ours():
        for name, value in process.environment.items():
            if name in secrets and value.text and value.source != "file" and sense.looks_real(value.text):
                yield rule.found(
                    name, lines.from_store(process, name), where=Place(value.file, value.line), name=process.name
                )
