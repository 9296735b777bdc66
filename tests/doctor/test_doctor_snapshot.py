"""Faults planted into a snapshot that was gathered from real services: what a test cannot do to a server of this machine."""

import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from stagepass.doctor.check import examine
from stagepass.doctor.facts import EdgeFacts, EnvironmentFacts, Facts, MachineFacts, NotSeen, Refusal
from stagepass.doctor.gather import live
from stagepass.doctor.presence import Presence, facts_of
from stagepass.doctor.probes.environment import known_names, of_file
from stagepass.doctor.rule import catalogue
from stagepass.doctor.sarif import sarif
from stagepass.doctor.texts import catalogue as texts
from stagepass.engine.model.controls import Pause, Scope
from stagepass.engine.model.limits import Breaker
from stagepass.engine.model.machine import place
from stagepass.engine.model.records import ScheduleRow, WorkerRow
from stagepass.settings import Settings
from stagepass.store.processes import ProcessRow
from tests.doctor.conftest import Stack
from tests.support.waiting import wait_until

Plant = Callable[[dict[str, Any], Stack], None]


@pytest.fixture(scope="module")
def healthy(stack: Stack) -> tuple[Stack, Facts]:
    """A snapshot of a stack on which everything runs."""
    stack.work(*stack.system.registry.queues())
    presence = Presence(stack.system.sources, "relay").start()
    stack._presences.append(presence)
    wait_until(lambda: len(stack.system.store.processes(0)) == 2, saying="both say what they are")
    stack.system.engine.clock.refresh()
    return stack, live(stack.system.sources, stack.system.engine.clock.now(), edge_too=False)


def part(name: str, **changes: Any) -> Plant:
    """Change fields of one part."""

    def plant(parts: dict[str, Any], stack: Stack) -> None:
        parts[name] = replace(parts[name], **changes)

    return plant


def settings(**changes: Any) -> Plant:
    def plant(parts: dict[str, Any], stack: Stack) -> None:
        parts["settings"] = Settings.load(
            _env_file=None, **{**{k.lower(): v for k, v in stack.given.items()}, **changes}
        )

    return plant


def process(role: str = "worker", host: str = "", **facts: Any) -> Plant:
    """One more process, that differs from the others in these facts."""

    def plant(parts: dict[str, Any], stack: Stack) -> None:
        now = stack.system.engine.clock.now()
        said = {**facts_of(stack.system.sources), "queues": ["walk.act"], **facts}
        parts["processes"] = [*parts["processes"], ProcessRow("other", role, host or place(), 4711, now, now, said)]

    return plant


def worker(*queues: str, pid: int = 4711, slots: int = 4) -> Plant:
    def plant(parts: dict[str, Any], stack: Stack) -> None:
        old = stack.system.engine.clock.now() - 600_000
        parts["workers"] = [*parts["workers"], WorkerRow("w-other", place(), pid, queues, slots, 1, old, old)]

    return plant


def nothing(name: str, value: Any) -> Plant:
    def plant(parts: dict[str, Any], stack: Stack) -> None:
        parts[name] = value

    return plant


def broker_queue(**changes: Any) -> Plant:
    def plant(parts: dict[str, Any], stack: Stack) -> None:
        broker = parts["broker"]
        parts["broker"] = replace(broker, kind="rabbitmq", queues=(replace(broker.queues[0], **changes),))

    return plant


def stalled(parts: dict[str, Any], stack: Stack) -> None:
    first = parts["workers"][0]
    parts["workers"] = [replace(first, started_at=first.started_at - 600_000)]
    parts["work"] = replace(parts["work"], ready_since={"walk.act": 3})


def busy(parts: dict[str, Any], stack: Stack) -> None:
    first = parts["workers"][0]
    parts["work"] = replace(parts["work"], ready_since={"walk.act": 900}, running={first.id: first.slots})


EDGE = EdgeFacts(
    "https://stagepass.example.com", answers=True, upload_refused_at=None, event_late=False, certificate_days=60
)
ENV = EnvironmentFacts(known=known_names(None))


@dataclass(frozen=True)
class Case:
    code: str
    plant: Plant
    fix: str


