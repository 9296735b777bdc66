"""A vendor's HTTP answers as our errors: by tables, so that an adapter says nothing but where its vendor differs.

A table is read from the top; the first rule that fits decides. What no rule of the vendor's fits is
read by the usual meaning of the HTTP status. `retry_after` is the one place that reads when to retry.
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
from stagepass.text import clean

LONGEST_RETRY_AFTER = 86_400.0
"""Maximum accepted `Retry-After`, in seconds: one day."""

LONGEST_BODY = 65_536
"""Bytes of an error's body that are looked at, where it is not read as JSON before."""

LONGEST_HINT = 500
"""Characters of a vendor's hint that are kept."""

LONGEST_MESSAGE = 2_000
"""Characters of a vendor's message that rules are held against."""


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
        date = parsedate_to_datetime(text or "").timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return _capped(date - (time.time() if now is None else now))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _capped(seconds: float) -> float:
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER)


class OddAnswer(Transient):
    """A status of success with an error, a web page or half an answer behind it.

    It may pass, and the next attempt or the next model of a chain is asked. It is no sign that the provider is down:
    gateways answer so for one of their models.
    """


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
        reason: see `StageError`.
    """

    raises: type[StageError]
    message: str
    status: Sequence[int] = ()
    code: Sequence[str] = ()
    text: str = ""
    wait: float | None = None
    advice: str | None = None
    not_done: bool = False
    reason: str | None = None

    def fits(self, status: int, codes: Sequence[str], text: str) -> bool:
        """Whether it is about this answer."""
        return (
            (not self.status or status in self.status)
            and (not self.code or any(code in self.code for code in codes))
            and (not self.text or re.search(self.text, text, re.IGNORECASE) is not None)
        )


@dataclass(frozen=True, slots=True)
class Table:
    """One vendor's error format.

    Args:
        provider: its name, as in `ctx.using`.
        rules: from the top.
        codes: where a JSON body has its codes, as dotted paths (``error.code``).
        texts: where messages stand.
        waits: where a JSON body says after how long to come back, as ``"37s"`` or in seconds.
        good: codes that mean success, of a vendor that answers 200 to everything and says more in the body;
            empty where the status alone tells.
        holds: names of which a good JSON object holds at least one; empty for any.
        hints: where the vendor's hint to a developer stands; it is added to the advice of an error that does not pass.
    """

    provider: str
    rules: Sequence[Rule] = ()
    codes: Sequence[str] = ("error.code", "error.type", "code")
    texts: Sequence[str] = ("error.message", "message", "error")
    waits: Sequence[str] = ()
    good: frozenset[str] = field(default_factory=frozenset)
    holds: Sequence[str] = ()
    hints: Sequence[str] = ()

    def error(self, status: int, body: Any = b"", headers: Mapping[str, str] | None = None) -> StageError | None:
        """The error of an answer; None for a successful one.

        An error that comes with a status of success (gateways do that) is read by the status in its body. One that
        says nothing more may pass.

        Args:
            status: the HTTP status.
            body: as it came, or already read as JSON.
            headers: the answer's.
        """
        value = _read(body)
        codes = [str(found) for path in self.codes for found in _at(value, path)]
        succeeded = 200 <= status < 300
        if succeeded and self._is_good(value, codes):
            return None
        paths = dict.fromkeys((*self.texts, *_TEXTS)) if succeeded else self.texts
        texts = [found for path in paths for found in _at(value, path) if isinstance(found, str)]
        text = " ".join(texts)[:LONGEST_MESSAGE]
        meant = (_meant(value) or status) if succeeded else status
        odd = succeeded and not (self.good and codes)  # not this vendor's own way to say no
        rules = (*self.rules, *EVERYBODY, *(UNDER_SUCCESS if odd else ()))
        rule = next((rule for rule in rules if rule.fits(meant, codes, text)), UNKNOWN)
        wait = retry_after(headers or {})
        if wait is None:
            wait = next(
                (_capped(wait) for path in self.waits for wait in map(_seconds, _at(value, path)) if wait), None
            )
        kind = OddAnswer if odd and rule.raises is Transient else rule.raises
        return kind(
            f"{self.provider}: {rule.message} (HTTP {status}{_shown(codes)})",
            provider=self.provider,
            retry_after=rule.wait if wait is None else wait,
            advice=self._advice(rule, value),
            not_done=rule.not_done,
            estimated=wait is None and rule.wait is not None,
            reason=rule.reason,
        )

    def _advice(self, rule: Rule, value: Any) -> str | None:
        said = next((found for path in self.hints for found in _at(value, path) if isinstance(found, str)), "")
        hint = clean(said, most=LONGEST_HINT)
        if not hint or rule.reason or issubclass(rule.raises, (RateLimited, QuotaExhausted)):
            return rule.advice
        return f"{rule.advice}; {self.provider}: {hint}" if rule.advice else f"{self.provider}: {hint}"

    def _is_good(self, value: Any, codes: Sequence[str]) -> bool:
        if self.good and codes:
            return any(code in self.good for code in codes)
        first = value[0] if isinstance(value, list) and value else value
        if not isinstance(first, Mapping):
            return True  # not JSON, or of another shape: the reader reports it
        if first.get("error") or "error" in (first.get("type"), first.get("object")):
            return False
        return not self.holds or first is not value or any(first.get(name) is not None for name in self.holds)


def _read(body: Any) -> Any:
    if not isinstance(body, (bytes, str)):
        return body
    try:
        return json.loads(body[:LONGEST_BODY])
    except (ValueError, RecursionError):  # not JSON: a proxy's page, or nothing
        return None


_STATUSES = ("code", "status", "status_code", "statusCode", "http_status", "httpStatus")
"""Fields in which gateways put the HTTP status of the upstream answer."""

_NAMED = {
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "insufficient_quota": 402,
    "billing_error": 402,
    "invalid_request_error": 400,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Statuses by the names that several vendors give to errors."""


