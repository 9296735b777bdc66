"""Whether the providers take their keys, by a request that lists models and costs nothing."""

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping

from stagepass.doctor.sources import Sources

_LOOKS: dict[str, Callable[[str], urllib.request.Request]] = {
    "OPENAI_API_KEY": lambda key: _request("https://api.openai.com/v1/models", Authorization=f"Bearer {key}"),
    "ANTHROPIC_API_KEY": lambda key: _request(
        "https://api.anthropic.com/v1/models", **{"x-api-key": key, "anthropic-version": "2023-06-01"}
    ),
    "GEMINI_API_KEY": lambda key: _request(
        "https://generativelanguage.googleapis.com/v1beta/models", **{"x-goog-api-key": key}
    ),
}
"""By the secret: the request. A provider without such a request is not looked at."""


def look(sources: Sources) -> list[tuple[str, str, str]]:
    """(provider, secret, answer) of each key that was refused."""
    environ = sources.environ()
    needed = sorted({secret for stage in sources.registry.stages() for secret in sources.providers().secrets(stage)})
    return [
        (secret.partition("_")[0].lower(), secret, answer)
        for secret in needed
        if secret in _LOOKS and environ.get(secret) and (answer := _refused(environ, secret))
    ]


def _request(url: str, **headers: str) -> urllib.request.Request:
    return urllib.request.Request(url, headers=headers)  # noqa: S310  (addresses from the table above)


def _refused(environ: Mapping[str, str], secret: str) -> str:
    try:
        with urllib.request.urlopen(_LOOKS[secret](environ[secret]), timeout=3):  # noqa: S310
            return ""
    except urllib.error.HTTPError as problem:
        return f"HTTP {problem.code}" if problem.code in (401, 403) else ""
    except OSError:
        return ""  # not the key's fault