cases = [
    Case("SP101", part("work", ready_since={"walk.gone": 2}), "stagepass worker walk.gone"),
    Case("SP103", nothing("workers", []), "stagepass worker --all"),
    Case("SP104", part("work", overdue_since=1), "stagepass relay"),
    Case("SP105", worker("walk.pakc"), "stagepass worker walk.pack"),
    Case("SP106", part("broker", strangers=(("old.stage", 7),)), "redis-cli -u"),
    Case("SP107", broker_queue(mismatch="PRECONDITION_FAILED"), "rabbitmqctl delete_queue"),
    Case("SP108", part("broker", exchange_mismatch="PRECONDITION_FAILED"), "rabbitmqctl eval"),
    Case("SP109", broker_queue(bound=False), "rabbitmqctl delete_queue"),
    Case(
        "SP111",
        part("work", open_versions=[("walk", 9, 4)], parked=[("walk.act", "walk", 9)]),
        "stagepass worker walk.act",
    ),
    Case("SP112", process(version="0.0.1"), "kill -TERM 4711"),
    Case("SP113", process(pipelines={"walk": []}), "kill -TERM 4711"),
    Case(
        "SP115",
        nothing("schedules", [ScheduleRow("gone:daily", "0 9 * * * UTC", False, 1)]),
        "stagepass schedules pause gone:daily",
    ),
    Case("SP116", worker("walk.act"), "kill -TERM 4711"),
    Case("SP201", process(settings={"SECRET_KEY": "other"}), "SECRET_KEY=…"),
    Case(
        "SP207",
        nothing("needs", [("walk.act", "walk.act: SONG_MAKER=suno needs SUNO_API_KEY, which is not set")]),
        "SUNO_API_KEY=…",
    ),
    Case("SP208", settings(time_limits="walk.atc=10m"), "TIME_LIMITS=walk.act=10m"),
    Case("SP208", settings(provider_limits="sunno=20/10s"), "PROVIDER_LIMITS=suno=20/10s"),
    Case("SP210", process(host="other/boot/1"), "DATABASE_URL=postgresql://user@host/stagepass"),
    Case("SP211", process(host="other/boot/1"), "FILES_URL=s3://bucket/folder"),
    Case("SP212", settings(queue_type="quorum"), "unset QUEUE_TYPE"),
    Case("SP213", settings(dead_after_seconds=2), "unset DEAD_AFTER_SECONDS"),
    Case("SP214", settings(workers="walk.act=2"), 'WORKERS="walk.act=2 '),
    Case("SP301", part("database", refused=Refusal("away", "refused")), "stagepass up"),
    Case("SP305", part("database", revision="9999"), "pip install --upgrade stagepass"),
    Case("SP308", part("database", connections=95, most_connections=100), "sqlite3"),
    Case("SP309", process(clock_off=-7.0), "timedatectl set-ntp true"),
    Case("SP312", part("database", filesystem="nfs4"), "DATABASE_URL=postgresql://"),
    Case("SP313", part("machine", folder_free=1_000_000), "du -xh"),
    Case("SP322", part("redis", role="slave", primary="10.0.0.1:6379"), "REDIS_URL=redis://10.0.0.1:6379/0"),
    Case("SP325", part("redis", version="5.0.7"), "apt-get install redis-server"),
    Case("SP326", part("redis", save_failed=True), "redis-cli"),
    Case("SP327", part("redis", clients=9_900, most_clients=10_000), "redis-cli"),
    Case("SP328", part("redis", cluster=True), "REDIS_URL=redis://"),
    Case("SP333", part("broker", blocked="rabbit@mq: mem_alarm"), "rabbitmq-diagnostics alarms"),
    Case("SP340", part("files", problem="Read-only file system"), "install -d -m 700"),
    Case("SP350", nothing("edge", replace(EDGE, answers=False, problem="HTTP 502")), "curl -sS"),
    Case("SP351", nothing("edge", replace(EDGE, event_late=True)), "proxy_buffering off;"),
    Case("SP352", nothing("edge", replace(EDGE, upload_refused_at=15 * 2**20)), "client_max_body_size 16m;"),
    Case("SP353", nothing("edge", replace(EDGE, certificate_days=3)), "certbot renew"),
    Case("SP360", nothing("machine", MachineFacts(256, None, None, "/data")), "ulimit -n"),
    Case("SP380", nothing("keys", [("openai", "OPENAI_API_KEY", "HTTP 401")]), "OPENAI_API_KEY=…"),
    Case("SP402", nothing("providers", [Breaker("suno", "quota_exhausted", 1, 2)]), "stagepass providers"),
    Case(
        "SP403",
        part("work", keys_refused=[("suno", "promo.song")]),
        "stagepass dead redrive --all --pipeline promo --stage song --yes",
    ),
    Case("SP405", stalled, "kill -TERM"),
    Case("SP406", busy, "stagepass worker walk.act -c"),
    Case("SP407", part("work", stuck=["0199c7c2-6f0e-7aaa-8f4e-0f6f4a5f1c11"]), "stagepass why 0199c7c2"),
    Case("SP408", part("work", alerts_missed=2), "ALERT_WEBHOOK_URL="),
    Case("SP603", settings(remote_control=True), "REMOTE_CONTROL=false"),
    Case("SP604", settings(host="0.0.0.0"), "AUTH_MODE=api_key"),
    Case(
        "SP605",
        settings(public_url="http://stagepass.example.com", auth_mode="api_key", api_keys="ann:0123456789abcdefgh"),
        "PUBLIC_URL=https://stagepass.example.com",
    ),
    Case("SP607", settings(secret_key="0123456789abcdef", secret_key_old="fedcba9876543210"), "unset SECRET_KEY_OLD"),
    Case(
        "SP203",
        nothing("environment", replace(ENV, file=".env", lines=[(3, "STAGEPASS_REDIS_URL", "x")])),
        "REDIS_URL=…",
    ),
    Case("SP203", nothing("environment", replace(ENV, names=frozenset({"DATABASE_URI"}))), "DATABASE_URL=…"),
    Case("SP204", nothing("environment", replace(ENV, problem="PORT: not a number")), "unset PORT"),
    Case(
        "SP205",
        nothing("environment", replace(ENV, file=".env", lines=[(1, "PORT", "1"), (5, "PORT", "2")])),
        "sed -i 1d .env",
    ),
    Case("SP206", nothing("environment", replace(ENV, conflicts=["PORT"])), "unset PORT"),
    Case("SP602", nothing("environment", replace(ENV, file=".env", tracked=True)), "git rm --cached .env"),
]

