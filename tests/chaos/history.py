"""The history checker: what every submitted job was promised, beside what came of it.

It believes nobody: not the clients' word (`Told`), not our own records (`Kept`), not the vendor's
invoice, not the stages' diary. Each check compares two of them.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from tests.chaos.promises import Expected

K = TypeVar("K")
V = TypeVar("V")

ENDED = ("completed", "failed", "cancelled")

KINDS = {
    "refused": "never accepted, although the client asked to the end",
    "lost": "accepted, and not known",
    "doubled": "two jobs for one idempotency key",
    "stuck": "not ended by the deadline",
    "wrong end": "completed, failed or cancelled against its shape or its owner's word",
    "wrong output": "not the output of an undisturbed run",
    "charged twice": "more than one charge for one purchase",
    "wrong bill": "a charge missing, or one that nobody ordered",
    "not in our ledger": "charged, and not noted as spent",
    "twice in our ledger": "noted as spent more often than it was charged",
    "event gap": "the numbers of its events are not 1, 2, 3 …",
    "terminal events": "not exactly one, at the end",
    "out of order": "a stage began before what it comes after was done",
    "run again": "a finished stage was run again",
}
"""What can be wrong with a job."""


@dataclass(frozen=True)
class Planned:
    """A job that clients submit, and what it must come to."""

    number: int
    pipeline: str
    owner: str
    key: str
    expected: Expected
    cancels: bool = False


@dataclass
class Told:
    """What the clients of one job were answered."""

    jobs: set[str] = field(default_factory=set)
    """The ids that a 2xx brought."""
    cancel: str = ""
    """``accepted``, ``refused`` (the job had ended), or ``unknown`` where an answer was lost."""


@dataclass(frozen=True)
class Noted:
    """An event, as far as it is checked."""

    seq: int
    type: str
    run: str = ""
    """``stage`` or ``stage.item``."""
    attempt: int = 0


@dataclass(frozen=True)
class Kept:
    """A job as our store knows it at the end."""

    id: str
    owner: str
    key: str
    state: str
    seq: int
    output: object
    events: Sequence[Noted]
    spent: Sequence[str] = ()
    """The references of what was noted as spent."""


@dataclass(frozen=True)
class Call:
    """A call of a stage's function, from the diary."""

    job: str
    run: str
    attempt: int


@dataclass(frozen=True)
class Violation:
    kind: str
    number: int
    job: str
    text: str


