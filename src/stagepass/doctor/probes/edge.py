"""The way from outside: whether `PUBLIC_URL` leads here, lets events through at once, and takes uploads."""

import http.client
import ssl
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

from stagepass.doctor.facts import UNASKED, EdgeFacts, NotSeen
from stagepass.doctor.sources import Sources
from stagepass.engine.model.filters import JobFilter
from stagepass.engine.model.states import JobState

WITHIN = 2.0
"""Seconds within which an event must come through."""


def look(sources: Sources) -> EdgeFacts:
    """Try `PUBLIC_URL`."""
    url = sources.settings.public_url.rstrip("/")
    if not url:
        raise NotSeen("edge", UNASKED)
    try:
        status, body, days = _live(url)
    except (OSError, http.client.HTTPException) as problem:
        return EdgeFacts(url, problem=f"{type(problem).__name__}: {problem}"[:300])
    if status != 200 or b'"status"' not in body:
        return EdgeFacts(url, answers=True, ours=False, problem=f"HTTP {status}", certificate_days=days)
    return EdgeFacts(
        url,
        answers=True,
        upload_refused_at=_refused_upload(url, sources.settings.max_upload_bytes),
        event_late=_event_late(url, sources),
        certificate_days=days,
    )


def _connection(url: str, timeout: float = WITHIN) -> tuple[http.client.HTTPConnection, str]:
    parts = urlsplit(url)
    if parts.scheme == "https":
        return http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=timeout), parts.path
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout), parts.path


def _live(url: str) -> tuple[int, bytes, float | None]:
    connection, path = _connection(url)
    try:
        connection.request("GET", f"{path}/health/live")
        days = _days_left(connection)
        answer = connection.getresponse()
        return answer.status, answer.read(2000), days
    finally:
        connection.close()


def _days_left(connection: http.client.HTTPConnection) -> float | None:
    """Days for which the certificate is still good."""
    if not isinstance(connection.sock, ssl.SSLSocket):
        return None
    certificate = connection.sock.getpeercert()
    if not certificate:
        return None
    end = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    return (end - datetime.now(UTC).timestamp()) / 86_400


def _refused_upload(url: str, size: int) -> int | None:
    """The size that a proxy refuses although the API takes it. Only the head of a request is sent, and no body."""
    connection, path = _connection(url)
    try:
        connection.putrequest("POST", f"{path}/api/v1/pipelines/-/jobs")
        connection.putheader("Content-Type", "multipart/form-data; boundary=x")
        connection.putheader("Content-Length", str(size))
        connection.putheader("Expect", "100-continue")
        connection.endheaders()
        status = connection.getresponse().status
        return size if status == 413 else None
    except (OSError, http.client.HTTPException):
        return None  # it waits for the body: the size is taken
    finally:
        connection.close()


def _event_late(url: str, sources: Sources) -> bool | None:
    """Whether the first event of an open job does not come through at once; None where no job is open."""
    states = (JobState.RUNNING, JobState.HELD, JobState.QUEUED)
    found = sources.store.jobs(JobFilter(None, states=states, limit=1))
    if not found:
        return None
    job = found[0]
    ticket = sources.ticket(job.id, job.owner)
    connection, path = _connection(url)
    try:
        began = time.monotonic()
        connection.request("GET", f"{path}/api/v1/jobs/{job.id}/events?ticket={ticket}")
        answer = connection.getresponse()
        if answer.status != 200:
            return None
        return not answer.fp.readline() or time.monotonic() - began > WITHIN
    except TimeoutError:
        return True
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
