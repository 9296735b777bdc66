"""``/metrics`` for Prometheus: this process's requests, and the queues as the database has them.

Closed by default: it answers this machine, asked directly and not through a proxy, and a caller that is
named ``metrics`` (in API_KEYS, in a token's subject, or by the gateway). All others get 404.
"""

import hmac
from collections.abc import Iterator

import redis
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from stagepass.auth.hosts import is_loopback
from stagepass.bootstrap import System
from stagepass.bus.listen import Feed
from stagepass.errors import NotFound, RequestError, StoreUnavailable, Unavailable
from stagepass.sentences import sentence
from stagepass.settings import Settings

router = APIRouter(include_in_schema=False)

SCRAPER = "metrics"
"""The name of a caller that may read the metrics."""

_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class Metrics:
    """The metrics of one app."""

    def __init__(self, system: System, feed: Feed) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "stagepass_http_requests", "Requests", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "stagepass_http_request_seconds",
            "Time to answer; of event streams, how long they were followed",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)
        self.registry.register(_Queues(system, feed))

    def seen(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class _Queues(Collector):
    """Figures read from the database at each scrape."""

    def __init__(self, system: System, feed: Feed) -> None:
        self._system = system
        self._feed = feed

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "stagepass_event_entries_dropped", "Entries of Redis that could not be read here", self._feed.dropped
        )
        yield GaugeMetricFamily("stagepass_event_followers", "Clients that follow a job here", self._feed.followers)
        try:
            self._system.engine.clock.refresh()
            workers = self._system.store.workers()
            runs = self._system.store.unfinished()
        except StoreUnavailable:
            return
        yield from self._counters()
        yield from self._breakers()
        now, liveness = self._system.engine.clock.now(), self._system.liveness
        living = liveness.living(workers, now)
        yield GaugeMetricFamily("stagepass_workers", "Worker processes alive", len(living))
        watched = GaugeMetricFamily(
            "stagepass_workers_watched", "Worker processes alive, by what would show their death", labels=["by"]
        )
        locked = sum(worker.lock_key is not None for worker in living)
        for by, count in (("lock", locked), ("heartbeat", len(living) - locked)):
            watched.add_metric([by], count)
        yield watched
        unfinished = GaugeMetricFamily(
            "stagepass_stage_runs", "Stage runs that are not done; failed are dead letters", labels=["queue", "state"]
        )
        for queue, state, count in runs:
            unfinished.add_metric([queue, state], count)
        yield unfinished
        served = GaugeMetricFamily("stagepass_queue_served", "1 where some worker serves the queue", labels=["queue"])
        serving = liveness.served(workers, now)
        # includes queues that only an older or newer version declares
        for queue in sorted({*self._system.registry.queues(), *(queue for queue, _, _ in runs)}):
            served.add_metric([queue], float(queue in serving))
        yield served

    def _counters(self) -> Iterator[Metric]:
        """Counters of all processes, from Redis."""
        try:
            counted = self._system.bus.counters()
        except redis.RedisError:
            return
        for name, (text, labels) in _COUNTERS.items():
            family = CounterMetricFamily(f"stagepass_{name}", text, labels=labels)
            for key, amount in counted.items():
                if key[0] == name:
                    family.add_metric(key[1:], amount)
            yield family

    def _breakers(self) -> Iterator[Metric]:
        closed = GaugeMetricFamily(
            "stagepass_provider_closed", "1 while it is not called", labels=["provider", "reason"]
        )
        parked = GaugeMetricFamily("stagepass_provider_parked", "Stage runs that wait for it", labels=["provider"])
        try:
            for breaker in self._system.provider_limits.breakers():
                closed.add_metric([breaker.provider, breaker.reason], 1)
                counts = self._system.store.count_parked(breaker.provider)
                parked.add_metric([breaker.provider], sum(count for _, count in counts))
        except (Unavailable, StoreUnavailable):
            return
        yield closed
        yield parked


_COUNTERS = {
    "stage_run_outcomes": (
        "Ends of attempts, and what else befell stage runs, since Redis began",
        ["queue", "outcome", "code"],
    ),
    "messages_dropped": ("Messages that workers could not read, since Redis began", []),
    "spends": ("Payments that stages noted, since Redis began", ["queue", "provider"]),
    "spend_usd": ("US dollars that stages noted, since Redis began", ["queue", "provider"]),
}


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """The metrics, for those who may read them."""
    if not _may_read(request):
        raise NotFound(sentence("no such route; see /docs"))
    found: Metrics = request.app.state.metrics
    return Response(generate_latest(found.registry), media_type=CONTENT_TYPE_LATEST)


def _may_read(request: Request) -> bool:
    """With METRICS_KEY, or a key of API_KEYS by that name; else only where this machine alone is answered, directly."""
    settings: Settings = request.app.state.system.settings
    if key := settings.metrics_key.get_secret_value():
        given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        return hmac.compare_digest(key.encode(), given.encode())
    if settings.auth_mode == "api_key":  # there the operator gives the names; elsewhere a user could take this one
        try:
            return bool(request.app.state.authenticate(request).name == SCRAPER)
        except RequestError:
            return False
    direct = not any(name in request.headers for name in _FORWARDED)
    return settings.auth_mode == "none" and direct and request.client is not None and is_loopback(request.client.host)
