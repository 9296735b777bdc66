"""Names that were meant to be a setting's."""

import difflib
from collections.abc import Collection

PREFIXES = ("STAGEPASS_", "APP_", "SP_", "CELERY_", "DJANGO_", "FASTAPI_")

OTHERS = frozenset({"CELERY_BROKER_URL", "PYTHONPATH", "DATABASE", "HOSTNAME", "HOME", "PATH", "LANG", "PWD", "USER"})
"""Names of others that look like ours and are not."""

_WELL_KNOWN = {
    "OPENAI_KEY": "OPENAI_API_KEY",
    "OPENAI_TOKEN": "OPENAI_API_KEY",
    "ANTHROPIC_KEY": "ANTHROPIC_API_KEY",
    "CLAUDE_API_KEY": "ANTHROPIC_API_KEY",
    "SUNO_KEY": "SUNO_API_KEY",
    "SUNO_TOKEN": "SUNO_API_KEY",
    "GOOGLE_API_KEY": "GEMINI_API_KEY",
    "CREATOMATE_KEY": "CREATOMATE_API_KEY",
    "DB_URL": "DATABASE_URL",
    "DATABASE_URI": "DATABASE_URL",
    "SQLALCHEMY_DATABASE_URI": "DATABASE_URL",
    "REDIS_URI": "REDIS_URL",
    "AMQP_URL": "BROKER_URL",
    "RABBITMQ_URL": "BROKER_URL",
    "CLOUDAMQP_URL": "BROKER_URL",
    "SECRET": "SECRET_KEY",
    "BASE_URL": "PUBLIC_URL",
}


def misspelt(name: str, known: Collection[str]) -> str | None:
    """The setting that a name was meant to be; None for a name that is right, or that another program reads."""
    upper = name.upper()
    if upper in known or upper in OTHERS:
        return None
    if upper in _WELL_KNOWN and _WELL_KNOWN[upper] in known:
        return _WELL_KNOWN[upper]
    for prefix in PREFIXES:
        if upper.startswith(prefix) and upper.removeprefix(prefix) in known and upper != "CELERY_BROKER_URL":
            return upper.removeprefix(prefix)
    close = difflib.get_close_matches(upper, known, 1, cutoff=0.88)
    same_start = close and close[0][:3] == upper[:3]
    return close[0] if close and same_start and abs(len(close[0]) - len(upper)) <= 2 else None
