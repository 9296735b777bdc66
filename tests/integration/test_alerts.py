"""Alerts: one message per window at a real webhook, however many relays run, and nothing personal in it."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from stagepass.alerts.alerts import GRACE, Alerts
from stagepass.alerts.facts import Facts
from stagepass.alerts.message import message
from stagepass.bus.provider_limits import OpenGate
from stagepass.engine.model.limits import Breaker
from stagepass.engine.model.outcomes import Failure, Held
from stagepass.errors import OutcomeUnknown, Permanent, SettingsError, TimedOut
from stagepass.providers.fetching.post import check_webhook
from stagepass.reports.liveness import Liveness
from stagepass.store import SqlStore
from tests.support.processes import Process, at_once, processes
from tests.support.shapes import chain, diamond
from tests.support.vendor_server import Vendor, vendor_server
from tests.support.waiting import wait_until

WINDOW = 60


class ClosedGate(OpenGate):
    """Some providers are closed."""

    def __init__(self) -> None:
        self.found: list[Breaker] = []

    def breakers(self) -> list[Breaker]:
        return self.found


@pytest.fixture
def hook() -> Iterator[Vendor]:
    with vendor_server() as vendor:
        yield vendor


@pytest.fixture
def host(database_url: str, store: SqlStore) -> Iterator[Process]:
    with processes(database_url, 1, chain()) as (made,):
        made.register()
        made.clock.advance(GRACE / 1000)
        yield made


def alerts(host: Process, hook: Vendor, gate: Any = None, **options: Any) -> Alerts:
    target = check_webhook(hook.url, "ALERT_WEBHOOK_URL", allow_loopback=True)
    return Alerts(
        host.store,
        gate or OpenGate(),
        host.clock,
        target,
        window=WINDOW,
        liveness=Liveness(15),
        allow_loopback=True,
        **options,
    )


def fail(host: Process, count: int = 1, text: str = "Kim, 010-1234") -> list[str]:
    """Dead letters, of jobs whose input is nobody's business."""
    made = []
    for _ in range(count):
        made.append(host.engine.submit("chain", {"text": text}, owner="kim@example.com").job.id)
        (claimed,) = host.claim()
        host.settle(claimed, Failure(Permanent("the order of Kim")))
    return made


def window_over(host: Process, *all_alerts: Alerts) -> None:
    """The window ends, and every relay looks."""
    host.clock.advance(WINDOW)
    for one in all_alerts:
        one.look()
    for one in all_alerts:
        if one._sending is not None:
            one._sending.join(30)


def told(hook: Vendor) -> list[str]:
    return [json.loads(body)["text"] for body in hook.bodies]


def test_what_happened_in_a_window_is_one_message_of_counts(host: Process, hook: Vendor) -> None:
    gate = ClosedGate()
    one = alerts(host, hook, gate)
    fail(host, 3)
    host.engine.submit("chain", {"text": "x"})
    (claimed,) = host.claim()
    host.settle(claimed, Failure(TimedOut("x")))  # will be tried again: nothing to tell
    host.engine.submit("chain", {"text": "x"})
    (claimed,) = host.claim()
    host.settle(claimed, Held(OutcomeUnknown("maybe")))
    gate.found = [Breaker("suno", "quota_exhausted", host.clock.now(), 0), Breaker("x", "rate_limited", 1, 0)]
    with host.store.begin() as tx:
        tx.drop_worker(host.worker, lost_at=host.clock.now())
        tx.drop_worker(host.worker, lost_at=host.clock.now())  # a second relay, that was late
    host.engine.submit("chain", {"text": "x"})
    window_over(host, one)
    (text,) = told(hook)
    for part in (
        "Dead letters: 3",
        "3 × chain.one — permanent",
        "Possibly billed calls with no answer: 1",
        "1 × chain.one",
        "suno is out of credit",
        "Workers lost: 1",
        "Queue chain.one has no worker.* 1 stage runs",
    ):
        assert part in text
    for secret in ("Kim", "kim@", "010-1234", "timed_out", " x "):
        assert secret not in text


