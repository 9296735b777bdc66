"""The history checker finds what is wrong: each kind is planted once in a history that is sound."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.history import KINDS, Call, History, Kept, Noted, Planned, Told, check, counts, late_calls
from tests.chaos.promises import expected
from tests.chaos.shapes import Order

JOB = "j1"
ORDER = Order(number=1, text="a", diary="", shop=0)
ENDS = expected("line", ORDER)


def sound() -> History:
    """One job of `line`, as it should be."""
    types = [("job.accepted", "")]
    for stage in ("draft", "song", "clip"):
        types += [("stage.started", stage), ("stage.completed", stage)]
    events = [Noted(seq, type, run, 1) for seq, (type, run) in enumerate([*types, ("job.completed", "")], 1)]
    bought = [f"{JOB}.song", f"{JOB}.clip"]
    kept = Kept(JOB, "ada", "key-1", "completed", len(events), ENDS.output, events, bought)
    calls = [Call(JOB, stage, 1) for stage in ("draft", "song", "clip")]
    planned = Planned(1, "line", "ada", "key-1", ENDS)
    return History([planned], {1: Told({JOB})}, [kept], bought, calls)


def kept(history: History, **changes: Any) -> History:
    return replace(history, kept=[replace(history.kept[0], **changes)])


def events(history: History, change: Callable[[list[Noted]], list[Noted]]) -> History:
    """With other events, numbered anew."""
    changed = [replace(event, seq=seq) for seq, event in enumerate(change(list(history.kept[0].events)), 1)]
    return kept(history, events=changed, seq=len(changed))


def told(history: History, **changes: Any) -> History:
    return replace(history, told={1: replace(history.told[1], **changes)})


PLANTED: dict[str, Callable[[History], History]] = {
    "refused": lambda h: told(h, jobs=set()),
    "lost": lambda h: replace(h, kept=[], charges=[], calls=[]),
    "doubled": lambda h: replace(h, kept=[*h.kept, replace(h.kept[0], id="j2")], told={1: Told({JOB, "j2"})}),
    "stuck": lambda h: events(kept(h, state="running"), lambda e: e[:-1]),
    "wrong end": lambda h: told(h, cancel="accepted"),
    "wrong output": lambda h: kept(h, output={"text": "other"}),
    "charged twice": lambda h: replace(h, charges=[*h.charges, h.charges[0]]),
    "wrong bill": lambda h: replace(kept(h, spent=h.kept[0].spent[1:]), charges=h.charges[1:]),
    "not in our ledger": lambda h: kept(h, spent=h.kept[0].spent[1:]),
    "twice in our ledger": lambda h: kept(h, spent=[*h.kept[0].spent, h.kept[0].spent[0]]),
    "event gap": lambda h: kept(h, events=[event for event in h.kept[0].events if event.seq != 1]),
    "terminal events": lambda h: events(h, lambda e: [*e, e[-1]]),
    "out of order": lambda h: events(h, lambda e: [e[0], e[3], e[1], e[2], *e[4:]]),
    "run again": lambda h: events(h, lambda e: [*e[:3], e[1], *e[3:]]),
}


def test_a_sound_history_has_nothing_wrong() -> None:
    assert check(sound()) == []
    assert set(counts([]).values()) == {0}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_planted_is_found_and_nothing_else(kind: str) -> None:
    found = counts(check(PLANTED[kind](sound())))
    assert {name for name, count in found.items() if count} == {kind}


def test_a_gap_at_the_end_is_a_gap() -> None:
    history = kept(sound(), seq=9)
    assert [violation.kind for violation in check(history)] == ["event gap"]


def test_a_charge_for_an_unknown_job_and_for_an_unknown_purchase_are_found() -> None:
    history = sound()
    for charge in ("j9.song", f"{JOB}.draft"):
        assert [v.kind for v in check(replace(history, charges=[*history.charges, charge]))] == ["wrong bill"]


def test_a_completed_stage_that_is_called_in_a_newer_attempt_was_run_again() -> None:
    history = sound()
    again = replace(history, calls=[*history.calls, Call(JOB, "song", 2)])
    assert [violation.kind for violation in check(again)] == ["run again"]
    zombie = replace(history, calls=[*history.calls, Call(JOB, "song", 1)])
    assert check(zombie) == [], "a zombie's late call is not a new run; its writes are refused"


def test_a_cancelled_job_may_be_cancelled_and_is_still_charged_only_once() -> None:
    history = events(told(kept(sound(), state="cancelled", output=None), cancel="accepted"), lambda e: e[:4])
    history = events(history, lambda e: [*e, Noted(0, "job.cancelled")])
    history = kept(replace(history, charges=[f"{JOB}.song"]), spent=[])
    history = replace(history, calls=history.calls[:2])
    assert check(history) == []
    twice = replace(history, charges=[f"{JOB}.song"] * 2)
    assert [violation.kind for violation in check(twice)] == ["charged twice"]


def test_calls_of_an_older_attempt_after_a_newer_one_are_counted() -> None:
    calls = [Call(JOB, "song", 1), Call(JOB, "song", 2), Call(JOB, "song", 1)]
    assert late_calls(replace(sound(), calls=calls)) == 1
