"""What operators set at run time: pauses, limits, closed providers. SQL keeps it, and Redis has a copy of what calls ask."""

import difflib
import re
from collections.abc import Iterable, Sequence

from stagepass.declare.registry import Registry
from stagepass.engine.commit.committer import Committer
from stagepass.engine.commit.controlling import LiftControl, NoteAct, SetControl
from stagepass.engine.commit.operations import OnRuns
from stagepass.engine.model.actors import act_of, current_actor
from stagepass.engine.model.controls import EVERYTHING, Pause, RuntimeLimit, Scope
from stagepass.engine.model.ids import job_of
from stagepass.engine.model.limits import BY_OPERATOR, Limit, ProviderLimits
from stagepass.engine.model.ports import Bell
from stagepass.engine.model.store import Store
from stagepass.engine.rules import attempt
from stagepass.errors import InvalidInput, NotFound, Unavailable
from stagepass.sentences import sentence

_PROVIDER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,58}[A-Za-z0-9])?")

LARGEST = 1_000_000
"""Of a limit's numbers."""


class OperatorControls:
    """The acts of an operator, and the relay's copy of what calls to providers obey."""

    def __init__(
        self, store: Store, committer: Committer, registry: Registry, bell: Bell, provider_limits: ProviderLimits
    ) -> None:
        self._store = store
        self._committer = committer
        self._registry = registry
        self._bell = bell
        self._provider_limits = provider_limits

    # ── acts ──

    def pause(self, scope: Scope, name: str) -> Pause:
        """Start nothing more of this; what runs continues. Raises `NotFound`, `InvalidInput`."""
        self._check(scope, name)
        pause: Pause = self._committer.do(SetControl(Pause(scope, name, 0, *_actor()), act_of("pause")))
        if scope is Scope.PROVIDER:
            self._provider_limits.close_by_hand(name)
        return pause

    def resume(self, scope: Scope, name: str) -> Pause:
        """Start what was paused, at once. Raises `NotFound` when it is not paused."""
        pause: Pause = self._committer.do(LiftControl(Pause(scope, name, 0, ""), act_of("resume")))
        if scope is Scope.PROVIDER:
            self._wake(self._provider_limits.open(name))
        self._ring(pause.scope, pause.name)
        return pause

    def open_provider(self, name: str) -> None:
        """Let calls be made again, whatever closed the provider. Raises `NotFound` when it is not closed."""
        closed = any(breaker.provider == name for breaker in self._provider_limits.breakers())
        if any(pause.scope is Scope.PROVIDER and pause.name == name for pause in self._store.pauses()):
            self.resume(Scope.PROVIDER, name)
        elif closed:
            if (act := act_of("open")) is not None:
                self._committer.do(NoteAct(act, f"provider:{name}"))
            self._wake(self._provider_limits.open(name))
        else:
            raise NotFound(sentence("the provider {name} is not closed", name=name), name=name)

    def limit(self, scope: Scope, name: str, limit: Limit) -> RuntimeLimit:
        """Limit a provider's calls, or the stage runs of a queue that run at the same time.

        Raises:
            NotFound, InvalidInput.
        """
        self._check(scope, name)
        _check_limit(scope, limit)
        given = RuntimeLimit(scope, name, limit, 0, *_actor())
        kept: RuntimeLimit = self._committer.do(SetControl(given, act_of("limit")))
        if scope is Scope.PROVIDER:
            self._wake(self._provider_limits.override(name, limit))
        self._ring(scope, name)
        return kept

    def reset_limit(self, scope: Scope, name: str) -> RuntimeLimit:
        """Use the limit of the settings again. Raises `NotFound` when none was set."""
        lifted: RuntimeLimit = self._committer.do(
            LiftControl(RuntimeLimit(scope, name, Limit(), 0, ""), act_of("limit"))
        )
        if scope is Scope.PROVIDER:
            self._wake(self._provider_limits.override(name, None))
        self._ring(scope, name)
        return lifted

    # ── the relay's part ──

    def copy(self) -> None:
        """Bring Redis to what SQL says, as after Redis was emptied or did not answer to an operator."""
        try:
            self._copy_limits(
                {one.name: one.limit for one in self._store.runtime_limits() if one.scope is Scope.PROVIDER}
            )
            self._copy_closed({pause.name for pause in self._store.pauses() if pause.scope is Scope.PROVIDER})
        except Unavailable:  # the next look is soon
            return

    def _copy_limits(self, wanted: dict[str, Limit]) -> None:
        there = self._provider_limits.overrides()
        for name in wanted.keys() | there.keys():
            if wanted.get(name) != there.get(name):
                self._wake(self._provider_limits.override(name, wanted.get(name)))

    def _copy_closed(self, wanted: set[str]) -> None:
        there = {one.provider for one in self._provider_limits.breakers() if one.reason == BY_OPERATOR}
        for name in wanted - there:
            self._provider_limits.close_by_hand(name)
        for name in there - wanted:
            self._wake(self._provider_limits.open(name))

    # ── the parts ──

    def _check(self, scope: Scope, name: str) -> None:
        known: Iterable[str] = ()
        match scope:
            case Scope.ALL:
                known = (EVERYTHING,)
            case Scope.PIPELINE:
                known = {pipeline.name for pipeline in self._registry}
            case Scope.QUEUE:
                known = self._registry.queues()
            case Scope.OWNER if 1 <= len(name) <= 200 and name.isprintable():
                return
            case Scope.PROVIDER if _PROVIDER.fullmatch(name):
                return
        if name not in known:
            near = difflib.get_close_matches(name, list(known), 1)
            raise NotFound(
                sentence("there is no {scope} {name}; did you mean {near}?", scope=scope.value, name=name, near=near[0])
                if near
                else sentence("there is no {scope} {name}", scope=scope.value, name=name),
                name=name,
            )

    def _ring(self, scope: Scope, name: str) -> None:
        """Wake workers for what may start now."""
        for queue in self._registry.queues():
            if scope in (Scope.ALL, Scope.OWNER) or name in (queue, queue.partition(".")[0]):
                self._bell.ring(queue)

    def _wake(self, runs: Sequence[str]) -> None:
        """Let these waiting runs ask the provider again."""
        if runs:
            self._committer.do(OnRuns([(run, job_of(run)) for run in runs], attempt.wake, skip_locked=True))


def _actor() -> tuple[str, str | None]:
    """Who acts, and why."""
    actor = current_actor()
    return (actor.name, actor.why) if actor else ("", None)


def _check_limit(scope: Scope, limit: Limit) -> None:
    numbers = {"concurrency": limit.concurrency, "rate": limit.rate}
    for field, value in numbers.items():
        if value is not None and not 1 <= value <= LARGEST:
            raise InvalidInput(sentence("{field} must be 1 to {most}", field=field, most=LARGEST), field=field)
    if not any(numbers.values()):
        raise InvalidInput(sentence("give concurrency, or rate with per_seconds"), field="concurrency")
    if not 0.001 <= limit.per <= 86_400:
        raise InvalidInput(
            sentence("{field} must be 0.001 to {most}", field="per_seconds", most=86_400), field="per_seconds"
        )
    if scope is Scope.QUEUE and limit.rate is not None:
        raise InvalidInput(sentence("a queue has no rate; give concurrency only"), field="rate")
