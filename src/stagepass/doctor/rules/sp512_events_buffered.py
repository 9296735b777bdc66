"""The proxy buffers events."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests.nginx import serving
from stagepass.doctor.rule import Finding, Place, Rule

EVENTS = "/api/v1/jobs/00000000-0000-7000-8000-000000000000/events"

rule = Rule("SP512", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    location = serving(facts.deployment.locations, EVENTS)
    if location is not None and location.buffering and location.headers.get("x-accel-buffering") != "no":
        yield rule.found(location.path, "proxy_buffering off;", where=Place(location.file, location.line))
