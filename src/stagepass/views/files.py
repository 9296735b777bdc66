"""Results as they are shown: each file as a signed link in place of where it is kept."""

from collections.abc import Mapping
from typing import Any

from stagepass.bootstrap import System
from stagepass.declare.values import File
from stagepass.engine.model.records import Job

FOREVER = 3650.0
"""Days of a link to a file of a job that is never deleted."""

LINK_LIFE = 3600.0
"""Seconds for which a link to a result's file is good."""

_FILE_KEYS = frozenset(File.model_fields)


def with_links(system: System, job: Job, value: Any) -> Any:
    """The value with a signed link in each file's place. Only files that the job owns are handed out."""
    if not _any_file(value):
        return value
    owned = set(system.store.files_of([job.id]))
    return _linked(system, value, owned)


def lasting_link(system: System, job: Job, value: Mapping[str, Any]) -> str | None:
    """A link to a stored file of the job that is good for as long as the job is kept; None for a file of others.

    It leads to this API, which signs a fresh link if the file is in the cloud; it expires with the file.
    """
    if value.get("uri") not in system.store.files_of([job.id]):
        return None
    days = system.settings.keep_jobs_days or FOREVER
    return system.links.make(File.model_validate({name: value[name] for name in _FILE_KEYS}), days * 86_400)


def _is_file(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() >= _FILE_KEYS


def _any_file(value: Any) -> bool:
    if isinstance(value, dict):
        return _is_file(value) or any(map(_any_file, value.values()))
    return isinstance(value, list) and any(map(_any_file, value))


def _linked(system: System, value: Any, owned: set[str]) -> Any:
    if isinstance(value, list):
        return [_linked(system, inner, owned) for inner in value]
    if not isinstance(value, dict):
        return value
    if not _is_file(value):
        return {name: _linked(system, inner, owned) for name, inner in value.items()}
    shown = {name: inner for name, inner in value.items() if name != "uri"}
    if value["uri"] in owned:
        file = File.model_validate({name: value[name] for name in _FILE_KEYS})
        shown["url"] = system.links.make(file, LINK_LIFE)
    return shown
