"""nginx in front of the API: TLS, event streams unbuffered, bounded bodies, limits per client."""

from stagepass.deploy.description import Description
from stagepass.deploy.roles import PORT, Installation
from stagepass.deploy.text import template
from stagepass.providers.fetching.accept import MAX_FILES
from stagepass.settings import Settings

KIND = "nginx"

SPARE = 64 * 1024
"""Bytes of a body beyond the API's own limit: the API says what is too large, in the client's language."""


def files(made: Installation) -> dict[str, str]:
    """All files of this format, by path."""
    return {"nginx/stagepass.conf": conf(made, KIND, upstream=f"127.0.0.1:{PORT}")}


def conf(made: Installation, kind: str, *, upstream: str, resolver: str = "", alone: bool = False) -> str:
    """A configuration.

    Args:
        upstream: `host:port` of the API.
        resolver: asks for the host's addresses again and again, where replicas come and go.
        alone: a whole `nginx.conf`, rather than a file for `conf.d`.
    """
    description = made.description
    header_name = made.api.settings.get("USER_HEADER", "X-User-ID")
    return template(
        "nginx.conf.j2",
        kind,
        upstream=upstream,
        resolver=resolver,
        alone=alone,
        host=description.host,
        tls=description.tls,
        json_bytes=_bytes(description, "max_input_bytes") + SPARE,
        form_bytes=largest_form(description),
        user_header=header_name,
        identity=description.identity,
    )


def largest_form(description: Description) -> int:
    """Bytes of the largest form that the API takes, and a little more."""
    return MAX_FILES * _bytes(description, "max_upload_bytes") + _bytes(description, "max_input_bytes") + 2 * SPARE


def _bytes(description: Description, name: str) -> int:
    given = description.setting(name.upper())
    return int(given) if given else int(Settings.model_fields[name].default)
