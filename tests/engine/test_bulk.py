"""Many at once: the count and the price first, page by page, continued after a death, on every database."""

from collections.abc import Iterator

import pytest

from stagepass import Context, Permanent, Pipeline, Retry
from stagepass.engine.maintain import bulk as bulks
from stagepass.engine.maintain.bulk import BulkOperations
from stagepass.engine.model import failpoints
from stagepass.engine.model.actors import Act, Actor, Role
from stagepass.engine.model.bulk import Bulk, BulkAct, BulkState, Selection
from stagepass.engine.model.filters import AuditFilter
from stagepass.engine.model.states import JobState
from stagepass.errors import Conflict, InvalidInput, NotFound
from stagepass.store import SqlStore
from stagepass.testing import Crash, Lab
from tests.support.shapes import Word

OTTO = Actor("otto", Role.OPERATOR, "test", "credit is back")
COUNT = 45


@pytest.fixture
def lab(database_url: str, store: SqlStore) -> Iterator[Lab]:
    p = Pipeline("shop", input=Word)
    p.broken = True  # type: ignore[attr-defined]

    @p.stage(retry=Retry(0))
    def buy(ctx: Context, request: Word) -> Word:
        ctx.once("order", lambda: _paid(ctx))
        if p.broken and request.text != "good":  # type: ignore[attr-defined]
            raise Permanent("no credit")
        return request

    @p.stage(after=buy, retry=Retry(0))
    def send(ctx: Context, buy: Word) -> Word:
        ctx.spend(provider="mail", model="m", usd=0.5)
        return buy

    def _paid(ctx: Context) -> str:
        ctx.spend(provider="shop", model="m", usd=2.0)
        return "order"

    with Lab(p, database_url=database_url) as made:
        made.pipeline = p  # type: ignore[attr-defined]
        yield made


def fail(lab: Lab, count: int, **options: object) -> list[str]:
    ids = [lab.submit({"text": "bad"}, **options).id for _ in range(count)]
    while lab.step():
        pass
    lab.clock.advance(1)
    return ids


def operations(lab: Lab) -> BulkOperations:
    return BulkOperations(lab.store, lab.engine.committer, lab.registry, lab.clock)


def started(lab: Lab, act: BulkAct, selection: Selection = Selection(), **options: object) -> Bulk:
    at = operations(lab)
    found = at.estimate(act, selection)
    return at.start(act, selection, OTTO, found.total, found.usd, **options)  # type: ignore[arg-type]


def finish(lab: Lab, bulk: Bulk, by: BulkOperations | None = None) -> Bulk:
    by = by or operations(lab)
    while (now := by.get(bulk.id)).state is BulkState.RUNNING:
        by.look(sleep=lambda seconds: None)
    return now


def test_the_count_and_the_price_come_first(lab: Lab) -> None:
    lab.run({"text": "good"})
    fail(lab, COUNT)
    found = operations(lab).estimate(BulkAct.REDRIVE, Selection(pipeline="shop"))
    assert (found.total, found.priced, found.more) == (COUNT, COUNT, False)
    assert found.usd == 0.0, "the order is paid for, and is kept"
    assert found.later_usd == pytest.approx(0.5 * COUNT)
    assert found.kept_usd == pytest.approx(2.0 * COUNT)
    assert operations(lab).estimate(BulkAct.CANCEL, Selection()).usd is None
    assert operations(lab).estimate(BulkAct.REDRIVE, Selection(code="other")).total == 0
    assert lab.store.audit(AuditFilter()) == []


