"""Overrides stages' time limits, for installations with slower vendors or machines."""

import difflib
import re

from stagepass.declare.registry import Registry
from stagepass.declare.values import seconds
from stagepass.errors import DeclarationError, SettingsError
from stagepass.sentences import sentence
from stagepass.spans import in_words

_SUCH = "resume.questions=10m or promo.video=40m/3h"
_ONE = re.compile(r"^(?P<queue>[a-z0-9_.]+)\s*=\s*(?P<attempt>[^/]+?)(?:/(?P<run>.+))?$")


def set_time_limits(registry: Registry, text: str) -> None:
    """Give stages of every known version the limits of ``TIME_LIMITS``.

    Args:
        text: ``"resume.questions=10m, promo.video=40m/3h"``: of one attempt, and of the stage run with all its
            attempts and waits where that has to change too.

    Raises:
        SettingsError: a part that cannot be read, a stage that is not there, or an attempt longer than its run.
    """
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _ONE.match(part)
        if not found:
            raise SettingsError(
                sentence(
                    "TIME_LIMITS: {part} is not stage=attempt or stage=attempt/run, such as {such}",
                    part=f"{part!r}",
                    such=_SUCH,
                )
            )
        _set(registry, part, found["queue"], found["attempt"], found["run"])


def _set(registry: Registry, part: str, queue: str, attempt: str, run: str | None) -> None:
    stages = registry.stages_of(queue)
    if not stages:
        close = difflib.get_close_matches(queue, registry.queues(), n=1)
        meant = (
            sentence("did you mean {name}?", name=close[0])
            if close
            else sentence("see `stagepass pipelines` for the names")
        )
        raise SettingsError(
            sentence("TIME_LIMITS: there is no stage {queue}; {meant}", queue=f"{queue!r}", meant=meant)
        )
    try:
        time_limit = seconds(attempt)
        run_limit = None if run is None else seconds(run)
    except DeclarationError as problem:
        raise SettingsError(sentence("TIME_LIMITS: {part}: {problem}", part=part, problem=problem)) from None
    for stage in stages:
        longest = stage.run_limit if run_limit is None else run_limit
        if not 0 < time_limit <= longest:
            raise SettingsError(
                sentence(
                    "TIME_LIMITS: {part}: an attempt must be above 0 and at most the stage run's limit of "
                    "{longest}; to allow more, give both, such as {queue}={attempt}/{attempt}",
                    part=part,
                    longest=in_words(longest),
                    queue=queue,
                    attempt=attempt,
                )
            )
        stage.time_limit, stage.run_limit = time_limit, longest
