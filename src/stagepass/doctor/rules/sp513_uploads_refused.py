"""The proxy refuses uploads that the API takes."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests.nginx import serving
from stagepass.doctor.rule import Finding, Place, Rule

UPLOADS = "/api/v1/pipelines/promo/jobs"

rule = Rule("SP513", "warning", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    location = serving(facts.deployment.locations, UPLOADS)
    largest = facts.settings.max_upload_bytes
    if location is not None and location.most_body < largest:
        megabytes = -(-largest // 2**20) + 1
        yield rule.found(
            location.path,
            f"client_max_body_size {megabytes}m;",
            where=Place(location.file, location.line),
            most=location.most_body // 2**20,
            taken=largest // 2**20,
        )
