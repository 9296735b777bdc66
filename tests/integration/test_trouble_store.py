"""A database that says no, falls silent or is cut, seen from the store and the committer."""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pymysql
import pytest
import sqlalchemy as sa

from stagepass.engine.commit.call_operations import Intend, Remember, Spent
from stagepass.engine.commit.operations import Settle, Submit
from stagepass.engine.maintain.relay import Relay
from stagepass.engine.model.outcomes import Completed
from stagepass.engine.model.records import Memo, Spend
from stagepass.errors import StoreUnavailable, ValueRefused
from stagepass.store import SqlStore, connect
from stagepass.store.meanings import MYSQL, SQLSTATE, Meaning, meaning_of
from tests.support.processes import Process, processes
from tests.support.proxy import Proxy, through
from tests.support.shapes import chain
from tests.support.waiting import wait_until

SQLSTATES = sorted(
    {state for error in vars(psycopg.errors).values() if isinstance(state := getattr(error, "sqlstate", None), str)}
)
PORTS = {"postgresql": 5432, "mysql": 3306}
QUICK = connect.Patience(connect=2.0, ping=0.3, lock=0.5, statement=1.0, idle=1.0)


@pytest.fixture
def kind(store: SqlStore) -> str:
    if store.dialect == "sqlite":
        pytest.skip("SQLite is a file: there is no connection to break")
    return store.dialect


@pytest.fixture
def line(kind: str, database_url: str) -> Iterator[tuple[Proxy, str]]:
    with through(PORTS[kind], database_url) as (proxy, url):
        yield proxy, url


# ── the meaning of errors ──


def test_whatever_is_not_proven_to_be_ours_means_that_the_store_is_away() -> None:
    read_only = psycopg.errors.lookup("25006")("cannot execute UPDATE in a read-only transaction")
    assert meaning_of(read_only) is Meaning.AWAY
    for state in SQLSTATES:
        expected = SQLSTATE.get(state) or SQLSTATE.get(state[:2]) or Meaning.AWAY
        assert meaning_of(psycopg.errors.lookup(state)("x")) is expected
    for number in (1040, 1053, 1114, 1146, 1226, 1290, 1317, 1792, 1836, 1969, 2006, 2013, 3024, 9999):
        assert meaning_of(pymysql.err.OperationalError(number, "x")) is Meaning.AWAY
    assert {MYSQL[number] for number in (1205, 1213)} == {Meaning.AGAIN}


def test_a_value_that_no_database_holds_is_refused_without_sql(store: SqlStore) -> None:
    name = "half \ud800 of a pair"
    with pytest.raises(ValueRefused) as refused, store.begin() as tx:
        tx.memo("run", name)
    assert "SELECT" not in str(refused.value)


# ── a database that is read-only ──


