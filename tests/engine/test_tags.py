"""Tags: given at submit and later, inherited, found again, bounded; on every database."""

from typing import Any

import pytest
import sqlalchemy as sa

from stagepass import Context, Pipeline
from stagepass.declare.tags import MOST, read_tags
from stagepass.engine.model.filters import JobFilter
from stagepass.errors import DeclarationError, InvalidInput
from stagepass.store import SqlStore
from stagepass.testing import Lab
from tests.support.shapes import Word, chain


def tagged(lab: Lab, *tags: tuple[str, str | None], **more: Any) -> list[str]:
    return [job.id for job in lab.store.jobs(JobFilter(None, tags=tags, **more))]


def test_a_job_has_the_tags_of_its_pipeline_and_those_it_was_given(database_url: str, store: SqlStore) -> None:
    p = Pipeline("shop", input=Word, tags=lambda word: {"text": word.text, "release": "7"})

    @p.stage()
    def only(request: Word) -> Word:
        return request

    with Lab(p, database_url=database_url) as lab:
        one = lab.submit({"text": "a"}, tags={"customer": "acme", "release": "8"})
        two = lab.submit({"text": "b"}, tags={"customer": "acme  gmbh\u200b "})
        assert lab.store.tags_of([one.id, two.id]) == {
            one.id: {"customer": "acme", "release": "8", "text": "a"},
            two.id: {"customer": "acme gmbh", "release": "7", "text": "b"},
        }
        assert tagged(lab, ("customer", "acme")) == [one.id]
        assert tagged(lab, ("customer", None)) == [two.id, one.id]
        assert tagged(lab, ("customer", None), ("text", "b")) == [two.id]
        assert tagged(lab, ("customer", "ACME")) == []
        assert tagged(lab, ("customer", None), limit=1, before=two.id) == [one.id]


def test_the_same_key_with_other_tags_is_the_same_job() -> None:
    with Lab(chain()) as lab:
        one = lab.submit({"text": "a"}, key="k", tags={"a": "1"})
        two = lab.submit({"text": "a"}, key="k", tags={"a": "2"})
        assert (one.id, lab.store.tags_of([one.id])) == (two.id, {one.id: {"a": "1"}})


def test_jobs_that_a_stage_starts_have_its_tags(database_url: str, store: SqlStore) -> None:
    inner = chain("inner")
    inner.tags = {"part": "inner"}
    outer = Pipeline("outer", input=Word)

    @outer.stage()
    def only(ctx: Context, request: Word) -> Word:
        ctx.start("inner", {"text": "started"}, key="s")
        ctx.run("inner", {"text": "run"})
        return request

    with Lab([outer, inner], database_url=database_url) as lab:
        job = lab.run({"text": "a"}, tags={"customer": "acme"})
        assert job.state == "completed"
        assert len(tagged(lab, ("customer", "acme"), ("part", "inner"))) == 2


def test_a_schedule_gives_its_tags() -> None:
    p = chain()
    made = p.schedule("0 9 * * *", input={"text": "a"}, tags={"source": "cron"})
    assert made.tags == {"source": "cron"}
    with pytest.raises(DeclarationError, match="lower-case"):
        p.schedule("0 9 * * *", input={"text": "a"}, name="x", tags={"Source": "cron"})


def test_tags_are_changed_one_by_one(database_url: str, store: SqlStore) -> None:
    with Lab(chain(), database_url=database_url) as lab:
        job = lab.submit({"text": "a"}, tags={"a": "1", "b": "2"})
        lab.engine.tag(job.id, None, {"b": None, "c": "3", "never": None})
        assert lab.store.tags_of([job.id]) == {job.id: {"a": "1", "c": "3"}}
        with pytest.raises(InvalidInput, match="at most 20"):
            lab.engine.tag(job.id, None, {f"n{n}": "x" for n in range(MOST - 1)})
        assert len(lab.store.tags_of([job.id])[job.id]) == 2


def test_they_go_with_the_job(database_url: str, store: SqlStore) -> None:
    with Lab(chain(), database_url=database_url) as lab:
        job = lab.submit({"text": "a"}, tags={"a": "1"})
        lab.store.delete_jobs([job.id])
        assert lab.store.tags_of([job.id]) == {}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"Customer": "x"}, "lower-case letters and digits"),
        ({"a b": "x"}, "lower-case letters and digits"),
        ({"x" * 61: "x"}, "lower-case letters and digits"),
        ({"a\n": "x"}, "lower-case letters and digits"),
        ({"a": ""}, "needs a text of 1 to 200"),
        ({"a": "\u200b \n"}, "needs a text of 1 to 200"),
        ({"a": "x" * 201}, "needs a text of 1 to 200"),
        ({"a": 5}, "needs a text of 1 to 200"),
        ({"a": "\ud800"}, "needs a text of 1 to 200"),
        ({"api_key": "x"}, "it holds no secret"),
        ({"db.password": "x"}, "it holds no secret"),
        ({f"n{n}": "x" for n in range(21)}, "at most 20 tags"),
        (["a"], "write a tag as name=value"),
        (["a=1", "a=2"], "given twice"),
    ],
)
def test_what_is_no_tag_is_refused_by_name(given: Any, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as refused:
        read_tags(given)
    assert str(refused.value.field).startswith("tags")


def test_looking_for_a_tag_reads_no_history(database_url: str, store: SqlStore) -> None:
    if store.dialect == "mysql":
        pytest.skip("MariaDB's plans have no words for it")
    from stagepass.store.selecting import matching
    from stagepass.store.tables import jobs

    query = sa.select(jobs.c.id).where(*matching(JobFilter(None, tags=(("customer", "acme"),))))
    query = query.order_by(jobs.c.id.desc()).limit(50)
    explain = "EXPLAIN QUERY PLAN " if store.dialect == "sqlite" else "EXPLAIN "
    with store._reads.connect() as db:
        if store.dialect == "postgresql":
            db.exec_driver_sql("SET LOCAL enable_seqscan = off")
        text = str(query.compile(db, compile_kwargs={"literal_binds": True}))
        plan = "\n".join(str(row) for row in db.exec_driver_sql(explain + text))
    assert "ix_job_tags_value" in plan or "job_tags_pkey" in plan or "sqlite_autoindex_job_tags_1" in plan, plan
    assert "Seq Scan" not in plan, plan
