"""The deployment's Redis may evict what it needs."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP529", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for process in facts.deployment.processes:
        words = process.command
        policy = next((words[n + 1] for n, word in enumerate(words[:-1]) if word == "--maxmemory-policy"), "")
        if policy not in ("", "noeviction") or ("--maxmemory" in words and policy == "volatile-lru"):
            yield rule.found(
                process.name, "--maxmemory-policy noeviction", where=Place(process.file, process.line), policy=policy
            )