@contextmanager
def refusable(kind: str, url: str) -> Iterator[tuple[str, Callable[[bool], None]]]:
    """The URL of a database, and how to make it refuse writes: as a demoted primary does, or a DBA's REVOKE."""
    parsed = sa.make_url(url)
    name = parsed.database
    if kind == "postgresql":

        def refuse(on: bool) -> None:
            with psycopg.connect("postgresql://postgres@127.0.0.1/postgres", autocommit=True) as db:
                db.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {on}")  # type: ignore[arg-type]
                db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

        yield url, refuse
        return
    user = f"sp_{secrets.token_hex(4)}"

    def administer(*statements: str) -> None:
        with closing(pymysql.connect(host="127.0.0.1", user="root", autocommit=True)) as db, db.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def revoke(on: bool) -> None:
        word, to = ("REVOKE", "FROM") if on else ("GRANT", "TO")
        administer(f"{word} INSERT, UPDATE, DELETE ON {name}.* {to} {user}@'%'", f"KILL USER {user}")

    administer(f"CREATE USER {user}@'%'", f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO {user}@'%'")
    try:
        yield str(parsed.set(username=user)), revoke
    finally:
        administer(f"DROP USER {user}@'%'")


def test_what_cannot_be_stored_is_kept_until_it_can(kind: str, database_url: str) -> None:
    with refusable(kind, database_url) as (url, refuse), processes(url, 1, chain()) as (host,):
        committer = host.engine.committer
        ids = [host.engine.submit("chain", {"text": text}).job.id for text in "ab"]
        claimed = {one.job.id: one for one in host.claim(2)}
        paying, ending = (claimed[i] for i in ids)
        intent = Memo(paying.run.id, "song", "token", None, 1)
        committer.do(Intend(paying, intent))
        refuse(True)
        try:
            kept = committer.put(Remember(replace(intent, value='"bought"'), [spend(paying)]))[0]
            settled = committer.put(settle(ending))[0]
            wait_until(lambda: committer.away, 5, "the store says no")
            with pytest.raises(StoreUnavailable):
                host.store.check_writes()
            host.store.check()
            assert not kept.done()
            assert not settled.done()
        finally:
            refuse(False)
        assert kept.result(10) is None
        assert settled.result(10).id == ending.job.id
        assert [memo.value for memo in host.store.memos(paying.run.id)] == ['"bought"']
        assert [one.usd for one in host.store.spends(paying.job.id)] == [1.5]


def test_a_submit_is_answered_in_time_when_the_database_is_silent(
    line: tuple[Proxy, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, url = line
    host = Process(url, [chain()])
    try:
        host.engine.submit("chain", {"text": "x"})
        proxy.freeze()
        monkeypatch.setattr(Submit, "answer_within", 0.5)
        with pytest.raises(StoreUnavailable, match="in time"):
            host.engine.submit("chain", {"text": "y"}, key="later")
        monkeypatch.undo()
        proxy.thaw()
        proxy.cut()
        again = host.engine.submit("chain", {"text": "y"}, key="later")
        assert again.created
    finally:
        host.close()


def spend(claimed: Any) -> Spend:
    return Spend(claimed.run.id, claimed.job.id, 1, "vendor", "m", 1, 1, 1.5, 1, key="one", queue=claimed.run.queue)


# ── locks of others ──


def test_a_row_that_a_stranger_holds_holds_up_its_own_job_only(kind: str, database_url: str) -> None:
    host = Process(database_url, [chain()], patience=QUICK)
    with closing(host), processes(database_url, 1, chain()) as (stranger,):
        ids = [host.engine.submit("chain", {"text": str(n)}).job.id for n in range(3)]
        claimed = {one.job.id: one for one in host.claim(3)}
        with stranger.store.begin() as tx:
            tx.lock_jobs([ids[0]])
            futures = {i: host.engine.committer.put(settle(claimed[i]))[0] for i in ids}
            for free in ids[1:]:
                futures[free].result(5)
            assert not futures[ids[0]].done()
            more = host.engine.submit("chain", {"text": "new"}).job.id
            assert more
        futures[ids[0]].result(5)


def settle(claimed: Any) -> Any:
    return Settle(claimed, Completed('{"text":"x"}'))


def test_a_relay_leaves_out_what_a_stranger_holds_and_comes_back_for_it(kind: str, database_url: str) -> None:
    host = Process(database_url, [chain()], patience=QUICK)
    with closing(host), processes(database_url, 1, chain()) as (stranger,):
        relay = Relay(host.store, host.engine.committer, host.recorder, host.clock)
        ids = [host.engine.submit("chain", {"text": str(n)}, delay=5).job.id for n in range(3)]
        host.clock.advance(6)
        with stranger.store.begin() as tx:
            tx.lock_jobs([ids[0]])
            assert relay.promote() == 2
            (one, two) = host.claim(3)
            assert {one.job.id, two.job.id} == set(ids[1:])
            host.register()
            tx.lock_jobs([one.job.id])
            assert relay.rescue_worker(host.worker) == 1
        assert relay.promote() == 1
        assert relay.rescue_worker(host.worker) == 1


# ── connections that lie ──


def test_half_open_connections_are_left_for_new_ones(line: tuple[Proxy, str]) -> None:
    proxy, url = line
    store = SqlStore(url, patience=QUICK)
    try:
        store.check()
        store.check_writes()
        assert proxy.half_open() > 0
        store.check()
        store.check_writes()
    finally:
        store.close()


def test_a_server_that_falls_silent_in_a_statement_is_given_up(line: tuple[Proxy, str]) -> None:
    proxy, url = line
    store = SqlStore(url, patience=QUICK)
    try:
        with pytest.raises(StoreUnavailable), store.begin() as tx:  # noqa: PT012  (it falls silent in the middle)
            tx.memo("run", "name")
            proxy.freeze()
            tx.memo("run", "name")
        with pytest.raises(StoreUnavailable):
            store.check()
        proxy.thaw()
        store.check()
    finally:
        store.close()


def test_a_hundred_cuts_while_reads_are_out_leave_the_pool_whole(line: tuple[Proxy, str]) -> None:
    proxy, url = line
    store = SqlStore(url, patience=QUICK)
    pool: Any = store._reads.pool
    cuts = iter(range(100))

    def cut(*_: Any) -> None:
        if next(cuts, None) is not None:
            proxy.cut()

    try:
        store.check()
        sa.event.listen(pool, "checkout", cut)
        for _ in range(60):
            try:
                store.job("none")
            except StoreUnavailable:
                assert pool.checkedout() == 0
        sa.event.remove(pool, "checkout", cut)
        store.job("none")
        assert pool.checkedout() == 0
    finally:
        store.close()


def test_commits_whose_answers_are_lost_are_carried_out_once(line: tuple[Proxy, str], database_url: str) -> None:
    proxy, url = line
    host = Process(url, [chain()])
    try:
        host.engine.submit("chain", {"text": "x"}, key="first")
        proxy.words_to_cut = {b"COMMIT": 5}
        jobs = {host.engine.submit("chain", {"text": str(n)}, key=f"k{n}").job.id for n in range(8)}
        assert proxy.words_to_cut[b"COMMIT"] == 0
        (claimed,) = host.claim()
        proxy.words_to_cut = {b"COMMIT": 3}
        for _ in range(3):
            host.engine.committer.do(Spent([spend(claimed)]))
        assert len(jobs) == 8
        assert [one.usd for one in host.store.spends(claimed.job.id)] == [1.5]
    finally:
        host.close()


def test_a_writer_of_another_process_that_stands_still_is_waited_for_not_for_ever(tmp_path: Any) -> None:
    from stagepass.store.writer import WriterLock

    mine, theirs = WriterLock(str(tmp_path / "db"), 0.2), WriterLock(str(tmp_path / "db"))
    with theirs.held():
        for _ in range(2):
            with pytest.raises(StoreUnavailable), mine.held():
                raise AssertionError
    held = threading.Event()

    def take() -> None:
        with theirs.held():
            held.set()

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    assert held.wait(5), "what was given up is not kept from others"
    with mine.held():
        pass
    mine.close()
    theirs.close()