_TEXTS = ("error.message", "error", "message", "detail")
"""Fields in which gateways put the error message."""


def _meant(value: Any) -> int | None:
    """The HTTP status that an error's body speaks of, as a number or by a usual name."""
    written = [
        str(found) for name in (*_STATUSES, "type") for path in (f"error.{name}", name) for found in _at(value, path)
    ]
    numbers = (int(text) for text in written if re.fullmatch(r"[45]\d\d", text, re.ASCII))
    return next(numbers, next((_NAMED[text] for text in written if text in _NAMED), None))


def _at(value: Any, path: str) -> list[Any]:
    """Values at a dotted path; through a list, the values of all its entries."""
    found = [value]
    for name in path.split("."):
        entries = [entry for one in found for entry in (one if isinstance(one, list) else [one])]
        found = [entry[name] for entry in entries if isinstance(entry, Mapping) and entry.get(name) is not None]
    return [one for one in found if not isinstance(one, (Mapping, list))]


def _seconds(value: Any) -> float | None:
    return _number(str(value).removesuffix("s"))


def _shown(codes: Sequence[str]) -> str:
    """The first code, where it can be nothing but one."""
    return f", {codes[0]}" if codes and re.fullmatch(r"[\w.-]{1,60}", codes[0]) else ""


UNKNOWN = Rule(Permanent, "returned an unexpected response")

_KEY = "check the API key: is it set, does it belong to this account, does it have the permission?"
_CREDIT = "top up the account; waiting jobs continue automatically"

EVERYBODY = (
    Rule(Permanent, "rejected the API key", status=(401, 403), advice=_KEY, reason="key"),
    Rule(QuotaExhausted, "has no credit left", status=(402,), advice=_CREDIT),
    Rule(TimedOut, "timed out", status=(408, 504)),
    Rule(RateLimited, "rate limit exceeded", status=(425, 429)),
    Rule(Transient, "is overloaded", status=(503, 529)),
    Rule(Transient, "failed", status=range(500, 600)),
    Rule(Permanent, "rejected the request", status=range(300, 500)),
)
"""The usual meaning of a status (RFC 9110; 529 is Anthropic's)."""

UNDER_SUCCESS = (
    Rule(
        Permanent,
        "rejected the API key",
        text=r"(invalid|incorrect|missing|no).{0,20}(api.?key|credential)",
        advice=_KEY,
        reason="key",
    ),
    Rule(QuotaExhausted, "has no credit left", text=r"(insufficient|not enough).{0,20}(credit|balance|quota|fund)"),
    Rule(Transient, "returned an error"),
)
"""Fields with an error message under a success status without a code."""
