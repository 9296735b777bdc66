"""The alert rules and dashboards against the metrics of a live installation, by Prometheus's own tools."""

import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from stagepass.observe import rules
from stagepass.observe.catalogue import METRICS, UNUSED
from stagepass.observe.dashboards import DASHBOARDS, dashboard
from tests.integration.test_deploy_files import program
from tests.support.up import Up, place
from tests.support.waiting import wait_until

EXPRESSIONS = {
    **{rule.name: rule.expression for rule in rules.RULES},
    **{
        f"{name}/{panel['title']}/{target['refId']}": target["expr"].replace("$pipeline", "promo")
        for name in DASHBOARDS
        for panel in json.loads(dashboard(name))["panels"]
        for target in panel["targets"]
    },
}


def named(expression: str) -> set[str]:
    return set(re.findall(r"stagepass_\w+", expression))


def test_the_rules_are_what_prometheus_takes(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rules.groups()))
    check = [program("promtool"), "check", "rules", str(file)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    file.write_text(file.read_text().replace("max by (queue)", "max by queue)", 1))
    assert subprocess.run(check, capture_output=True, check=False).returncode != 0


def test_every_query_of_the_dashboards_parses(tmp_path: Path) -> None:
    file = tmp_path / "queries.yaml"
    queries = [{"record": f"query_{number}", "expr": query} for number, query in enumerate(EXPRESSIONS.values())]
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": queries}]}))
    done = subprocess.run(
        [program("promtool"), "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_every_name_in_a_query_is_one_that_is_exported(where: str) -> None:
    exported = {name for metric in METRICS.values() for name in metric.exported}
    assert named(EXPRESSIONS[where])
    assert named(EXPRESSIONS[where]) <= exported


def test_every_metric_is_of_use_or_listed_as_unused() -> None:
    used = {name for expression in EXPRESSIONS.values() for name in named(expression)}
    for metric in METRICS.values():
        assert bool(used & set(metric.exported)) != (metric.name in UNUSED), metric.name


def test_figures_of_the_whole_installation_are_never_added_up_over_replicas() -> None:
    """Each replica of the API exports them: a sum would count them once per replica."""
    whole = {name for metric in METRICS.values() if metric.scope == "installation" for name in metric.exported}
    for where, expression in EXPRESSIONS.items():
        for name in named(expression) & whole:
            before = expression[: expression.index(name)]
            inner = re.findall(
                r"(max|sum|count|avg|absent|min)\s*(?:by|on)?\s*(?:\([^()]*\))?\s*\((?:rate\(|increase\()?$", before
            )
            assert inner in (["max"], ["absent"]), f"{where}: {name}"


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """An installation that has seen work: a job that ended well, one that failed, and one whose worker was killed."""
    with place() as folder:
        installation = Up(folder)
        installation.run("submit", "gated", "--wait")
        installation.run("submit", "gated", "--set", "fails:=true", "--wait")
        lose_a_worker(installation)
        yield installation
        installation.stop()


def lose_a_worker(installation: Up) -> None:
    """Kill the worker while it runs a stage, and let the next one end the job."""
    gate = installation.folder / "gate"
    gate.mkdir()
    job = installation.json("submit", "gated", "--set", f"gate={gate}")["id"]
    wait_until(lambda: (gate / "began").exists() and "second" in (gate / "began").read_text(), 60)
    os.kill(int((gate / "began").read_text().split()[-1]), signal.SIGKILL)
    (gate / "open").touch()
    (gate / "go").touch()
    wait_until(lambda: installation.json("jobs", "show", job)["state"] == "completed", 60)


def scraped(installation: Up) -> dict[str, Family]:
    with urllib.request.urlopen(installation.ready["url"] + "/metrics", timeout=20) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {family.name: family for family in families if _ours(family.name)}


SELDOM = {
    "stagepass_provider_closed",
    "stagepass_provider_parked",
    "stagepass_provider_call_seconds",
    "stagepass_spends",
    "stagepass_spend_usd",
    "stagepass_messages_dropped",
}
"""Metrics without a value where no provider was called."""


def test_a_scrape_shows_the_metrics_of_the_catalogue_and_no_others(up: Up) -> None:
    families = wait_until(lambda: found if all((found := scraped(up))[name].samples for name in NEEDED) else None, 30)
    assert set(families) == set(METRICS)
    for name, family in families.items():
        metric = METRICS[name]
        assert family.type == metric.kind, name
        assert family.samples or name in SELDOM, name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels), name


NEEDED = ("stagepass_recovery_seconds", "stagepass_job_seconds")


def test_the_figures_are_those_of_the_work(up: Up) -> None:
    families = scraped(up)

    def count(name: str, **labels: str) -> float:
        return sum(
            sample.value
            for sample in families[name].samples
            if sample.name.endswith("_count") and labels.items() <= sample.labels.items()
        )

    assert count("stagepass_job_seconds", pipeline="gated", state="completed") == 2
    assert count("stagepass_job_seconds", pipeline="gated", state="failed") == 1
    assert count("stagepass_recovery_seconds") == 1
    assert count("stagepass_stage_run_attempt_seconds", queue="gated.second", outcome="worker_lost") == 1
    assert count("stagepass_stage_run_attempt_seconds", queue="gated.second", outcome="failed") == 1
    assert count("stagepass_stage_run_wait_seconds", queue="gated.first") == 3
    slots = {sample.labels["queue"]: sample.value for sample in families["stagepass_queue_slots"].samples}
    assert slots["gated.first"] == 8


def _ours(name: str) -> bool:
    """Without the times at which the client library began to count."""
    return name.startswith("stagepass_") and not name.endswith("_created")