SUNO = {"walk.act": frozenset({"SUNO_API_KEY"})}


def both(*plants: Plant) -> Plant:
    def plant(parts: dict[str, Any], stack: Stack) -> None:
        for one in plants:
            one(parts, stack)

    return plant


cases += [
    Case("SP110", both(broker_queue(name="walk.act", consumers=0, depth=9), worker("walk.act")), "BROKER_URL=…"),
    Case("SP114", nothing("secrets", SUNO), "SUNO_API_KEY=…"),
    Case("SP209", nothing("secrets", SUNO), "PUBLIC_URL=https://…"),
    Case("SP215", both(nothing("secrets", SUNO), process(role="api")), "SUNO_API_KEY=…"),
    Case(
        "SP311",
        both(part("database", encoding="SQL_ASCII"), settings(database_url="postgresql://me@db/x")),
        "createdb -h db -U me -E UTF8 -T template0 x_utf8",
    ),
    Case("SP321", part("redis", refused=Refusal("login", "NOAUTH")), "REDIS_URL=redis://:PASSWORD@"),
    Case(
        "SP409",
        nothing("pauses", [Pause(Scope.QUEUE, "walk.act", 1, "ann", "maintenance")]),
        "stagepass resume walk.act",
    ),
    Case(
        "SP606",
        both(part("broker", kind="rabbitmq", user="guest"), settings(broker_url="amqp://guest:guest@mq.internal//")),
        "rabbitmqctl add_user stagepass PASSWORD",
    ),
]


def found(facts: Facts, plants: list[Plant], stack: Stack) -> dict[str, str]:
    parts = dict(facts.parts)
    for plant in plants:
        plant(parts, stack)
    report = examine(Facts(facts.at, parts))
    return {finding.code: finding.fix for finding in report.findings}


