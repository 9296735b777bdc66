"""A lab for scans: the three pipelines, local models or one that is given, and photos."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from PIL import Image

from stagepass.declare.batch import Batch
from stagepass.declare.pipeline import Pipeline
from stagepass.engine.model.records import Job
from stagepass.pipelines.scan.choice import Models
from stagepass.pipelines.scan.pipeline import character, scan, users
from stagepass.providers import builtin  # noqa: F401  (registers the local text model)
from stagepass.providers.registry import Offer
from stagepass.testing import Lab

BOTTLE = (files("stagepass.pipelines.scan") / "examples" / "bottle.jpg").read_bytes()
"""A drawn wine bottle that fills the photo."""


def plain(colour: str = "white") -> bytes:
    """A photo of nothing."""
    out = io.BytesIO()
    Image.new("RGB", (320, 320), colour).save(out, "PNG")
    return out.getvalue()


def hasty(pipeline: Pipeline, within: float = 0.05) -> Pipeline:
    """The same pipeline, whose batches are not waited for: each of its real seconds is one of a test."""
    made = copy(pipeline)
    made.stages = {
        name: replace(stage, batch=Batch(stage.batch.most, within)) if stage.batch else stage
        for name, stage in pipeline.stages.items()
    }
    return made


HASTY = [scan, hasty(character), hasty(users)]
"""For tests with a clock that cannot be moved by hand."""


class ScanLab:
    """Scans, one after the other, without workers."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def request(self, photo: bytes, **more: Any) -> dict[str, Any]:
        file = self.lab.files.put(photo, name="photo", type="image/jpeg", folder="uploads")
        return {"image": file.model_dump(), **more}

    def scan(self, photo: bytes = BOTTLE, owner: str = "ann", **more: Any) -> dict[str, Any]:
        """The outputs of a completed scan, by stage."""
        job = self.lab.run(self.request(photo, **more), pipeline="scan", owner=owner)
        assert job.error is None, job.error
        return self.outputs(job)

    def outputs(self, job: Job) -> dict[str, Any]:
        return self.lab.engine.outputs(job, every=True)


@contextmanager
def scan_lab(**environ: str) -> Iterator[ScanLab]:
    with Lab([scan, character, users]) as lab:
        offer = Offer("", Path(lab.folder) / "providers" / "models" / "local", environ)
        lab.runner._providers._providers[Models] = Models(offer)  # type: ignore[attr-defined]
        yield ScanLab(lab)
