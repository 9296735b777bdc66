"""Runs one attempt: fills the parameters, calls the stage's function, and says how it ended."""

import inspect
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog

from stagepass.declare.parameter import Parameter
from stagepass.declare.registry import Registry
from stagepass.declare.stage import Stage
from stagepass.engine.commit.claims import Claimed
from stagepass.engine.execute.calls import Calls
from stagepass.engine.execute.classify import classify, planned, trace_of
from stagepass.engine.execute.context import Context
from stagepass.engine.execute.lease import Lease
from stagepass.engine.execute.services import Services
from stagepass.engine.model import failpoints
from stagepass.engine.model.outcomes import (
    Busy,
    Cancel,
    Cancelled,
    Completed,
    Each,
    Failure,
    Held,
    LeaseLost,
    Outcome,
    RunOutcome,
    Skipped,
    Wait,
    Waiting,
)
from stagepass.errors import InvalidOutput, OutcomeUnknown, Permanent, StageError, StoreUnavailable, TimedOut
from stagepass.sentences import sentence
from stagepass.strict import Unfit, dumps

log = logging.getLogger("stagepass.runner")

MAX_OUTPUT = 1_000_000
"""Maximum size of a stage's output as JSON, in bytes; put larger values in a file."""

STORE_PAUSE = 1.0
"""Seconds after which a stage is begun again that could not ask the database."""


class Providers(Protocol):
    """Returns the configured provider of a port for a stage."""

    def get(self, port: type, stage: Stage) -> Any: ...


class LoopRunner(Protocol):
    """Runs a coroutine on the process's event loop and waits for its result."""

    def run(self, coroutine: Any, lease: Lease) -> Any: ...


class Runner:
    """Runs attempts in the calling thread."""

    def __init__(self, registry: Registry, services: Services, providers: Providers, loop: LoopRunner) -> None:
        self._registry = registry
        self._services = services
        self._providers = providers
        self._loop = loop

    def stage(self, claimed: Claimed) -> Stage | None:
        run = claimed.run
        return self._registry.stage(run.pipeline, run.version, run.stage)

    def run(self, claimed: Claimed, stage: Stage, lease: Lease) -> Outcome:
        """One attempt, of a run or of a batch. Never raises, except `LeaseLost`: then nothing is left to report."""
        calls: Calls | None = None
        try:
            if stage.batch is not None:
                return self._run_batch(claimed, stage, lease)
            ctx = self._context(claimed, stage, lease)
            calls = ctx._calls
            return self._run_one(claimed, stage, lease, ctx)
        except LeaseLost:
            raise
        except (Wait, Cancel) as planned:
            return _planned(planned, calls) or Cancelled()
        except Busy as busy:
            return _busy(busy, claimed, calls)
        except OutcomeUnknown as unknown:
            return Held(unknown)
        except StoreUnavailable as away:  # ours, not the stage's: it costs time, and no attempt
            return Waiting(STORE_PAUSE, str(away), emit=False)
        except Exception as problem:
            failure = Failure(classify(problem, stage.retry.on), trace_of(problem))
            if claimed.members and not failure.error.retryable:
                text = "%s: %s broke a batch of %d; each of its runs now runs alone\n%s"
                log.warning(text, stage.queue, type(problem).__name__, len(claimed.members) + 1, failure.trace)
            return failure if calls is None else calls.fail_with(problem, failure)
        except (SystemExit, KeyboardInterrupt, GeneratorExit) as problem:  # out of a stage, these are its bugs
            return Failure(classify(RuntimeError(type(problem).__name__)), trace_of(problem))

    def _context(self, claimed: Claimed, stage: Stage, lease: Lease) -> Context:
        run = claimed.run
        logger = structlog.get_logger("stagepass.stage").bind(job=run.job_id, stage=stage.queue, attempt=run.attempts)
        return Context(self._services, claimed, lease, logger, min(stage.time_limit, stage.run_limit))

    def _run_one(self, claimed: Claimed, stage: Stage, lease: Lease, ctx: Context) -> Outcome:
        run = claimed.run
        values = _Values(claimed, self._providers, stage, ctx)
        if stage.recover is not None:
            recover = stage.recover
            ctx._memos.recover = lambda name: recover(**values.for_hook(recover, name=name))
        failpoints.hit("body.before")
        if run.notes.cancelling:
            return self._cancel(stage, run.id, values)
        _check_time(lease)
        if stage.when is not None and not stage.when(**values.of(stage.when_parameters)):
            return Skipped()
        result = self._call(stage.body, values.of(stage.parameters), lease)
        outcome = _planned(result, ctx._calls) or _completed(stage, result)
        failpoints.hit("body.after")
        return outcome

    def _run_batch(self, claimed: Claimed, stage: Stage, lease: Lease) -> Outcome:
        """The stage's function is called once; what does not fit or is left out by `when` is not in its lists."""
        failpoints.hit("body.before")
        _check_time(lease)
        members = [_Values(one, self._providers, stage, None) for one in claimed.everyone()]
        outcomes: list[RunOutcome | None] = [None] * len(members)
        given: list[tuple[int, dict[str, Any]]] = []
        for number, values in enumerate(members):
            try:
                if stage.when is not None and not stage.when(**values.of(stage.when_parameters)):
                    outcomes[number] = Skipped()
                else:
                    given.append((number, values.of(stage.parameters)))
            except Exception as problem:
                outcomes[number] = Failure(classify(problem, stage.retry.on), trace_of(problem))
        if given:
            ports = {p.name for p in stage.parameters if p.source == "port"}
            lists = {
                p.name: given[0][1][p.name] if p.name in ports else [values[p.name] for _, values in given]
                for p in stage.parameters
            }
            result = self._call(stage.body, lists, lease)
            if isinstance(result, (Wait, Cancel)):
                return _planned(result, None) or Cancelled()
            if not isinstance(result, list) or len(result) != len(given):
                made = f"{len(result)} outputs" if isinstance(result, list) else type(result).__name__
                raise StageError(f"a batch of {len(given)} runs returned {made}; return a list with one output per run")
            for (number, _), value in zip(given, result, strict=True):
                outcomes[number] = _part(stage, value)
        failpoints.hit("body.after")
        return Each([outcome for outcome in outcomes if outcome is not None])

    def _call(self, body: Callable[..., Any], values: Mapping[str, Any], lease: Lease) -> Any:
        try:
            result = self._loop.run(body(**values), lease) if inspect.iscoroutinefunction(body) else body(**values)
        except BaseExceptionGroup as group:
            if found := planned(group):
                raise found from None
            raise
        if inspect.iscoroutine(result):
            result.close()
            raise Permanent("the stage returned a coroutine", advice="make its function async def, or await the call")
        return result

    def _cancel(self, stage: Stage, run_id: str, values: "_Values") -> Outcome:
        """Stop what was begun elsewhere. The job is cancelled whether or not that succeeds."""
        if stage.cancel is not None:
            memos = {memo.name: json.loads(memo.value) for memo in self._services.store.memos(run_id) if memo.value}
            try:
                stage.cancel(**values.for_hook(stage.cancel, memos=memos))
            except Exception as problem:
                log.warning("%s: on_cancel failed: %s", stage.queue, classify(problem).code)
        return Cancelled()