def test_a_rejected_key_is_told_as_what_it_is_with_its_provider_and_stages(host: Process, hook: Vendor) -> None:
    one = alerts(host, hook)
    for _ in range(2):
        host.engine.submit("chain", {"text": "x"})
        (claimed,) = host.claim()
        host.settle(claimed, Failure(Permanent("m", provider="suno", reason="key")))
    window_over(host, one)
    (text,) = told(hook)
    assert "suno rejects the API key.* 2 stage runs failed: chain.one" in text
    assert "Dead letters" not in text
    assert message(Facts(keys={"suno a.b": 1, "suno a.c": 2}), 0, "ko").splitlines()[1].startswith("*suno가 API 키를")


def test_a_quiet_window_tells_nothing_and_what_lasts_is_told_once(host: Process, hook: Vendor) -> None:
    gate = ClosedGate()
    one = alerts(host, hook, gate)
    window_over(host, one)
    assert told(hook) == []
    gate.found = [Breaker("suno", "down", host.clock.now(), 0)]
    host.engine.submit("chain", {"text": "x"})
    host.clock.advance(WINDOW)
    with host.store.begin() as tx:
        tx.drop_worker(host.worker)
    for _ in range(3):
        window_over(host, one)
    assert len(told(hook)) == 1
    assert "suno is not responding" in told(hook)[0]
    fail(host)
    window_over(host, one)
    assert len(told(hook)) == 2
    assert "suno" not in told(hook)[1]


def test_lesson_1_work_of_a_stage_that_no_code_here_knows_any_more_is_told_too(
    database_url: str, host: Process, hook: Vendor
) -> None:
    host.engine.submit("chain", {"text": "x"})
    with host.store.begin() as tx:
        tx.drop_worker(host.worker)
    with processes(database_url, 1, diamond()) as (newer,):
        newer.clock.advance((host.clock.now() - newer.clock.now()) / 1000)
        window_over(newer, alerts(newer, hook))
    assert "Queue chain.one has no worker" in told(hook)[0]


def test_two_relays_tell_a_window_once(database_url: str, host: Process, hook: Vendor) -> None:
    with closing(SqlStore(database_url)) as other:
        relays = [alerts(host, hook), alerts(host, hook)]
        relays[1]._store = other
        for number in range(5):
            fail(host)
            host.clock.advance(WINDOW)
            at_once([one.look for one in relays])
            for one in relays:
                if one._sending is not None:
                    one._sending.join(30)
            assert len(told(hook)) == number + 1


def test_a_dead_letter_is_told_in_one_window_only_also_by_a_relay_that_starts_later(
    host: Process, hook: Vendor
) -> None:
    fail(host, 2)
    window_over(host, alerts(host, hook))
    window_over(host, alerts(host, hook))
    assert len(told(hook)) == 1
    assert "Dead letters: 2" in told(hook)[0]


