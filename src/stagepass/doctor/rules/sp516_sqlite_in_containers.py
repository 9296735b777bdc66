"""Several containers would each have a SQLite file of their own."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests import sense
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP516", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for kind, processes in facts.deployment.kinds():
        if kind not in ("compose", "kubernetes"):
            continue
        mine = [p for p in processes if p.role in ("api", "worker", "relay") and "*" not in p.environment]
        lacking = [p for p in mine if sense.sqlite(p) and not sense.shares_folder(p, mine)]
        if len(mine) > 1 and len(lacking) > 1:
            first = lacking[0]
            yield rule.found(
                "DATABASE_URL",
                "DATABASE_URL=postgresql://user@postgres/stagepass",
                where=Place(first.file, first.line),
                count=len(lacking),
                kind=kind,
            )
