"""Sends one alert per window: the relay that inserts the window's row in SQL sends it.

A relay inserts the row of a window with something to report, with its facts, and then sends the message. If the
row exists, another relay sends it, so no window is reported twice. A message that could not be delivered, or whose
relay died, is included in the next window's message.
"""

import json
import logging
import threading

from stagepass.alerts.facts import Facts, look
from stagepass.alerts.message import message
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.limits import ProviderLimits
from stagepass.errors import RequestError, StagepassError
from stagepass.providers.answers import retry_after
from stagepass.providers.fetching.addresses import Target
from stagepass.providers.fetching.post import post_json
from stagepass.reports.liveness import Liveness
from stagepass.store import SqlStore

log = logging.getLogger("stagepass.alerts")

GRACE = 3000
"""Milliseconds after a window's end until it is looked at: what was about to be committed is in it then."""

LOOK_BACK = 3_600_000
"""Milliseconds: older facts were not reported because no relay ran, and are out of date."""

TRIES = 3
"""Attempts per message, with the pause requested by the webhook or these seconds between them."""
PAUSES = (1.0, 4.0)
LONGEST_PAUSE = 20.0
TIMEOUT = 10.0


class Alerts:
    """Part of the relay; `look` is called once a second and never blocks.

    Args:
        target: the webhook's address, from `check_webhook`.
        window: seconds.
    """

    def __init__(
        self,
        store: SqlStore,
        provider_limits: ProviderLimits,
        clock: Clock,
        target: Target,
        *,
        window: float,
        liveness: Liveness,
        language: str = "en",
        allow_loopback: bool = False,
    ) -> None:
        self._store = store
        self._provider_limits = provider_limits
        self._clock = clock
        self._target = target
        self._window = int(window * 1000)
        self._liveness = liveness
        self._language = language
        self._allow_loopback = allow_loopback
        self._looked = 0
        self._sending: threading.Thread | None = None
        self._stop = threading.Event()

    def look(self) -> None:
        """At the end of a window: send its alert on a separate thread, if there is one."""
        now = self._clock.now()
        until = (now - GRACE) // self._window * self._window
        if until <= self._looked or (self._sending is not None and self._sending.is_alive()):
            return
        try:
            found = self._claim(until)
        except StagepassError as problem:  # the next second will do
            log.warning("alerts wait: %s", problem)
            return
        self._looked = until
        if found is not None:
            self._sending = threading.Thread(target=self._deliver, args=found, name="stagepass-alert", daemon=True)
            self._sending.start()

    def close(self) -> None:
        """Wait for no pause any more, and for what is being sent."""
        self._stop.set()
        if self._sending is not None:
            self._sending.join(TIMEOUT)

    def _claim(self, until: int) -> tuple[int, Facts, list[int]] | None:
        """The window's facts with those that were missed before, if it is this relay's to tell."""
        rows = self._store.alerts(until - LOOK_BACK)
        since = max([row.until for row in rows], default=until - LOOK_BACK)
        known = Facts()  # reported within the last hour; a lasting problem is reported again after that
        for row in rows:
            known.add(Facts(**json.loads(row.facts)))
        served = self._liveness.served(self._store.workers(), self._clock.now())
        facts = look(self._store, self._provider_limits, since, until, known, served)
        # what a relay is sending right now is left to it, for as long as that can take
        patience = int(TRIES * (TIMEOUT + LONGEST_PAUSE) * 1000)
        missed = [
            row for row in rows if row.state == "missed" or (row.state == "sending" and row.until < until - patience)
        ]
        if not facts and not missed:
            return None
        if not self._store.claim_alert(until, json.dumps(facts.as_json())):
            return None
        for row in missed:
            facts.add(Facts(**json.loads(row.facts)))
        return until, facts, [row.until for row in missed]

    def _deliver(self, until: int, facts: Facts, missed: list[int]) -> None:
        body = {"text": message(facts, len(missed), self._language)}
        try:
            told = self._send(body)
            self._store.end_alert(until, "told" if told else "missed")
            for earlier in missed if told else ():
                self._store.end_alert(earlier, "told")
        except StagepassError as problem:
            log.warning("an alert's end could not be noted: %s", problem)

    def _send(self, body: dict[str, str]) -> bool:
        for number in range(TRIES):
            pause = PAUSES[min(number, len(PAUSES) - 1)]
            try:
                status, headers = post_json(self._target, body, timeout=TIMEOUT, allow_loopback=self._allow_loopback)
            except RequestError as problem:
                log.warning("the alert webhook was not reached: %s", problem.code)
            else:
                if status < 300:
                    return True
                log.warning("the alert webhook answered %d", status)
                if 400 <= status < 429:
                    return False  # it will not be better for being said again
                pause = min(retry_after(headers) or pause, LONGEST_PAUSE)
            if number + 1 < TRIES and self._stop.wait(pause):
                return False
        return False
