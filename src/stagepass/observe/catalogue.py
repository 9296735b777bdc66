"""Every metric: its name, kind, labels and meaning. `/metrics`, the alert rules and the dashboards are made of it.

Labels are bounded sets: no ids, and never an owner. Names follow Prometheus's conventions: base units, `_total`
for counters.
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]
Scope = Literal["installation", "process"]

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)
"""Upper bounds of the buckets for what takes from milliseconds to hours."""

BRIEF = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""The same for what ought to take milliseconds."""

BEYOND = "+Inf"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: without the suffixes that Prometheus adds.
        scope: `installation` for what every API replica answers alike, from the database or Redis: a query takes
            the largest over replicas, never the sum. `process` for what each replica counts itself.
        buckets: of a histogram.
    """

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()
    scope: Scope = "installation"
    buckets: tuple[float, ...] = ()

    @property
    def exported(self) -> tuple[str, ...]:
        """The names that a scrape shows."""
        if self.kind == "counter":
            return (f"{self.name}_total",)
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)

    def bucket(self, seconds: float) -> str:
        """The bound of the first bucket that holds this, as its label."""
        place = bisect_left(self.buckets, seconds)
        return f"{self.buckets[place]:g}" if place < len(self.buckets) else BEYOND


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        # what is there now
        Metric("stagepass_build_info", "gauge", "1, with the version of this process", ("version",), "process"),
        Metric("stagepass_workers", "gauge", "Live worker processes"),
        Metric("stagepass_workers_watched", "gauge", "Live worker processes, by what would show their death", ("by",)),
        Metric(
            "stagepass_stage_runs", "gauge", "Stage runs that are not done; failed are dead letters", ("queue", "state")
        ),
        Metric("stagepass_queue_served", "gauge", "1 where some worker serves the queue", ("queue",)),
        Metric("stagepass_queue_slots", "gauge", "Slots of live workers that serve the queue", ("queue",)),
        Metric("stagepass_queue_busy", "gauge", "Slots that run a stage of the queue", ("queue",)),
        Metric("stagepass_queue_oldest_ready_seconds", "gauge", "Age of the oldest ready stage run", ("queue",)),
        Metric("stagepass_relay_last_seen_seconds", "gauge", "Time since a relay was last seen"),
        Metric("stagepass_provider_closed", "gauge", "1 while it is not called", ("provider", "reason")),
        Metric("stagepass_provider_parked", "gauge", "Stage runs that wait for it", ("provider",)),
        Metric("stagepass_redis_memory_bytes", "gauge", "Memory that Redis uses"),
        Metric("stagepass_database_connections", "gauge", "Connections of this process in use", (), "process"),
        Metric("stagepass_event_followers", "gauge", "Clients that follow a job here", (), "process"),
        # what has happened since Redis began
        Metric(
            "stagepass_stage_run_outcomes",
            "counter",
            "Ends of attempts, and what else befell stage runs, since Redis began",
            ("queue", "outcome", "code"),
        ),
        Metric("stagepass_messages_dropped", "counter", "Messages that workers could not read, since Redis began"),
        Metric("stagepass_spends", "counter", "Payments that stages noted, since Redis began", ("queue", "provider")),
        Metric(
            "stagepass_spend_usd", "counter", "US dollars that stages noted, since Redis began", ("queue", "provider")
        ),
        Metric("stagepass_stage_run_wait_seconds", "histogram", "From ready to begun", ("queue",), buckets=SECONDS),
        Metric(
            "stagepass_stage_run_attempt_seconds",
            "histogram",
            "From begun to its end, with its waits",
            ("queue", "outcome"),
            buckets=SECONDS,
        ),
        Metric(
            "stagepass_job_seconds",
            "histogram",
            "From accepted to its end",
            ("pipeline", "state"),
            buckets=SECONDS,
        ),
        Metric(
            "stagepass_recovery_seconds",
            "histogram",
            "From the last sign of a lost worker to the next attempt elsewhere",
            (),
            buckets=SECONDS,
        ),
        Metric(
            "stagepass_provider_call_seconds",
            "histogram",
            "Time in a slot of a provider",
            ("provider", "outcome"),
            buckets=SECONDS,
        ),
        # of this process
        Metric("stagepass_http_requests", "counter", "Requests", ("method", "route", "status"), "process"),
        Metric(
            "stagepass_http_request_seconds",
            "histogram",
            "Time to answer; of event streams, how long they were followed",
            ("route",),
            "process",
            BRIEF,
        ),
        Metric(
            "stagepass_event_delivery_seconds",
            "histogram",
            "From an event's commit until it is handed to its clients here",
            (),
            "process",
            BRIEF,
        ),
        Metric(
            "stagepass_event_entries_dropped", "counter", "Entries of Redis that could not be read here", (), "process"
        ),
    )
}

UNUSED = frozenset({"stagepass_messages_dropped", "stagepass_spends", "stagepass_event_entries_dropped"})
"""Metrics that no dashboard and no rule needs; they answer questions that come up seldom."""
