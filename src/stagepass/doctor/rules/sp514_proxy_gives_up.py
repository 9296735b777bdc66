"""The proxy gives up before the API answers."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests.nginx import serving
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP514", "warning", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    request = serving(facts.deployment.locations, "/api/v1/pipelines/promo/jobs")
    stream = serving(facts.deployment.locations, "/api/v1/jobs/00000000-0000-7000-8000-000000000000/events")
    for location, needed in ((request, facts.settings.fast_lane_seconds), (stream, 30.0)):
        if location is not None and location.read_timeout < needed:
            yield rule.found(
                location.path,
                f"proxy_read_timeout {int(needed) + 15}s;",
                where=Place(location.file, location.line),
                given=f"{location.read_timeout:g}",
                needed=f"{needed:g}",
            )
