"""A vendor's HTTP answers as our errors: by tables, so that an adapter says nothing but where its vendor differs.

A table is read from the top; the first rule that fits decides. What no rule of the vendor's fits is
read by what the HTTP status means to everybody. `retry_after` is the one place that reads when to come back.
"""

import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from stagepass.errors import Permanent, QuotaExhausted, RateLimited, StageError, TimedOut, Transient

LONGEST_RETRY_AFTER = 86_400.0
"""Seconds: nobody is believed who says to come back later than in a day."""

LONGEST_BODY = 65_536
"""Bytes of an error's body that are looked at."""


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Seconds after which to come back, from an answer's headers; None when it does not say, or not sensibly.

    Read are ``retry-after-ms`` (OpenAI; milliseconds), then ``Retry-After`` in both of its forms, seconds and a
    date (RFC 9110, 10.2.3). Never negative, and never more than `LONGEST_RETRY_AFTER`.

    Args:
        headers: in any case.
        now: seconds since the epoch, to take a date from; by default the clock.
    """
    given = {name.lower(): value.strip() for name, value in headers.items()}
    if (exact := _number(given.get("retry-after-ms"))) is not None:
        return _capped(exact / 1000)
    text = given.get("retry-after")
    if (seconds := _number(text)) is not None:
        return _capped(seconds)
    try:
        date = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return _capped(date.timestamp() - (time.time() if now is None else now))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _capped(seconds: float) -> float:
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER)


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a table. It fits when everything that it names fits.

    Args:
        raises: which of our errors it is; that decides what happens next.
        message: what happened, for a person; in our words, since the vendor's may hold what a person wrote.
        status: HTTP statuses; empty for any.
        code: the vendor's codes (`Table.codes` says where they stand); empty for any.
        text: a pattern to find in the vendor's message, in any case.
        wait: seconds to come back after, where the answer itself does not say.
        advice: what a person can do, if they must.
        not_done: nothing was bought or begun, although this class of error would not say so by itself.
    """

    raises: type[StageError]
    message: str
    status: Sequence[int] = ()
    code: Sequence[str] = ()
    text: str = ""
    wait: float | None = None
    advice: str | None = None
    not_done: bool = False

    def fits(self, status: int, codes: Sequence[str], text: str) -> bool:
        """Whether it is about this answer."""
        return (
            (not self.status or status in self.status)
            and (not self.code or any(code in self.code for code in codes))
            and (not self.text or re.search(self.text, text, re.IGNORECASE) is not None)
        )


@dataclass(frozen=True, slots=True)
class Table:
    """How one vendor says that something went wrong.

    Args:
        provider: its name, as in `ctx.using`.
        rules: from the top.
        codes: where codes stand in a JSON body, as dotted paths (``error.code``).
        texts: where messages stand.
        waits: where a JSON body says after how long to come back, as ``"37s"`` or in seconds.
        good: codes that mean success, of a vendor that answers 200 to everything and says more in the body;
            empty where the status alone tells.
    """

    provider: str
    rules: Sequence[Rule] = ()
    codes: Sequence[str] = ("error.code", "error.type", "code")
    texts: Sequence[str] = ("error.message", "message", "error")
    waits: Sequence[str] = ()
    good: frozenset[str] = field(default_factory=frozenset)

    def error(
        self, status: int, body: bytes | str | Mapping[str, Any] = b"", headers: Mapping[str, str] | None = None
    ) -> StageError | None:
        """The error that an answer stands for; None when it is a good one.

        Args:
            status: the HTTP status.
            body: as it came, or already read as JSON.
            headers: the answer's.
        """
        value = _read(body)
        codes = [str(found) for path in self.codes for found in _at(value, path)]
        if 200 <= status < 300 and (not self.good or not codes or any(code in self.good for code in codes)):
            return None
        text = " ".join(found for path in self.texts for found in _at(value, path) if isinstance(found, str))
        rule = next((rule for rule in (*self.rules, *EVERYBODY) if rule.fits(status, codes, text)), UNKNOWN)
        wait = retry_after(headers or {})
        if wait is None:
            wait = next(
                (_capped(told) for path in self.waits for told in map(_seconds, _at(value, path)) if told), None
            )
        return rule.raises(
            f"{self.provider}: {rule.message} (HTTP {status}{_shown(codes)})",
            provider=self.provider,
            retry_after=rule.wait if wait is None else wait,
            advice=rule.advice,
            not_done=rule.not_done,
        )


def _read(body: bytes | str | Mapping[str, Any]) -> Any:
    if isinstance(body, Mapping):
        return body
    try:
        return json.loads(body[:LONGEST_BODY])
    except ValueError:  # not JSON: a proxy's page, or nothing
        return None


def _at(value: Any, path: str) -> list[Any]:
    """What stands at a dotted path; through a list, what stands there in each of its entries."""
    found = [value]
    for name in path.split("."):
        entries = [entry for one in found for entry in (one if isinstance(one, list) else [one])]
        found = [entry[name] for entry in entries if isinstance(entry, Mapping) and entry.get(name) is not None]
    return [one for one in found if not isinstance(one, (Mapping, list))]


def _seconds(told: Any) -> float | None:
    return _number(str(told).removesuffix("s"))


def _shown(codes: Sequence[str]) -> str:
    """The first code, where it can be nothing but one."""
    return f", {codes[0]}" if codes and re.fullmatch(r"[\w.-]{1,60}", codes[0]) else ""


UNKNOWN = Rule(Permanent, "returned an unexpected response")

_KEY = "check the API key: is it set, does it belong to this account, does it have the permission?"
_CREDIT = "top up the account; waiting jobs continue automatically"

EVERYBODY = (
    Rule(Permanent, "rejected the API key", status=(401, 403), advice=_KEY),
    Rule(QuotaExhausted, "has no credit left", status=(402,), advice=_CREDIT),
    Rule(TimedOut, "timed out", status=(408, 504)),
    Rule(RateLimited, "rate limit exceeded", status=(425, 429)),
    Rule(Transient, "is overloaded", status=(503, 529)),
    Rule(Transient, "failed", status=range(500, 600)),
    Rule(Permanent, "rejected the request", status=range(300, 500)),
)
"""The usual meaning of a status (RFC 9110; 529 is Anthropic's)."""