def _check_time(lease: Lease) -> None:
    if lease.remaining() <= 0:
        raise TimedOut(sentence("the attempt's time limit passed while it waited"))


def _completed(stage: Stage, result: Any) -> Completed:
    """Checks the output, and keeps it as JSON. Raises what is wrong with it."""
    try:
        text = dumps(stage.output, stage.output.validate_python(result))
    except Unfit as problem:
        raise InvalidOutput(sentence("the output cannot be kept: {problem}", problem=problem)) from None
    if (size := len(text.encode())) > MAX_OUTPUT:
        raise StageError(f"the output is {size} bytes; put what is large into ctx.files", advice="")
    return Completed(text)


def _part(stage: Stage, value: Any) -> RunOutcome:
    """One entry of what a batch gave: an output, or the error of that run alone."""
    try:
        if isinstance(value, Exception):
            raise value
        return _completed(stage, value)
    except Exception as problem:
        return Failure(classify(problem, stage.retry.on), trace_of(problem))


def _planned(result: Any, calls: Calls | None) -> Outcome | None:
    if isinstance(result, Wait):
        waiting = Waiting(result.seconds, result.saying, idle=result.idle, at_most=result.at_most)
        return waiting if calls is None else calls.end_with(waiting)
    if isinstance(result, Cancel):
        return Cancelled(result.reason)
    return None


def _busy(busy: Busy, claimed: Claimed, calls: Calls | None) -> Waiting:
    news = claimed.run.notes.busy != busy.reason
    waiting = Waiting(max(0.05, busy.wait), busy.reason, busy=busy.reason, idle=True)
    waiting.blocked_by = busy.provider if busy.closed else None
    waiting = waiting if calls is None else calls.end_with(waiting)
    waiting.emit = news
    return waiting


class _Values:
    """Finds each parameter's value."""

    def __init__(self, claimed: Claimed, providers: Providers, stage: Stage, ctx: Context | None) -> None:
        self._claimed = claimed
        self._providers = providers
        self._stage = stage
        self._ctx = ctx

    def of(self, parameters: tuple[Parameter, ...]) -> dict[str, Any]:
        return {parameter.name: self._value(parameter) for parameter in parameters}

    def for_hook(self, hook: Callable[..., Any], **extra: Any) -> dict[str, Any]:
        """The values of a hook's parameters: any parameter of its stage, and the hook's own."""
        names = inspect.signature(hook).parameters
        known = {parameter.name: parameter for parameter in self._stage.parameters}
        found = {"ctx": self._ctx, **extra}
        return {name: found[name] if name in found else self._value(known[name]) for name in names}

    def _value(self, parameter: Parameter) -> Any:
        match parameter.source:
            case "ctx":
                return self._ctx
            case "port":
                return self._providers.get(parameter.type, self._stage)
            case "request":
                return _read(parameter, self._claimed.job.input)
            case "item":
                return _read(parameter, self._claimed.run.item_input)
            case "stage":
                return self._output(parameter)
            case "own":
                ended = self._claimed.outputs[parameter.name]
                return _read(parameter, ended[self._claimed.run.item][0])

    def _output(self, parameter: Parameter) -> Any:
        ended = self._claimed.outputs.get(parameter.name, {})
        if not parameter.listed:
            return _read(parameter, ended.get(None, (None, None))[0] or "null")
        parent = next(stage for stage in self._stage.ancestors() if stage.name == parameter.name)
        items = [(number, *ended[number]) for number in sorted(number for number in ended if number is not None)]
        if parent.collect == "settled":
            parts = (_settled(number, output, error) for number, output, error in items)
        else:
            parts = (output for _, output, error in items if error is None and output is not None)
        return _read(parameter, f"[{','.join(parts)}]")


def _settled(number: int, output: str | None, error: dict[str, Any] | None) -> str:
    reason = json.dumps(error and {"code": error.get("code"), "message": error.get("message")})
    return f'{{"item":{number},"output":{output or "null"},"error":{reason}}}'


def _read(parameter: Parameter, text: str | None) -> Any:
    assert parameter.adapter is not None
    return parameter.adapter.validate_json("null" if text is None else text)