@dataclass(frozen=True)
class History:
    """All that is known of a run. `charges` are references: ``job.stage`` or ``job.stage.item``."""

    planned: Sequence[Planned]
    told: dict[int, Told]
    kept: Sequence[Kept]
    charges: Sequence[str]
    calls: Sequence[Call] = ()

    @cached_property
    def by_key(self) -> dict[tuple[str, str], list[Kept]]:
        return _grouped(self.kept, lambda kept: (kept.owner, kept.key))

    @cached_property
    def charged(self) -> dict[str, Counter[str]]:
        """By job: how often each stage run was charged."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for reference in self.charges:
            job, _, run = reference.partition(".")
            found[job][run] += 1
        return found

    @cached_property
    def called(self) -> dict[str, list[Call]]:
        return _grouped(self.calls, lambda call: call.job)


def check(history: History) -> list[Violation]:
    """Everything that is wrong."""
    found: list[Violation] = []
    for planned in history.planned:
        found += _check_promise(history, planned)
        for kept in history.by_key.get((planned.owner, planned.key), [])[:1]:
            for kind, text in _check_job(history, planned, kept):
                found.append(Violation(kind, planned.number, kept.id, text))
    known = {kept.id for kept in history.kept}
    for job in history.charged.keys() - known:
        found.append(Violation("wrong bill", 0, job, "a charge for a job that is not known"))
    return found


def counts(violations: Iterable[Violation]) -> dict[str, int]:
    """How many jobs of each kind; kinds without any included."""
    jobs = {(violation.kind, violation.number, violation.job) for violation in violations}
    counted = Counter(kind for kind, _, _ in jobs)
    return {kind: counted[kind] for kind in KINDS}


def late_calls(history: History) -> int:
    """Calls of a stage that an older attempt made after a newer one had begun: zombies, whose writes are refused."""
    newest: Counter[tuple[str, str]] = Counter()
    late = 0
    for call in history.calls:
        late += call.attempt < newest[call.job, call.run]
        newest[call.job, call.run] = max(newest[call.job, call.run], call.attempt)
    return late


# ── between the client and us ──


def _check_promise(history: History, planned: Planned) -> Iterator[Violation]:
    told = history.told.get(planned.number, Told())
    kept = history.by_key.get((planned.owner, planned.key), [])
    ids = {job.id for job in kept}
    if not told.jobs:
        yield Violation("refused", planned.number, "", "no 2xx")
    for job in sorted(told.jobs - ids):
        yield Violation("lost", planned.number, job, "accepted, and not known")
    if len(told.jobs) > 1 or len(kept) > 1:
        yield Violation("doubled", planned.number, min(told.jobs | ids), f"{len(told.jobs | ids)} jobs for one key")


# ── one job ──


def _check_job(history: History, planned: Planned, kept: Kept) -> Iterator[tuple[str, str]]:
    told = history.told.get(planned.number, Told())
    yield from _check_end(planned, told, kept)
    yield from _check_bill(planned, kept, history.charged.get(kept.id, Counter()))
    yield from _check_events(planned, kept)
    yield from _check_calls(kept, history.called.get(kept.id, []))


def _check_end(planned: Planned, told: Told, kept: Kept) -> Iterator[tuple[str, str]]:
    if kept.state not in ENDED:
        yield "stuck", f"it is {kept.state}"
        return
    may_be = {planned.expected.state}
    if told.cancel == "accepted":
        may_be = {"cancelled"}
    elif told.cancel == "unknown":
        may_be.add("cancelled")
    if kept.state not in may_be:
        yield "wrong end", f"{kept.state} instead of {' or '.join(sorted(may_be))}"
    if kept.state == "completed" and kept.output != planned.expected.output:
        yield "wrong output", f"{str(kept.output)[:200]}"


def _check_bill(planned: Planned, kept: Kept, charged: Counter[str]) -> Iterator[tuple[str, str]]:
    for run, times in charged.items():
        if times > 1:
            yield "charged twice", f"{run}: {times} charges"
        if run not in planned.expected.bought:
            yield "wrong bill", f"{run} is not bought in this shape"
    noted = Counter(reference.partition(".")[2] for reference in kept.spent)
    for run, times in noted.items():
        if times > charged[run]:
            yield "twice in our ledger", f"{run}: spent {times} times, charged {charged[run]} times"
    if kept.state in ("completed", "failed"):  # a cancelled job may have been stopped between the charge and its note
        for run in planned.expected.bought:
            if not charged[run]:
                yield "wrong bill", f"{run} was never charged"
            elif not noted[run]:
                yield "not in our ledger", f"{run} was charged"


def _check_events(planned: Planned, kept: Kept) -> Iterator[tuple[str, str]]:
    numbers = [event.seq for event in kept.events]
    if numbers != list(range(1, kept.seq + 1)):
        missing = sorted(set(range(1, kept.seq + 1)) - set(numbers))
        yield "event gap", f"missing {missing[:10]} of {kept.seq}"
    terminal = [event for event in kept.events if event.type in {f"job.{state}" for state in ENDED}]
    if kept.state in ENDED and [event.type for event in terminal] != [f"job.{kept.state}"]:
        yield "terminal events", ", ".join(event.type for event in terminal) or "none"
    elif terminal and terminal[0] is not kept.events[-1]:
        yield "terminal events", f"{kept.events[-1].type} comes after the end"
    yield from _check_order(planned, kept)


def _check_order(planned: Planned, kept: Kept) -> Iterator[tuple[str, str]]:
    group_of = {run: number for number, group in enumerate(planned.expected.stages) for run in group}
    done: Counter[str] = Counter()
    for event in kept.events:
        if event.type == "stage.started":
            before = planned.expected.stages[: group_of.get(event.run, 0)]
            if open_runs := [run for group in before for run in group if not done[run]]:
                yield "out of order", f"{event.run} began before {open_runs[0]} was done"
            if done[event.run]:
                yield "run again", f"{event.run} began again after it was done"
        elif event.type in ("stage.completed", "stage.skipped"):
            done[event.run] += 1
            if done[event.run] == 2:
                yield "run again", f"{event.run} was completed twice"


def _check_calls(kept: Kept, calls: Sequence[Call]) -> Iterator[tuple[str, str]]:
    """A call of an attempt that our events do not know of, or that is newer than the one that completed the run."""
    last: dict[str, int] = defaultdict(int)
    for event in kept.events:
        if event.type == "stage.started":
            last[event.run] = max(last[event.run], event.attempt)
    for call in calls:
        if call.attempt > last[call.run]:
            yield "run again", f"{call.run} was called in attempt {call.attempt}, of which there is no event"


def _grouped(values: Iterable[V], key: Callable[[V], K]) -> dict[K, list[V]]:
    found: dict[K, list[V]] = defaultdict(list)
    for value in values:
        found[key(value)].append(value)
    return found
