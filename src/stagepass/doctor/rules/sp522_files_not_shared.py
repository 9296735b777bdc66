"""Containers do not share the folder for files."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests import sense
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP522", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for kind, processes in facts.deployment.kinds():
        if kind not in ("compose", "kubernetes"):
            continue
        mine = [p for p in processes if p.role in ("api", "worker") and "*" not in p.environment and p.replicas]
        if len(mine) < 2 or any(p.environment.get("FILES_URL") for p in mine) or any(p.role == "up" for p in processes):
            continue
        for process in mine:
            folder = process.value("FILES_DIR") or process.value("DATA_DIR") or ".stagepass"
            if not sense.mounted(process, folder):
                yield rule.found(
                    process.name,
                    f"- files:{folder}" if kind == "compose" else "FILES_URL=s3://bucket/folder",
                    where=Place(process.file, process.line),
                    folder=folder,
                )
