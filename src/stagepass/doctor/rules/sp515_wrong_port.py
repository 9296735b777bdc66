"""A proxy leads to a port on which no API listens."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests import sense
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP515", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    ports = {process.port for process in facts.deployment.ours("api", "up") if process.port}
    for location in facts.deployment.locations:
        port = sense.port_of(location.upstream)
        if ports and port and port not in ports and not sense.is_name(location.upstream):
            yield rule.found(
                location.path,
                f"proxy_pass {location.upstream.replace(str(port), str(min(ports)))};",
                where=Place(location.file, location.line),
                port=port,
                listening=", ".join(map(str, sorted(ports))),
            )
