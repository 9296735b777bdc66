"""A result backend over RPC is set."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP521", "warning", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for process in facts.deployment.ours():
        for name in ("CELERY_RESULT_BACKEND", "RESULT_BACKEND"):
            if (process.value(name) or "").startswith("rpc"):
                yield rule.found(
                    process.name,
                    f"unset {name}",
                    where=Place(process.file, process.environment[name].line),
                    setting=name,
                )
