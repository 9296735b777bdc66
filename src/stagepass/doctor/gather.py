"""Gathers the snapshot: every probe at once, each with a deadline; one that could not look says so."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from stagepass.doctor.facts import Facts, NotSeen
from stagepass.doctor.manifests.model import Deployment
from stagepass.doctor.probes import broker, database, edge, environment, files, keys, machine, redis, work
from stagepass.doctor.sources import Sources
from stagepass.errors import SettingsError, StagepassError

DEADLINE = 4.0
"""Seconds that all probes together may take, since they run side by side."""

Probe = Callable[[], Any]


def live(sources: Sources, at: int, *, edge_too: bool = True, providers: bool = False) -> Facts:
    """Look at everything that this process can reach.

    Args:
        edge_too: also at `PUBLIC_URL`; not from the API itself, whose thread would wait for another of its own.
        providers: also at the providers, with a request that costs nothing.
    """
    probes: dict[str, Probe] = {
        "database": lambda: database.look(sources),
        "redis": lambda: redis.look(sources.redis_url()),
        "broker": lambda: broker.look(sources),
        "files": lambda: files.look(sources),
        "workers": lambda: sources.liveness.living(sources.store.workers(), sources.clock.now()),
        "processes": lambda: work.processes(sources),
        "work": lambda: work.look(sources),
        "schedules": lambda: list(sources.store.schedules()),
        "pauses": lambda: sources.store.pauses(),
        "providers": lambda: list(sources.limits().breakers()),
        "machine": lambda: machine.look(sources),
        **_of_the_code(sources),
    }
    if edge_too:
        probes["edge"] = lambda: edge.look(sources)
    if providers:
        probes["keys"] = lambda: keys.look(sources)
    return Facts(at, {**_known(sources), **side_by_side(probes, DEADLINE)})


def without_services(sources: Sources, at: int) -> Facts:
    """Read the code, the settings and the environment alone."""
    return Facts(at, {**_known(sources), **side_by_side(_of_the_code(sources), DEADLINE)})


def for_manifests(sources: Sources, at: int, deployment: Deployment, *, reach: bool) -> Facts:
    """The files, against the code here; `reach`: also against the jobs in flight, where a database is set."""
    if reach and sources.settings.database_url:
        found = side_by_side({"versions": sources.store.open_versions}, DEADLINE)["versions"]
        if not isinstance(found, NotSeen):
            have = {(name, version) for name in sources.registry.names() for version in sources.registry.versions(name)}
            deployment.parks = [one for one in found if one[:2] not in have]
    return Facts(at, {**_known(sources), **side_by_side(_of_the_code(sources), DEADLINE), "manifests": deployment})


def _known(sources: Sources) -> dict[str, Any]:
    return {"settings": sources.settings, "pipelines": sources.registry}


def _of_the_code(sources: Sources) -> dict[str, Probe]:
    return {
        "environment": lambda: environment.look(sources),
        "needs": lambda: work.needs(sources),
        "secrets": lambda: work.secrets(sources),
    }


def side_by_side(probes: Mapping[str, Probe], deadline: float) -> dict[str, Any]:
    """Run the probes at once. One that fails, or is not done in time, leaves `NotSeen` in its place."""
    found: dict[str, Any] = {}
    threads = []
    for name, probe in probes.items():
        thread = threading.Thread(target=_run, args=(name, probe, found), name=f"stagepass-probe-{name}", daemon=True)
        thread.start()
        threads.append(thread)
    end = time.monotonic() + deadline
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return {name: found.get(name) or _late(name, found, deadline) for name in probes}


def _late(name: str, found: Mapping[str, Any], deadline: float) -> Any:
    """An empty answer is one, too."""
    return found[name] if name in found else NotSeen(name, f"no answer within {deadline:g} s")


def _run(name: str, probe: Probe, found: dict[str, Any]) -> None:
    try:
        found[name] = probe()
    except NotSeen as problem:
        found[name] = problem
    except (StagepassError, SettingsError) as problem:
        found[name] = NotSeen(name, str(problem.args[0] if problem.args else problem.code))
    except Exception as problem:  # a probe that breaks is no healthy service
        found[name] = NotSeen(name, type(problem).__name__)