@pytest.mark.parametrize("case", cases, ids=lambda case: f"{case.code}-{case.fix[:24]}")
def test_a_planted_fault(healthy: tuple[Stack, Facts], case: Case) -> None:
    stack, facts = healthy
    assert found(facts, [], stack) == {}
    told = found(facts, [case.plant], stack)
    assert told.get(case.code, "-").startswith(case.fix), told


def test_two_faults_at_a_time(healthy: tuple[Stack, Facts]) -> None:
    """Faults of different parts: each is found beside every other one."""
    stack, facts = healthy
    apart = [
        case for case in cases if case.code in ("SP106", "SP325", "SP313", "SP340", "SP402", "SP353", "SP603", "SP206")
    ]
    for number, one in enumerate(apart):
        for other in apart[number + 1 :]:
            assert {one.code, other.code} <= found(facts, [one.plant, other.plant], stack).keys()


NEAR: list[Plant] = [
    settings(keep_jobs_days=30),
    settings(host="0.0.0.0", auth_mode="api_key", api_keys="ann:0123456789abcdefgh"),
    settings(log_level="DEBUG", drain_seconds=60),
    part("redis", policy="noeviction", memory=10, most_memory=1000),
    part("redis", clients=100, most_clients=10_000),
    part("database", connections=50, most_connections=100),
    part("work", overdue_since=None),
    process(clock_off=0.4),
    nothing("edge", EDGE),
    nothing(
        "environment", replace(ENV, names=frozenset({"MY_DATABASE", "HOMEBREW_PREFIX", "POSTGRES_PASSWORD", "KEY"}))
    ),
    nothing("providers", [Breaker("suno", "rate_limited", 1, 2)]),
    part("broker", strangers=(("old.stage", 0),)),
]


@pytest.mark.parametrize("number", range(len(NEAR)))
def test_near_misses_are_silent(healthy: tuple[Stack, Facts], number: int) -> None:
    stack, facts = healthy
    assert found(facts, [NEAR[number]], stack) == {}


def test_a_part_that_was_not_seen_is_not_healthy(healthy: tuple[Stack, Facts]) -> None:
    facts = healthy[1]
    for name in ("database", "redis", "broker", "files", "work", "workers", "processes", "machine"):
        report = examine(Facts(facts.at, {**facts.parts, name: NotSeen(name, "no answer within 4 s")}))
        assert report.unseen == {name: "no answer within 4 s"}
        assert report.skipped


def test_the_files_mode_is_mended_by_its_own_fix(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("PORT=8000\n")
    file.chmod(0o644)
    parts = {"environment": of_file(file, known_names(None))}
    (finding,) = [one for one in examine(Facts(0, parts)).findings if one.code == "SP601"]
    assert os.system(finding.fix) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    parts = {"environment": of_file(file, known_names(None))}
    assert "SP601" not in {one.code for one in examine(Facts(0, parts)).findings}


def test_every_rule_has_texts_in_both_languages_and_a_case() -> None:
    codes = texts().codes("en")
    for rule in catalogue():
        assert {f"{rule.code}.title", f"{rule.code}.text"} <= codes
    assert texts().problems() == []


def test_sarif(healthy: tuple[Stack, Facts]) -> None:
    """The shape that SARIF 2.1.0 asks for."""
    stack, facts = healthy[0], healthy[1]
    parts = dict(facts.parts)
    cases[0].plant(parts, stack)
    parts["environment"] = replace(ENV, file=".env", tracked=True)
    parts["files"] = NotSeen("files", "no answer")
    told = json.loads(json.dumps(sarif(examine(Facts(facts.at, parts)), "en")))
    assert told["version"] == "2.1.0"
    (run,) = told["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len(rules) == len({rule["id"] for rule in rules})
    assert all(rule["defaultConfiguration"]["level"] in ("error", "warning", "note") for rule in rules)
    assert run["invocations"][0]["executionSuccessful"] is False
    assert run["results"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        (location,) = result["locations"]
        assert location.keys() <= {"physicalLocation", "logicalLocations"}
    assert {"physicalLocation"} in [set(result["locations"][0]) for result in run["results"]]
