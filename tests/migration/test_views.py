"""The nouns of promo can be asked for in SQL, on every database."""

from pathlib import Path

import sqlalchemy as sa

from stagepass.declare.registry import Registry
from stagepass.pipelines.promo.pipeline import promo
from stagepass.pipelines.views import views
from stagepass.providers.ports import ClipMaker, SongMaker, TextModel
from stagepass.store import SqlStore, connect, migrate
from stagepass.testing import Lab
from tests.support.ledger import Book, LedgerClip, LedgerSong, LedgerText

INPUT = {"customer_name": "머뭄", "region": "군산"}


def test_projects_lyrics_songs_and_videos_are_views(store: SqlStore, database_url: str, tmp_path: Path) -> None:
    statements = views(Registry([promo]), connect.parse(database_url).get_backend_name())
    migrate.make_views(database_url, statements)
    migrate.make_views(database_url, statements)  # again, as at each start
    book = Book(tmp_path / "ledger")
    makers = {TextModel: LedgerText(book), SongMaker: LedgerSong(book), ClipMaker: LedgerClip(book)}
    with Lab(promo, makers, folder=tmp_path, database_url=database_url) as lab:
        job = lab.run(INPUT)
        assert job.state == "completed"
    engine = sa.create_engine(connect.parse(database_url))
    with engine.connect() as db:

        def rows(view: str) -> list[dict[str, object]]:
            return [dict(row) for row in db.execute(sa.text(f"SELECT * FROM {view}")).mappings()]

        assert rows("promo_project")[0]["customer_name"] == "머뭄"
        assert rows("promo_project")[0]["task_id"] == job.id
        assert rows("promo_image") == []
        assert str(rows("promo_lyric")[0]["result"]).startswith("[Verse]")
        song = rows("promo_song")[0]
        assert (song["status"], song["duration"]) == ("completed", 30.0)
        assert len(str(song["remote_id"])) == 16
        assert [(row["line"], row["start_s"]) for row in rows("promo_song_timestamp")] == [
            ("군산 바다 곁에 작은 방 하나", 1.0)
        ]
        assert rows("promo_video")[0]["width"] == 1080
    with engine.begin() as db:
        for name in statements:
            db.execute(sa.text(f"DROP VIEW {name}"))
    engine.dispose()
