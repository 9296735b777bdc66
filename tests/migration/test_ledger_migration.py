"""From the first schema to the one with the ledger: what was paid before is kept, and old code goes on beside it."""

from contextlib import closing

import sqlalchemy as sa

from stagepass.store import SqlStore, connect, migrate
from tests.migration.test_schema import two  # noqa: F401  (a fixture)

JOB = "01a20182-35fb-7838-8a16-32eaee0a43aa"
OLD_ROW = (
    "INSERT INTO spends (run_id, job_id, attempt, provider, model, tokens_in, tokens_out, usd, at) "
    f"VALUES ('{JOB}.song', '{JOB}', 1, 'suno', 'v5', 1, 2, 0.5, 3)"
)
OLD_RUN = (
    "INSERT INTO stage_runs (id, job_id, pipeline, version, stage, queue, owner, state, priority, turn, due_at, "
    "attempts, crashes, created_at, scratch, progress) "
    f"VALUES ('{JOB}.song', '{JOB}', 'promo', 1, 'song', 'promo.song', 'kim', 'completed', 0, 0, 0, 1, 0, 1, '{{}}', 1)"
)


def test_payments_of_before_are_kept_and_old_code_can_still_write(two: tuple[str, str]) -> None:  # noqa: F811
    url, _ = two
    migrate.upgrade(url, "0001")
    engine = connect.engines(url)[0]
    with engine.begin() as db:
        db.execute(sa.text(OLD_RUN))
        db.execute(sa.text(OLD_ROW))
        db.execute(sa.text(OLD_ROW))
    migrate.upgrade(url)
    with engine.begin() as db:
        db.execute(sa.text(OLD_ROW))
    with closing(SqlStore(url)) as store:
        spends = store.spends(JOB)
        assert [(spend.usd, spend.queue, spend.key, spend.given_up) for spend in spends] == [
            (0.5, "promo.song", None, False),
            (0.5, "promo.song", None, False),
            (0.5, None, None, False),
        ]
        assert store.usual_spend("promo.song", 9) == [1.0]
    migrate.downgrade(url, "0001")
    with engine.begin() as db:
        assert db.scalar(sa.text("SELECT sum(usd) FROM spends")) == 1.5
    engine.dispose()
