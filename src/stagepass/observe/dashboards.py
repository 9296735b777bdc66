"""Grafana dashboards as plain JSON: operate, one pipeline, providers and money, the event gateway."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SOURCE = {"type": "prometheus", "uid": "${source}"}

WIDTH, HEIGHT = 8, 7
"""Of a panel, in Grafana's grid of 24 columns."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart. `expressions` are pairs of a legend and a query."""

    title: str
    expressions: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: str = "timeseries"


def _share(name: str, quantile: float, by: str, where: str = "") -> str:
    """A quantile of a histogram that every replica exports alike."""
    inner = (
        f"max by (le, {by}) (rate({name}_bucket{where}[5m]))" if by else f"max by (le) (rate({name}_bucket{where}[5m]))"
    )
    outer = f"sum by (le, {by})" if by else "sum by (le)"
    return f"histogram_quantile({quantile}, {outer} ({inner}))"


def _whole(name: str, by: str, where: str = "") -> str:
    return f"max by ({by}) ({name}{where})" if by else f"max({name}{where})"


OPERATE = (
    Panel(
        "Ready and running",
        (("{{queue}} {{state}}", _whole("stagepass_stage_runs", "queue, state", '{state=~"ready|running"}')),),
    ),
    Panel("Oldest ready", (("{{queue}}", _whole("stagepass_queue_oldest_ready_seconds", "queue")),), "s"),
    Panel(
        "Busy slots",
        (
            (
                "{{queue}}",
                f"{_whole('stagepass_queue_busy', 'queue')} / on (queue) {_whole('stagepass_queue_slots', 'queue')}",
            ),
        ),
        "percentunit",
    ),
    Panel("Wait until begun, p90", (("{{queue}}", _share("stagepass_stage_run_wait_seconds", 0.9, "queue")),), "s"),
    Panel(
        "Ends of attempts",
        (
            (
                "{{queue}} {{outcome}}",
                "sum by (queue, outcome) (max by (queue, outcome, code) (rate(stagepass_stage_run_outcomes_total[5m])))",
            ),
        ),
        "ops",
    ),
    Panel(
        "Dead letters, held, parked",
        (("{{queue}} {{state}}", _whole("stagepass_stage_runs", "queue, state", '{state=~"failed|held|parked"}')),),
    ),
    Panel(
        "Workers",
        (
            ("workers", _whole("stagepass_workers", "")),
            ("watched by {{by}}", _whole("stagepass_workers_watched", "by")),
        ),
    ),
    Panel("Served queues", (("{{queue}}", _whole("stagepass_queue_served", "queue")),)),
    Panel("Relay last seen", (("relay", _whole("stagepass_relay_last_seen_seconds", "")),), "s"),
    Panel("Recovery, p90", (("recovery", _share("stagepass_recovery_seconds", 0.9, "")),), "s"),
    Panel("Redis memory", (("redis", _whole("stagepass_redis_memory_bytes", "")),), "bytes"),
    Panel("Version", (("{{version}}", "count by (version) (stagepass_build_info)"),)),
)

PIPELINE = (
    Panel(
        "Jobs ended",
        (
            (
                "{{state}}",
                'sum by (state) (max by (pipeline, state) (rate(stagepass_job_seconds_count{pipeline="$pipeline"}[5m])))',
            ),
        ),
        "ops",
    ),
    Panel(
        "Duration of jobs, p50 and p90",
        (
            ("p50 {{state}}", _share("stagepass_job_seconds", 0.5, "state", '{pipeline="$pipeline"}')),
            ("p90 {{state}}", _share("stagepass_job_seconds", 0.9, "state", '{pipeline="$pipeline"}')),
        ),
        "s",
    ),
    Panel(
        "Attempts, p90",
        (("{{queue}}", _share("stagepass_stage_run_attempt_seconds", 0.9, "queue", '{queue=~"$pipeline[.].*"}')),),
        "s",
    ),
    Panel(
        "Wait until begun, p90",
        (("{{queue}}", _share("stagepass_stage_run_wait_seconds", 0.9, "queue", '{queue=~"$pipeline[.].*"}')),),
        "s",
    ),
    Panel(
        "Stage runs now",
        (("{{queue}} {{state}}", _whole("stagepass_stage_runs", "queue, state", '{queue=~"$pipeline[.].*"}')),),
    ),
    Panel(
        "Errors by code",
        (
            (
                "{{queue}} {{code}}",
                'sum by (queue, code) (max by (queue, outcome, code) (rate(stagepass_stage_run_outcomes_total{queue=~"$pipeline[.].*",code!=""}[5m])))',
            ),
        ),
        "ops",
    ),
)

