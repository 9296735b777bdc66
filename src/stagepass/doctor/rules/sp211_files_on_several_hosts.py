"""Processes on several machines with a local folder for files."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.probes.database import filesystem_of
from stagepass.doctor.rule import Finding, Rule

rule = Rule("SP211", "warning")


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    hosts = sorted({process.host.split("/")[0] for process in facts.processes})
    if not facts.settings.files_url and len(hosts) > 1 and filesystem_of(facts.settings.files_folder) is None:
        yield rule.found("FILES_DIR", "FILES_URL=s3://bucket/folder", hosts=", ".join(hosts))
