"""The doctor on real services: each planted fault is found with its code, its own fix is carried out, then it is silent."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stagepass.doctor.check import Report, examine
from stagepass.doctor.gather import live
from stagepass.doctor.presence import Presence
from stagepass.doctor.rule import Finding
from tests.doctor.conftest import Stack
from tests.doctor.test_why import dead_process, idle_worker, unknown_outcome
from tests.support.backends import virtual_host
from tests.support.cli import run_here
from tests.support.databases import new_database
from tests.support.waiting import wait_until

ALONE = frozenset({"SP102", "SP103", "SP104", "SP207"})
"""What is said of a stack on which a test starts only what it needs."""


def looked(stack: Stack, **settings: str) -> Report:
    system = stack.new_system(**settings) if settings else stack.system
    try:
        system.engine.clock.refresh()
    except Exception:  # the database is the fault
        pass
    report = examine(live(system.sources, system.engine.clock.now(), edge_too=False))
    if settings:
        system.close()
    return report


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings} - ALONE


def found(report: Report, code: str) -> Finding:
    return next(finding for finding in report.findings if finding.code == code)


def plant(stack: Stack, url: str, statement: str) -> None:
    system = stack.new_system(database_url=url)
    with system.store._writing() as db:
        db.exec_driver_sql(statement)
    system.store.close()


def mend(command: str) -> None:
    """Carry out a fix that is a command for a shell."""
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


@pytest.fixture
def whole(stack: Stack) -> Stack:
    """Worker and relay run."""
    stack.work(*stack.system.registry.queues())
    presence = Presence(stack.system.sources, "relay").start()
    stack._presences.append(presence)
    wait_until(lambda: len(stack.system.store.processes(0)) == 2, saying="both say what they are")
    return stack


def test_a_healthy_installation_is_silent(whole: Stack) -> None:
    report = looked(whole)
    assert report.findings == []
    assert report.unseen == {}
    assert report.rules > 60
    assert looked(whole).findings == [], "it says the same again"


# ── work and processes ──


def test_work_without_a_worker(stack: Stack) -> None:
    job = stack.submit()
    stack.sql("UPDATE stage_runs SET due_at = due_at - 60000")
    finding = found(looked(stack), "SP101")
    assert finding.subject == "walk.act"
    stack.carry_out(finding.fix)
    stack.reaches(job, "completed")
    assert "SP101" not in codes(looked(stack))


def test_no_relay(stack: Stack) -> None:
    stack.submit(delay=3600)
    stack.sql("UPDATE stage_runs SET due_at = due_at - 3700000")
    stack.carry_out(found(looked(stack), "SP104").fix)
    wait_until(lambda: "SP104" not in {one.code for one in looked(stack).findings}, 20, "the relay works")


def test_a_dead_workers_leases(stack: Stack) -> None:
    stack.submit()
    worker = idle_worker(stack, dead_process())
    stack.sql("UPDATE stage_runs SET state = 'running', worker = :worker, token = 't'", worker=worker)
    stack.carry_out(found(looked(stack), "SP404").fix)
    wait_until(lambda: "SP404" not in codes(looked(stack)), 20, "they are given to others")


def test_a_call_that_waits_for_a_decision(stack: Stack) -> None:
    unknown_outcome(stack)
    finding = found(looked(stack), "SP401")
    stack.open("lose")
    stack.carry_out(finding.fix)
    assert "SP401" not in codes(looked(stack))


def test_processes_that_differ(whole: Stack) -> None:
    other = whole.new_system(event_streams="9")
    presence = Presence(other.sources, "api").start()
    wait_until(lambda: len(whole.system.store.processes(0)) == 3)
    finding = found(looked(whole), "SP201")
    presence.stop()
    assert finding.subject == "EVENT_STREAMS"
    assert finding.fix == "EVENT_STREAMS=4"
    name, value = finding.fix.split("=")
    mended = whole.new_system(**{name.lower(): value})
    presence = Presence(mended.sources, "api").start()
    wait_until(lambda: len(whole.system.store.processes(0)) == 3)
    assert codes(looked(whole)) == set()
    presence.stop()
    other.close()
    mended.close()


def test_this_shell_differs(whole: Stack) -> None:
    assert found(looked(whole, queue_type="quorum", event_streams="9"), "SP202").fix == "unset EVENT_STREAMS"


# ── databases ──


def test_the_schema(stack: Stack, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    finding = found(looked(stack, database_url=url), "SP304")
    assert finding.fix == "stagepass db upgrade"
    mend(f"DATABASE_URL={url} {sys.executable} -m stagepass.cli db upgrade")
    assert "SP304" not in codes(looked(stack, database_url=url))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_missing_index(stack: Stack, kind: str, tmp_path: Path) -> None:
    with new_database(kind, tmp_path) as url:
        plant(stack, url, "DROP INDEX ix_stage_runs_due")
        finding = found(looked(stack, database_url=url), "SP306")
        assert finding.subject == "ix_stage_runs_due"
        mend(finding.fix)
        assert codes(looked(stack, database_url=url)) == set()


def test_a_collation(stack: Stack, tmp_path: Path) -> None:
    with new_database("mariadb", tmp_path) as url:
        plant(stack, url, "ALTER TABLE messages CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        mend(found(looked(stack, database_url=url), "SP307").fix)
        assert codes(looked(stack, database_url=url)) == set()


def test_a_database_that_takes_no_writes(stack: Stack, tmp_path: Path) -> None:
    with new_database("postgresql", tmp_path) as url:
        name = url.rpartition("/")[2].partition("?")[0]
        plant(stack, url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        finding = found(looked(stack, database_url=url), "SP310")
        mend(f"PGOPTIONS='-c default_transaction_read_only=off' {finding.fix}")
        assert codes(looked(stack, database_url=url)) == set()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("postgresql://nosuchuser:x@127.0.0.1:5432/postgres", "SP302"),
        ("postgresql://postgres@127.0.0.1:5432/no_such_database", "SP303"),
        ("mysql://nosuchuser:x@127.0.0.1:3306/mysql", "SP302"),
        ("mysql://root@127.0.0.1:3306/no_such_database", "SP303"),
        ("postgresql://postgres@127.0.0.1:1/postgres", "SP301"),
        ("mysql://root@127.0.0.1:1/mysql", "SP301"),
    ],
)
def test_a_database_that_refuses(stack: Stack, url: str, code: str) -> None:
    report = looked(stack, database_url=url)
    assert codes(report) & {"SP301", "SP302", "SP303"} == {code}
    assert "work" in report.unseen, "what could not be looked at is not healthy"
    assert ":x@" not in json.dumps([finding.parameters for finding in report.findings])


# ── Redis ──


@pytest.mark.parametrize(
    ("setting", "wrong", "code"), [("maxmemory-policy", "allkeys-lru", "SP323"), ("maxmemory", "1100000", "SP324")]
)
def test_redis_is_configured_wrongly(whole: Stack, setting: str, wrong: str, code: str) -> None:
    client = whole.system.provider_limits._client
    before = client.config_get(setting)[setting]
    client.config_set(setting, wrong)
    try:
        mend(found(looked(whole), code).fix)
        if code == "SP324":
            wait_until(lambda: code not in codes(looked(whole)), 5)
        assert codes(looked(whole)) == set()
    finally:
        client.config_set(setting, before)


def test_redis_is_away(stack: Stack, free_port: int) -> None:
    assert "SP320" in codes(looked(stack, redis_url=f"redis://127.0.0.1:{free_port}/0", broker_url=""))


# ── RabbitMQ ──


@pytest.fixture
def vhost() -> Iterator[str]:
    with virtual_host() as url:
        yield url


def test_a_broker_that_refuses(stack: Stack, vhost: str) -> None:
    wrong_user = vhost.replace("guest:guest", "celery:guest")
    assert codes(looked(stack, broker_url=wrong_user)) & {"SP330", "SP331", "SP332"} == {"SP331"}
    name = vhost.rpartition("/")[2]
    missing = vhost + "x"
    finding = found(looked(stack, broker_url=missing), "SP332")
    mend(finding.fix)
    assert codes(looked(stack, broker_url=missing)) == set()
    mend(f"rabbitmqctl -q delete_vhost {name}x")
    mend(f"rabbitmqctl -q clear_permissions -p {name} guest")
    mend(found(looked(stack, broker_url=vhost), "SP332").fix)
    assert codes(looked(stack, broker_url=vhost)) == set()


def declared(vhost: str, act: Callable[..., None]) -> None:
    import amqp

    host = vhost.rpartition("@")[2]
    with amqp.Connection("127.0.0.1:5672", "guest", "guest", virtual_host=host.partition("/")[2]) as connection:
        act(connection.channel())


def test_a_queue_with_other_arguments(stack: Stack, vhost: str) -> None:
    declared(vhost, lambda channel: channel.queue_declare("walk.act", durable=False, auto_delete=False))
    finding = found(looked(stack, broker_url=vhost), "SP107")
    assert finding.subject == "walk.act"
    mend(finding.fix)
    assert codes(looked(stack, broker_url=vhost)) == set()


def test_an_exchange_of_another_type(stack: Stack, vhost: str) -> None:
    declared(vhost, lambda channel: channel.exchange_declare("stagepass", "fanout", durable=True, auto_delete=False))
    mend(found(looked(stack, broker_url=vhost), "SP108").fix)
    assert codes(looked(stack, broker_url=vhost)) == set()


def test_a_queue_that_is_not_bound(stack: Stack, vhost: str) -> None:
    def wrong(channel: object) -> None:
        channel.exchange_declare("stagepass", "direct", durable=True, auto_delete=False)  # type: ignore[attr-defined]
        channel.queue_declare("walk.act", durable=True, auto_delete=False)  # type: ignore[attr-defined]

    declared(vhost, wrong)
    mend(found(looked(stack, broker_url=vhost), "SP109").fix)
    assert codes(looked(stack, broker_url=vhost)) == set()


# ── the command line ──


def test_everything_down_is_told_in_time_and_in_both_languages(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    down = {
        "DATABASE_URL": f"postgresql://me@127.0.0.1:{free_port}/x",
        "REDIS_URL": f"redis://127.0.0.1:{free_port}/0",
        "BROKER_URL": f"amqp://guest:guest@127.0.0.1:{free_port}//",
    }
    for name, value in {**stack.given, **down}.items():
        monkeypatch.setenv(name, value)
    code, out, _ = run_here("doctor", "--json")
    assert code == 1
    told = json.loads(out)
    assert {"SP301", "SP320", "SP330"} <= {finding["code"] for finding in told["findings"]}
    assert not told["healthy"]
    assert "work" in told["unseen"]
    code, out, _ = run_here("doctor", "--lang", "ko")
    assert "응답하지 않음" in out
    code, out, _ = run_here("doctor", "--explain", "sp101")
    assert code == 0
    assert "SP101" in out
    assert run_here("doctor", "--explain", "SP999")[0] == 3


def test_a_look_creates_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DATA_DIR", "DATABASE_URL", "REDIS_URL", "BROKER_URL", "PIPELINES"):
        monkeypatch.delenv(name, raising=False)
    code, out, _ = run_here("doctor", "--json")
    assert code == 1
    (finding,) = json.loads(out)["findings"]
    assert (finding["code"], finding["fix"]) == ("SP204", "stagepass up")
    assert run_here("doctor", "--no-live")[0] == 0
    assert list(tmp_path.iterdir()) == []
