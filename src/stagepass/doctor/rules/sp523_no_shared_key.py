"""Processes in containers would each make a signing key of their own."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP523", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for kind, processes in facts.deployment.kinds():
        mine = [p for p in processes if p.role in ("api", "worker") and "*" not in p.environment]
        if kind in ("compose", "kubernetes") and len(mine) > 1 and not any("SECRET_KEY" in p.environment for p in mine):
            first = mine[0]
            yield rule.found(
                "SECRET_KEY", "SECRET_KEY=$(openssl rand -hex 32)", where=Place(first.file, first.line), count=len(mine)
            )
