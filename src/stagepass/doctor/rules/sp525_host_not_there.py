"""A URL leads to a host that the deployment does not have."""

import difflib
from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests import sense
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP525", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for process in facts.deployment.ours():
        if process.kind != "compose" or not facts.deployment.services:
            continue
        for name in ("DATABASE_URL", "REDIS_URL", "BROKER_URL"):
            host = sense.host_of(process.value(name) or "")
            if host in ("localhost", "127.0.0.1", "::1") or (
                host and "." not in host and host not in facts.deployment.services and host != "host.docker.internal"
            ):
                near = difflib.get_close_matches(host, facts.deployment.services, 1)
                value = process.environment[name]
                fix = sense.hidden(
                    name,
                    (value.text or "").replace(
                        host, near[0] if near else sense.usual_host(name, facts.deployment.services)
                    ),
                )
                yield rule.found(
                    name,
                    f"{name}={fix}",
                    where=Place(value.file or process.file, value.line),
                    name=process.name,
                    host=host,
                )
