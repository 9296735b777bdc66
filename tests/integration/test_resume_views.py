"""The nouns of resume can be asked for in SQL, on every database; calls are kept and forgotten there."""

from pathlib import Path

import sqlalchemy as sa

from stagepass.declare.registry import Registry
from stagepass.pipelines.resume.pipeline import resume
from stagepass.pipelines.views import views
from stagepass.providers.local.text import LocalTextModel
from stagepass.providers.ports import TextModel
from stagepass.store import SqlStore, connect, migrate
from stagepass.testing import Lab
from tests.support.resume import ONE_LINE


def test_profiles_questions_and_paths_are_views(store: SqlStore, database_url: str, tmp_path: Path) -> None:
    statements = views(Registry([resume]), connect.parse(database_url).get_backend_name())
    migrate.make_views(database_url, statements)
    with Lab(resume, {TextModel: LocalTextModel()}, folder=tmp_path, database_url=database_url) as lab:
        job = lab.run({"resume_text": ONE_LINE, "session_id": "s-1"})
        assert lab.job(job).state == "completed"
    engine = sa.create_engine(connect.parse(database_url))
    with engine.connect() as db:

        def rows(view: str) -> list[dict[str, object]]:
            return [dict(row) for row in db.execute(sa.text(f"SELECT * FROM {view}")).mappings()]

        (profile,) = rows("resume_profiles")
        assert (profile["id"], profile["session_id"], profile["role"]) == (job.id, "s-1", "백엔드 개발자")
        assert profile["resume_text"] == ONE_LINE
        assert sorted(str(row["difficulty"]) for row in rows("interview_questions")) == sorted(
            ["초급", "중급", "중급", "고급", "고급"]
        )
        assert [int(str(row["position"])) for row in rows("learning_paths")] == [0, 1, 2, 3]
    with engine.begin() as db:
        for name in statements:
            db.execute(sa.text(f"DROP VIEW {name}"))
    engine.dispose()


def test_calls_are_forgotten_by_session_by_job_and_by_age(store: SqlStore) -> None:
    row = {
        "at": 5,
        "endpoint": "/a",
        "method": "GET",
        "session_id": "s",
        "client_ip": "",
        "response_ms": 1,
        "status": 200,
    }
    extra = {"error": None, "job_id": None, "model_ms": None, "tokens": None, "owner": "kim"}
    changed = [
        {},
        {"session_id": "t", "job_id": "j"},
        {"session_id": "u", "at": 1},
        {"session_id": "v"},
        {"owner": "lee"},
        {"owner": "park"},
    ]
    store.note_calls([{**row, **extra, **change} for change in changed])
    store.forget_calls(owner="kim", session="s")
    store.forget_calls(owner="park")
    store.forget_calls(job_id="j")
    store.forget_calls(before=3)
    with store._reads.connect() as db:
        left = db.execute(sa.text("SELECT owner, session_id FROM api_metrics ORDER BY id")).all()
    assert [tuple(row) for row in left] == [("kim", "v"), ("lee", "s")]
