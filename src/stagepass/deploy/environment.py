"""`.env.example`: every setting with its default and its meaning; and for each role only what it reads."""

from pydantic import SecretStr

from stagepass.deploy.description import secret_settings
from stagepass.deploy.reads import groups, settings_of
from stagepass.deploy.roles import Installation, Role
from stagepass.deploy.secrets import text_of
from stagepass.deploy.text import dotenv_quoted, header
from stagepass.settings import Settings

KIND = "env"


def files(made: Installation) -> dict[str, str]:
    """All files of this format, by path."""
    own = {f"env/{role.name}.env.example": _of_role(made, role) for role in made.roles}
    return {"env/.env.example": _all(made), **own}


def _all(made: Installation) -> str:
    lines = ["# every setting, with its default; remove the # in front of those that you change"]
    for title, names in groups().items():
        lines += ["", f"# ── {title} ──"]
        for name in names:
            lines += ["", f"# {_meaning(name)}", f"#{name}={dotenv_quoted(_default(name))}"]
    keys = [secret for secret in made.secrets if secret.lower() not in Settings.model_fields]
    if keys:
        lines += ["", "# ── providers' keys ──"]
        lines += [line for key in keys for line in ("", f"# {text_of(key)}", f"#{key}=")]
    return header(KIND) + "\n".join(lines) + "\n"


def _of_role(made: Installation, role: Role) -> str:
    """What this role reads: first what this installation sets, then the secrets it needs, then the rest."""
    lines = [f"# stagepass {' '.join(role.command)}"]
    lines += ["", *(f"{name}={dotenv_quoted(value)}" for name, value in role.settings.items())]
    for secret in role.secrets:
        lines += ["", f"# {text_of(secret)}", f"{secret}="]
    rest = [name for name in settings_of(role.kind) if name not in role.settings and name not in role.secrets]
    for name in rest:
        lines += ["", f"# {_meaning(name)}", f"#{name}={dotenv_quoted(_default(name))}"]
    return header(KIND) + "\n".join(lines) + "\n"


def _meaning(name: str) -> str:
    return (Settings.model_fields[name.lower()].description or "") + (" (secret)" if name in secret_settings() else "")


def _default(name: str) -> str:
    default = Settings.model_fields[name.lower()].default
    if default is None or isinstance(default, SecretStr):
        return ""
    if isinstance(default, tuple):
        return ",".join(default)
    return str(default).lower() if isinstance(default, bool) else str(default)
