"""``/metrics`` for Prometheus: this process's requests, and the queues as the database has them.

Closed by default: it answers this machine, asked directly and not through a proxy, and a caller that is
named ``metrics`` (in API_KEYS, in a token's subject, or by the gateway). All others get 404.
"""

import hmac
from collections import Counter as Tally
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import redis
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from stagepass.auth.hosts import is_loopback
from stagepass.bootstrap import System
from stagepass.bus.listen import Feed
from stagepass.bus.publish import SUM
from stagepass.engine.model.records import WorkerRow
from stagepass.errors import NotFound, RequestError, StoreUnavailable, Unavailable
from stagepass.observe.catalogue import BEYOND, METRICS
from stagepass.observe.catalogue import Metric as Described
from stagepass.sentences import sentence
from stagepass.settings import Settings

router = APIRouter(include_in_schema=False)

SCRAPER = "metrics"
"""The name of a caller that may read the metrics."""

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class Metrics:
    """The metrics of one app."""

    def __init__(self, system: System, feed: Feed) -> None:
        self.registry = CollectorRegistry()
        self._clock = system.engine.clock
        self._requests = Counter(*_facts("stagepass_http_requests"), registry=self.registry)
        self._seconds = _own_histogram("stagepass_http_request_seconds", self.registry)
        self._delivery = _own_histogram("stagepass_event_delivery_seconds", self.registry)
        ProcessCollector(registry=self.registry)
        self.registry.register(_Here(system, feed))
        self.registry.register(_Installation(system))

    def seen(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def delivered(self, committed_at: int) -> None:
        """An event of that time is handed to its clients now."""
        self._delivery.observe(max(0, self._clock.now() - committed_at) / 1000)


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def _facts(name: str) -> tuple[str, str, tuple[str, ...]]:
    metric = METRICS[name]
    return metric.name, metric.text, metric.labels


def _own_histogram(name: str, registry: CollectorRegistry) -> Histogram:
    return Histogram(*_facts(name), buckets=METRICS[name].buckets, registry=registry)


def _gauge(name: str, values: Mapping[Any, float]) -> GaugeMetricFamily:
    metric = METRICS[name]
    family = GaugeMetricFamily(metric.name, metric.text, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


class _Collector(Collector):
    def describe(self) -> Iterator[Metric]:
        return iter(())


class _Here(_Collector):
    """Figures of this process alone."""

    def __init__(self, system: System, feed: Feed) -> None:
        self._system = system
        self._feed = feed

    def collect(self) -> Iterator[Metric]:
        name, text, _ = _facts("stagepass_event_entries_dropped")
        yield CounterMetricFamily(name, text, self._feed.dropped)
        yield _gauge("stagepass_event_followers", {(): self._feed.followers})
        yield _gauge("stagepass_build_info", {(version("stagepass"),): 1})
        yield _gauge("stagepass_database_connections", {(): self._system.store.connections_in_use()})


class _Installation(_Collector):
    """Figures of the whole installation, read from the database and Redis at each scrape."""

    def __init__(self, system: System) -> None:
        self._system = system

    def collect(self) -> Iterator[Metric]:
        for part in (self._work, self._relay, self._counted, self._providers, self._redis):
            try:
                yield from part()
            except (StoreUnavailable, Unavailable, redis.RedisError):
                continue  # a server that is away takes only its own figures with it

    def _work(self) -> Iterator[Metric]:
        clock, store = self._system.engine.clock, self._system.store
        clock.refresh()
        runs, workers, now = store.unfinished(), store.workers(), clock.now()
        living = self._system.liveness.living(workers, now)
        yield _gauge("stagepass_stage_runs", {(queue, state): count for queue, state, count in runs})
        serving = self._system.liveness.served(workers, now)
        # includes queues that only an older or newer version declares
        queues = sorted({*self._system.registry.queues(), *(queue for queue, _, _ in runs)})
        oldest = store.oldest_ready(now)
        ages = {(queue,): (now - oldest.get(queue, now)) / 1000 for queue in queues}
        yield _gauge("stagepass_queue_oldest_ready_seconds", ages)
        yield _gauge("stagepass_queue_served", {(queue,): float(queue in serving) for queue in queues})
        busy = {queue: count for queue, state, count in runs if state == "running"}
        yield _gauge("stagepass_queue_busy", {(queue,): busy.get(queue, 0) for queue in queues})
        yield from self._workers(living)

    def _workers(self, living: Sequence[WorkerRow]) -> Iterator[Metric]:
        yield _gauge("stagepass_workers", {(): len(living)})
        locked = sum(worker.lock_key is not None for worker in living)
        yield _gauge("stagepass_workers_watched", {("lock",): locked, ("heartbeat",): len(living) - locked})
        slots: Tally[str] = Tally()
        for worker in living:
            slots.update(dict.fromkeys(worker.queues, worker.slots))
        yield _gauge("stagepass_queue_slots", {(queue,): count for queue, count in slots.items()})

    def _relay(self) -> Iterator[Metric]:
        now = self._system.engine.clock.now()
        seen = [one.beat_at for one in self._system.store.processes(now - RELAY_FORGOTTEN) if one.role == "relay"]
        if seen:
            yield _gauge("stagepass_relay_last_seen_seconds", {(): max(0, now - max(seen)) / 1000})

    def _counted(self) -> Iterator[Metric]:
        """Counters and histograms of all processes."""
        counted = self._system.bus.counters()
        for metric in METRICS.values():
            if metric.scope != "installation" or metric.kind == "gauge":
                continue
            own = {key[1:]: value for key, value in counted.items() if key[0] in (metric.name, _short(metric.name))}
            if metric.kind == "counter":
                family = CounterMetricFamily(metric.name, metric.text, labels=metric.labels)
                for labels, amount in own.items():
                    family.add_metric(labels, amount)
                yield family
            else:
                yield _histogram(metric, own)

    def _providers(self) -> Iterator[Metric]:
        breakers = self._system.provider_limits.breakers()
        closed = {(breaker.provider, breaker.reason): 1.0 for breaker in breakers}
        yield _gauge("stagepass_provider_closed", closed)
        parked = {
            (breaker.provider,): float(sum(count for _, count in self._system.store.count_parked(breaker.provider)))
            for breaker in breakers
        }
        yield _gauge("stagepass_provider_parked", parked)

    def _redis(self) -> Iterator[Metric]:
        yield _gauge("stagepass_redis_memory_bytes", {(): self._system.bus.memory()})


RELAY_FORGOTTEN = 86_400_000
"""Milliseconds after which a relay that is gone is not mentioned any more."""


def _short(name: str) -> str:
    """The name under which a counter is kept in Redis."""
    return name.removeprefix("stagepass_")


def _histogram(metric: Described, counted: Mapping[tuple[str, ...], float]) -> HistogramMetricFamily:
    """Each value was counted in its own bucket; Prometheus wants all up to each bound."""
    family = HistogramMetricFamily(metric.name, metric.text, labels=metric.labels)
    bounds = [*(f"{bound:g}" for bound in metric.buckets), BEYOND]
    for labels in sorted({key[:-1] for key in counted}):
        total, buckets = 0.0, []
        for bound in bounds:
            total += counted.get((*labels, bound), 0.0)
            buckets.append((bound, total))
        family.add_metric(labels, buckets, counted.get((*labels, SUM), 0.0))
    return family


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
