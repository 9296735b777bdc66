"""Processes of one deployment run different images."""

from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.manifests import sense
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP519", "warning", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for _, processes in facts.deployment.kinds():
        by_image: dict[str, list[str]] = {}
        for process in processes:
            if process.image:
                by_image.setdefault(process.image, []).append(process.name)
        if len(by_image) > 1:
            common = max(by_image, key=lambda image: len(by_image[image]))
            for process in processes:
                if process.image and process.image != common and sense.same_repository(process.image, common):
                    yield rule.found(
                        process.name,
                        f"image: {common}",
                        where=Place(process.file, process.line),
                        image=process.image,
                        common=common,
                    )
