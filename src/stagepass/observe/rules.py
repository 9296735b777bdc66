"""Alert rules for Prometheus: what needs a person, and nothing that mends itself."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert.

    Attributes:
        since: how long the expression must hold, in Prometheus's notation.
        text: for the person on call: what is wrong, with labels in `{{ }}`, and the command that tells more.
    """

    name: str
    expression: str
    since: str
    severity: Literal["page", "ticket"]
    text: str


# Figures of the whole installation come from every API replica: the largest of them, never their sum.
RULES: tuple[Rule, ...] = (
    Rule(
        "StagepassNoApi",
        'absent(stagepass_build_info) or max(up{job=~".*stagepass.*"}) == 0',
        "2m",
        "page",
        "No API answers Prometheus. Clients cannot submit or follow jobs.",
    ),
    Rule(
        "StagepassQueueUnserved",
        "max by (queue) (stagepass_queue_served) == 0 and on (queue) "
        'sum by (queue) (max by (queue, state) (stagepass_stage_runs{state=~"ready|parked"})) > 0',
        "1m",
        "page",
        "Work waits in {{ $labels.queue }}, and no worker serves it. Run: stagepass doctor",
    ),
    Rule(
        "StagepassOldestReady",
        "max by (queue) (stagepass_queue_oldest_ready_seconds) > 600",
        "5m",
        "ticket",
        "The oldest stage run of {{ $labels.queue }} has waited for {{ $value | humanizeDuration }}. "
        "Add slots, or see: stagepass workers",
    ),
    Rule(
        "StagepassFailureRate",
        'sum by (queue) (max by (queue, outcome, code) (rate(stagepass_stage_run_outcomes_total{outcome="failed"}[10m])))'
        " / sum by (queue) (max by (queue, outcome, code) "
        '(rate(stagepass_stage_run_outcomes_total{outcome=~"failed|completed"}[10m]))) > 0.2',
        "10m",
        "page",
        "{{ $value | humanizePercentage }} of {{ $labels.queue }} fail. Run: stagepass dead list",
    ),
    Rule(
        "StagepassDeadLetters",
        'sum by (queue) (max by (queue, state) (stagepass_stage_runs{state="failed"})) > 0',
        "15m",
        "ticket",
        "{{ $value }} dead letters in {{ $labels.queue }}. Run: stagepass dead list",
    ),
    Rule(
        "StagepassHeld",
        'sum by (queue) (max by (queue, state) (stagepass_stage_runs{state="held"})) > 0',
        "5m",
        "ticket",
        "{{ $value }} stage runs of {{ $labels.queue }} wait for a decision. Run: stagepass dead held",
    ),
    Rule(
        "StagepassProviderClosed",
        'max by (provider, reason) (stagepass_provider_closed{reason="quota_exhausted"}) == 1',
        "1m",
        "page",
        "{{ $labels.provider }} has no credit left. Top it up; work then continues on its own.",
    ),
    Rule(
        "StagepassStalledQueue",
        "max by (queue) (stagepass_queue_oldest_ready_seconds) > 60 and on (queue) "
        "max by (queue) (stagepass_queue_slots) - on (queue) max by (queue) (stagepass_queue_busy) > 0",
        "2m",
        "page",
        "Work waits in {{ $labels.queue }} although slots are free. Run: stagepass health, on its workers' machines",
    ),
    Rule(
        "StagepassNoRelay",
        "max(stagepass_relay_last_seen_seconds) > 60 or (absent(stagepass_relay_last_seen_seconds) and on () "
        "max(stagepass_build_info) == 1)",
        "1m",
        "page",
        "No relay runs: waits, retries and rescues do not continue. Start one: stagepass relay",
    ),
    Rule(
        "StagepassSlowRecovery",
        "histogram_quantile(0.9, sum by (le) (max by (le) (rate(stagepass_recovery_seconds_bucket[30m])))) > 30",
        "5m",
        "ticket",
        "Work of lost workers takes {{ $value | humanizeDuration }} to begin elsewhere. Are there enough workers?",
    ),
    Rule(
        "StagepassSpend",
        "sum(max by (queue, provider) (increase(stagepass_spend_usd_total[1h]))) > 50",
        "0m",
        "ticket",
        "${{ $value | humanize }} were spent in the last hour. Run: stagepass ledger",
    ),
    Rule(
        "StagepassEventsLag",
        "histogram_quantile(0.99, sum by (le) (rate(stagepass_event_delivery_seconds_bucket[10m]))) > 2.5",
        "10m",
        "ticket",
        "Live events reach clients late: {{ $value | humanizeDuration }}. Add API replicas, or look at Redis.",
    ),
)


def groups() -> dict[str, Any]:
    """The rules as Prometheus reads them."""
    return {
        "groups": [
            {
                "name": "stagepass",
                "rules": [
                    {
                        "alert": rule.name,
                        "expr": rule.expression,
                        **({"for": rule.since} if rule.since != "0m" else {}),
                        "labels": {"severity": rule.severity},
                        "annotations": {"summary": rule.text},
                    }
                    for rule in RULES
                ],
            }
        ]
    }
