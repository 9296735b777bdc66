"""The schema that migrations make is the one that `tables.py` declares, on every database."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from stagepass.errors import SettingsError
from stagepass.store import SqlStore, connect, migrate
from tests.support.databases import KINDS, new_database

UPGRADE = "import sys; from stagepass.store import migrate; sys.stdin.readline(); migrate.upgrade(sys.argv[1])"


@pytest.fixture(params=KINDS)
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Two empty databases of one kind."""
    with (
        new_database(request.param, tmp_path, schema=False) as one,
        new_database(request.param, tmp_path, schema=False) as other,
    ):
        yield one, other


def written_down(url: str) -> list[str]:
    """The schema in the database's own words, without the table of versions."""
    engine = connect.engines(url)[1]
    with engine.connect() as connection:
        match engine.dialect.name:
            case "sqlite":
                # the text of a table tells where its columns were added
                query = (
                    "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL UNION ALL "
                    "SELECT m.name, m.name || c.cid || ' ' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || c.pk "
                    "FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' UNION ALL "
                    "SELECT m.name, m.name || ' ' || i.origin || i.\"unique\" || k.seqno || k.name "
                    "FROM sqlite_master m, pragma_index_list(m.name) i, pragma_index_info(i.name) k "
                    "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
                )
            case "postgresql":
                query = (
                    "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL "
                    "SELECT table_name, concat_ws(' ', ordinal_position, column_name, data_type, is_nullable, "
                    "character_maximum_length, column_default) FROM information_schema.columns "
                    "WHERE table_schema = 'public'"
                )
            case _:
                tables = sa.inspect(connection).get_table_names()
                query = " UNION ALL ".join(f"SELECT '{name}', 0" for name in tables)
        found = [(name, text) for name, text in connection.execute(sa.text(query)) if name != migrate.VERSION_TABLE]
        if engine.dialect.name == "mysql":
            made = {name: connection.execute(sa.text(f"SHOW CREATE TABLE {name}")).one()[1] for name, _ in found}
            # keys stand in the order of their making, which means nothing
            found = [(name, f"{name} {line.rstrip(',')}") for name, text in made.items() for line in text.split("\n")]
    engine.dispose()
    return sorted(" ".join(str(text).split()) for _, text in found)


def test_migrations_make_the_schema_of_the_tables(two: tuple[str, str]) -> None:
    migrated, declared = two
    migrate.upgrade(migrated)
    with closing(SqlStore(declared)) as store:
        store.create_all()
    assert written_down(migrated) == written_down(declared)
    assert migrate.check(migrated) == []
    with closing(SqlStore(migrated)) as store:
        store.check()


def test_down_and_up_again(two: tuple[str, str]) -> None:
    url, _ = two
    assert migrate.current(url) is None
    migrate.upgrade(url)
    before = written_down(url)
    migrate.downgrade(url, "base")
    assert written_down(url) == []
    assert not migrate.is_current(url)
    migrate.upgrade(url)
    assert written_down(url) == before
    assert migrate.current(url) == migrate.head()


def test_processes_that_upgrade_at_once_do_not_collide(two: tuple[str, str]) -> None:
    url, _ = two
    found = [
        subprocess.Popen([sys.executable, "-c", UPGRADE, url], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in found:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [(process.communicate()[1], process.returncode) for process in found] == [("", 0)] * 2
    assert migrate.check(url) == []


def test_differences_are_told(two: tuple[str, str]) -> None:
    url, _ = two
    migrate.upgrade(url)
    engine = connect.engines(url)[1]
    on = " ON stage_runs" if engine.dialect.name == "mysql" else ""
    with engine.connect() as connection:
        for change in (
            f"DROP INDEX ix_stage_runs_due{on}",
            f"DROP INDEX ix_stage_runs_next{on}",
            "CREATE INDEX ix_stage_runs_next ON stage_runs (queue, state)",
            "ALTER TABLE jobs ADD COLUMN colour INTEGER",
            "DROP TABLE spends",
        ):
            connection.execute(sa.text(change))
        connection.commit()
    engine.dispose()
    text = "\n".join(migrate.check(url))
    for name in ("ix_stage_runs_due", "ix_stage_runs_next", "jobs.colour", "spends"):
        assert name in text
    with closing(SqlStore(url)) as store, pytest.raises(SettingsError, match="the tables spends"):
        store.check()


def test_a_newer_database_is_left_alone(two: tuple[str, str]) -> None:
    url, _ = two
    migrate.upgrade(url)
    engine = connect.engines(url)[0]
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(SettingsError, match="newer than this Stagepass"):
        migrate.upgrade(url)


def test_tables_of_somebody_else_are_left_alone(two: tuple[str, str]) -> None:
    url, _ = two
    engine = connect.engines(url)[0]
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE jobs (id INTEGER)"))
    engine.dispose()
    with pytest.raises(SettingsError, match="its own database"):
        migrate.upgrade(url)


def test_the_history_is_one_line_of_numbers() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.head()]
