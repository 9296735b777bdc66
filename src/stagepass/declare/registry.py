"""All pipelines that this process knows, by name and version."""

from collections.abc import Iterable, Iterator

from stagepass.declare.batch import Batch
from stagepass.declare.handlers import check_undo
from stagepass.declare.pipeline import Pipeline
from stagepass.declare.stage import Stage
from stagepass.errors import DeclarationError, NotFound
from stagepass.sentences import sentence


class Registry:
    """The pipelines of one process. Several versions of one may live side by side."""

    def __init__(self, pipelines: Iterable[Pipeline] = ()) -> None:
        self._by_version: dict[tuple[str, int], Pipeline] = {}
        self._latest: dict[str, Pipeline] = {}
        self._batches: dict[str, Batch] = {}
        for pipeline in pipelines:
            self.add(pipeline)

    def __iter__(self) -> Iterator[Pipeline]:
        """The newest version of each pipeline, by name."""
        return iter(sorted(self._latest.values(), key=lambda pipeline: pipeline.name))

    def add(self, pipeline: Pipeline) -> None:
        """Raises `DeclarationError` when it has no stage, or when another one has its name and version.

        Also when a stage has an undo, and the pipeline does not say when it is to run.
        """
        if not pipeline.stages:
            raise DeclarationError(
                f"pipeline {pipeline.name!r} has no stage; decorate a function with @{pipeline.name}.stage()"
            )
        check_undo(pipeline.name, pipeline.stages.values(), pipeline.undo_on)
        key = (pipeline.name, pipeline.version)
        if self._by_version.setdefault(key, pipeline) is not pipeline:
            raise DeclarationError(
                f"two pipelines are called {pipeline.name!r} with version {pipeline.version}; rename one or raise it"
            )
        newest = self._latest.get(pipeline.name)
        if newest is None or newest.version < pipeline.version:
            self._latest[pipeline.name] = pipeline
            for stage in pipeline.every:
                self._batches.pop(stage.queue, None)
                if stage.batch is not None:
                    self._batches[stage.queue] = stage.batch

    def batch(self, queue: str) -> Batch | None:
        """Batch settings of a queue; None if runs are not batched."""
        return self._batches.get(queue)

    def latest(self, name: str) -> Pipeline:
        """The newest version. Raises `NotFound`."""
        try:
            return self._latest[name]
        except KeyError:
            known = ", ".join(sorted(self._latest)) or "none"
            raise NotFound(
                sentence("there is no pipeline {name}; available: {known}", name=f"{name!r}", known=known)
            ) from None

    def find(self, name: str, version: int) -> Pipeline | None:
        """This exact version; None if this process does not have it."""
        return self._by_version.get((name, version))

    def names(self) -> list[str]:
        """The names of all pipelines, sorted."""
        return sorted(self._latest)

    def versions(self, name: str) -> list[int]:
        """The versions of a pipeline that this process has, sorted."""
        return sorted(version for known, version in self._by_version if known == name)

    def stage(self, name: str, version: int, stage: str) -> Stage | None:
        """A stage of that very version, or None."""
        pipeline = self.find(name, version)
        return pipeline.find(stage) if pipeline else None

    def stages_of(self, queue: str) -> list[Stage]:
        """The stages of a queue, one of each known version."""
        return [stage for stage in self._every_stage() if stage.queue == queue]

    def queues(self) -> list[str]:
        """Every queue of every known version, sorted."""
        return sorted({stage.queue for stage in self._every_stage()})

    def stages(self) -> list[Stage]:
        """The stages of the newest versions."""
        return [stage for pipeline in self for stage in pipeline.every]

    def _every_stage(self) -> Iterator[Stage]:
        return (stage for pipeline in self._by_version.values() for stage in pipeline.every)