def test_while_the_webhook_is_down_nothing_is_forgotten_and_the_tries_are_few(
    host: Process, hook: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stagepass.alerts.alerts.PAUSES", (0.01,))
    one = alerts(host, hook)
    hook.status = 500
    fail(host, 2)
    window_over(host, one)
    assert len(hook.bodies) == 3
    fail(host)
    hook.status = 404  # it will not be better for being said again
    window_over(host, one)
    assert len(hook.bodies) == 4
    hook.status = 200
    window_over(host, one)  # nothing new; but there is something to tell
    text = told(hook)[-1]
    assert "Dead letters: 3" in text
    assert "2 earlier alert(s) could not be delivered" in text
    window_over(host, one)
    assert len(hook.bodies) == 5


def test_slow_down_is_honoured(host: Process, hook: Vendor) -> None:
    one = alerts(host, hook)
    hook.status, hook.headers = 429, {"Retry-After": "0.3"}
    fail(host)
    host.clock.advance(WINDOW)
    one.look()
    wait_until(lambda: len(hook.bodies) == 1, 10)
    hook.status = 200
    wait_until(lambda: len(hook.bodies) == 2, 10)
    assert hook.called_at[1] - hook.called_at[0] >= 0.3
    assert one._sending is not None
    one._sending.join(10)
    assert [row.state for row in host.store.alerts(0)] == ["told"]


def test_a_relay_that_died_over_a_message_leaves_it_to_the_next(host: Process, hook: Vendor) -> None:
    one = alerts(host, hook)
    fail(host, 2)
    host.clock.advance(WINDOW)
    until = (host.clock.now() - GRACE) // (WINDOW * 1000) * WINDOW * 1000
    assert one._claim(until) is not None  # and dies
    window_over(host, one)
    assert told(hook) == [], "it may still be at it"
    for _ in range(3):
        window_over(host, one)
    assert len(told(hook)) == 1
    assert "Dead letters: 2" in told(hook)[0]


def test_the_relays_loop_is_not_held_up_by_a_webhook_that_hangs(host: Process, hook: Vendor) -> None:
    hook.answers_after = 60
    one = alerts(host, hook)
    fail(host)
    host.clock.advance(WINDOW)
    done = threading.Thread(target=one.look, daemon=True)
    done.start()
    done.join(5)
    assert not done.is_alive()
    wait_until(lambda: len(hook.bodies) == 1, 10)
    hook.answer()
    one.close()


def test_old_rows_are_forgotten(host: Process, hook: Vendor) -> None:
    fail(host)
    window_over(host, alerts(host, hook))
    assert len(host.store.alerts(0)) == 1
    host.store.forget_alerts(host.clock.now() + 1)
    assert len(host.store.alerts(0)) == 0


@pytest.mark.parametrize(
    ("url", "loopback", "why"),
    [
        ("http://hooks.slack.com/services/T/B/X", False, "https"),
        ("http://hooks.slack.com/services/T/B/X", True, "https"),
        ("http://127.0.0.1:9/x", False, "https"),
        ("http://10.0.0.1/x", True, "https"),
        ("ftp://hooks.slack.com/secret", False, "https"),
        ("https://user:secret@hooks.slack.com/x", False, "password"),
        ("not a url", False, "space"),
    ],
)
def test_only_a_good_address_is_taken_and_never_shown(url: str, loopback: bool, why: str) -> None:
    with pytest.raises(SettingsError, match=why) as problem:
        check_webhook(url, "ALERT_WEBHOOK_URL", allow_loopback=loopback)
    assert "ALERT_WEBHOOK_URL" in str(problem.value)
    assert "secret" not in str(problem.value)
    assert "services" not in str(problem.value)


def test_a_private_address_is_not_called(host: Process, hook: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    target = check_webhook(hook.url.replace("http:", "https:"), "ALERT_WEBHOOK_URL")
    one = Alerts(host.store, OpenGate(), host.clock, target, window=WINDOW, liveness=Liveness(15))
    one._stop.set()
    fail(host)
    window_over(host, one)
    assert hook.bodies == []
    assert [row.state for row in host.store.alerts(0)] == ["missed"]
    assert hook.url not in caplog.text


def test_the_message_in_korean_and_long_ones() -> None:
    facts = Facts(dead={f"promo.s{n} permanent": n + 1 for n in range(30)}, closed={"suno down": 7}, lost=2)
    text = message(facts, 1, "ko")
    assert "실패한 단계(데드 레터): 465건" in text
    assert "• 30 × promo.s29 — permanent" in text
    assert "• … 10" in text
    assert "promo.s9 " not in text
    assert "suno가 응답하지 않아요" in text
    assert "보내지 못한 알림 1건" in text