MONEY = (
    Panel(
        "Spent per hour",
        (("{{provider}}", "sum by (provider) (max by (queue, provider) (increase(stagepass_spend_usd_total[1h])))"),),
        "currencyUSD",
    ),
    Panel(
        "Spent per hour by stage",
        (("{{queue}}", "sum by (queue) (max by (queue, provider) (increase(stagepass_spend_usd_total[1h])))"),),
        "currencyUSD",
    ),
    Panel("Calls, p90", (("{{provider}}", _share("stagepass_provider_call_seconds", 0.9, "provider")),), "s"),
    Panel(
        "Calls by outcome",
        (
            (
                "{{provider}} {{outcome}}",
                "sum by (provider, outcome) (max by (provider, outcome) (rate(stagepass_provider_call_seconds_count[5m])))",
            ),
        ),
        "ops",
    ),
    Panel("Closed", (("{{provider}} {{reason}}", _whole("stagepass_provider_closed", "provider, reason")),)),
    Panel("Waiting for a provider", (("{{provider}}", _whole("stagepass_provider_parked", "provider")),)),
)

GATEWAY = (
    Panel("Requests", (("{{status}}", "sum by (status) (rate(stagepass_http_requests_total[5m]))"),), "reqps"),
    Panel(
        "Time to answer, p99",
        (
            (
                "{{route}}",
                "histogram_quantile(0.99, sum by (le, route) (rate(stagepass_http_request_seconds_bucket[5m])))",
            ),
        ),
        "s",
    ),
    Panel("Clients that follow", (("{{instance}}", "stagepass_event_followers"),)),
    Panel(
        "Commit to client, p99",
        (
            (
                "{{instance}}",
                "histogram_quantile(0.99, sum by (le, instance) (rate(stagepass_event_delivery_seconds_bucket[5m])))",
            ),
        ),
        "s",
    ),
    Panel("Database connections", (("{{instance}}", "stagepass_database_connections"),)),
)

DASHBOARDS: dict[str, tuple[str, Sequence[Panel]]] = {
    "operate": ("Stagepass: operate", OPERATE),
    "pipeline": ("Stagepass: one pipeline", PIPELINE),
    "money": ("Stagepass: providers and money", MONEY),
    "gateway": ("Stagepass: event gateway", GATEWAY),
}


def dashboard(name: str) -> str:
    """One dashboard, as JSON that Grafana imports."""
    title, panels = DASHBOARDS[name]
    return json.dumps(
        {
            "uid": f"stagepass-{name}",
            "title": title,
            "tags": ["stagepass"],
            "schemaVersion": 39,
            "editable": True,
            "refresh": "15s",
            "time": {"from": "now-3h", "to": "now"},
            "templating": {"list": _variables(name)},
            "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
        },
        indent=1,
    )


def _variables(name: str) -> list[dict[str, Any]]:
    source = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    if name != "pipeline":
        return [source]
    query = "label_values(stagepass_job_seconds_count, pipeline)"
    return [
        source,
        {"name": "pipeline", "label": "Pipeline", "type": "query", "datasource": SOURCE, "query": query, "refresh": 2},
    ]


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    return {
        "id": number + 1,
        "type": panel.kind,
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": {"x": number % 3 * WIDTH, "y": number // 3 * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(65 + place), "expr": query, "legendFormat": legend, "datasource": SOURCE}
            for place, (legend, query) in enumerate(panel.expressions)
        ],
    }
