"""The API of the deployment listens to the network without asking who calls."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests import sense
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP621", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for process in facts.deployment.ours("api", "up"):
        host = process.value("HOST") or next(
            (process.command[n + 1] for n, w in enumerate(process.command[:-1]) if w == "--host"), "127.0.0.1"
        )
        if (
            "*" not in process.environment
            and (process.value("AUTH_MODE") or "none") == "none"
            and "AUTH_MODE" not in sense.given_elsewhere(process)
            and host not in sense.LOOPBACK
        ):
            yield rule.found(process.name, "AUTH_MODE=api_key", where=Place(process.file, process.line), host=host)