def test_the_price_of_many_is_the_average_of_some(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.run({"text": "good"})
    fail(lab, 20)
    monkeypatch.setattr(bulks, "PRICED", 5)
    found = operations(lab).estimate(BulkAct.REDRIVE, Selection())
    assert (found.total, found.priced) == (20, 5)
    assert found.later_usd == pytest.approx(0.5 * 20)


def test_all_are_redriven_and_each_act_is_recorded(lab: Lab) -> None:
    ids = fail(lab, COUNT)
    lab.pipeline.broken = False  # type: ignore[attr-defined]
    done = finish(lab, started(lab, BulkAct.REDRIVE, Selection(pipeline="shop")))
    assert (done.state, done.done, done.refused, done.total) == (BulkState.DONE, COUNT, 0, COUNT)
    entries = lab.store.audit(AuditFilter(bulk_id=done.id, limit=200))
    assert [entry.act for entry in entries[:-1]] == ["redrive"] * COUNT
    assert entries[-1].act == "bulk"
    assert {entry.job_id for entry in entries[:-1]} == set(ids)
    assert {(entry.by, entry.before["state"], entry.after["state"]) for entry in entries[:-1]} == {
        (OTTO, "failed", "ready")
    }
    while lab.step():
        pass
    assert {lab.job(job).state for job in ids} == {JobState.COMPLETED}


@pytest.mark.parametrize("at", ["bulk.before_commit", "bulk.after_commit"])
def test_after_a_death_another_relay_continues_and_none_is_done_twice(lab: Lab, at: str) -> None:
    ids = fail(lab, COUNT)
    bulk = started(lab, BulkAct.REDRIVE)
    dying, other = operations(lab), operations(lab)
    dying._page(bulk)
    lab.crash(at)
    with pytest.raises(Crash):
        dying._page(bulk)
    failpoints.disarm()
    assert other._page(bulk) is None
    left = other.get(bulk.id)
    assert left.done == (20 if at == "bulk.before_commit" else 40), "another still holds it"
    lab.clock.advance(bulks.HELD_FOR / 1000 + 1)
    assert finish(lab, bulk, other).done == COUNT
    for job in ids:
        assert lab.events(lab.job(job)).count("job.resumed") == 1


def test_what_is_in_no_state_for_it_is_refused_and_named(lab: Lab) -> None:
    failed, good = fail(lab, 3), lab.submit({"text": "good"})
    bulk = started(lab, BulkAct.CANCEL, Selection(states=(JobState.QUEUED,)))
    assert bulk.total == 1
    lab.finish(good)  # meanwhile it has ended: it does not fit any more
    assert finish(lab, bulk).done == 0
    lab.engine.resume(failed[0], None)
    tagged = finish(lab, started(lab, BulkAct.TAG, Selection(), tags={"seen": "yes"}))
    assert (tagged.done, tagged.refused) == (4, 0)
    assert lab.store.tags_of([good.id]) == {good.id: {"seen": "yes"}}
    full = {f"n{n}": "x" for n in range(20)}
    lab.engine.tag(good.id, None, {"seen": None, **full})
    refused = finish(lab, started(lab, BulkAct.TAG, Selection(), tags={"more": "x"}))
    assert (refused.done, refused.refused) == (3, 1)
    assert list(refused.refusals) == [good.id]
    assert "at most 20 tags" in refused.refusals[good.id]


def test_jobs_are_chosen_by_tag_owner_and_age_and_nothing_newer_is_touched(lab: Lab) -> None:
    fail(lab, 2, owner="kim", tags={"customer": "acme"})
    old = lab.clock.now()
    lab.clock.advance(3600)
    fail(lab, 3, owner="lee", tags={"customer": "acme"})
    fail(lab, 4, owner="lee")
    at = operations(lab)

    def count(**selection: object) -> int:
        return at.estimate(BulkAct.RESUME, Selection(**selection)).total  # type: ignore[arg-type]

    assert count() == 9
    assert count(tags=(("customer", "acme"),)) == 5
    assert count(owner="lee", tags=(("customer", None),)) == 3
    assert count(until=old) == 2
    assert count(since=old) == 7
    assert at.estimate(BulkAct.DISCARD, Selection(tags=(("customer", "acme"),), stage="buy")).total == 5
    bulk = started(lab, BulkAct.DISCARD, Selection(owner="kim"))
    lab.clock.advance(1)
    fail(lab, 1, owner="kim")
    assert finish(lab, bulk).done == 2


def test_it_can_be_stopped(lab: Lab) -> None:
    fail(lab, COUNT)
    bulk, at = started(lab, BulkAct.DISCARD), operations(lab)
    at._page(bulk)
    stopped = at.stop(bulk.id, Act("stop", OTTO))
    assert (stopped.state, stopped.done) == (BulkState.STOPPED, 20)
    at.look(sleep=lambda seconds: None)
    assert at.get(bulk.id).done == 20
    with pytest.raises(Conflict):
        at.stop(bulk.id, None)
    with pytest.raises(NotFound):
        at.get("nothing")


def test_wrong_choices_name_the_field(lab: Lab) -> None:
    at = operations(lab)
    for act, selection, field in [
        (BulkAct.CANCEL, Selection(states=(JobState.FAILED,)), "states"),
        (BulkAct.REDRIVE, Selection(states=(JobState.FAILED,)), "states"),
        (BulkAct.RESUME, Selection(stage="buy"), "stage"),
    ]:
        with pytest.raises(InvalidInput) as refused:
            at.estimate(act, selection)
        assert refused.value.field == field
    for act, tags in ((BulkAct.TAG, None), (BulkAct.CANCEL, {"a": "b"})):
        with pytest.raises(InvalidInput, match="act tag"):
            at.start(act, Selection(), OTTO, 0, None, tags=tags)
