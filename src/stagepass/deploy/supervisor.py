"""`supervisord.conf`: a program per role, for one machine."""

from stagepass.deploy import systemd
from stagepass.deploy.roles import Installation, Role
from stagepass.deploy.secrets import text_of
from stagepass.deploy.text import header, ini_quoted, template

KIND = "supervisor"


def files(made: Installation) -> dict[str, str]:
    """All files of this format, by path."""
    commands = {role.name: systemd.command(role) for role in made.running}
    environment = {role.name: _given(made, role) for role in made.running}
    return {
        "supervisor/supervisord.conf": template(
            "supervisord.conf.j2", KIND, made=made, environment=environment, commands=commands
        ),
        "supervisor/supervisord.env.example": _environment(made),
    }


def _given(made: Installation, role: Role) -> str:
    """Its settings, its secrets from supervisord's own environment, and nothing of the others' secrets."""
    pairs = [f"{name}={ini_quoted(value)}" for name, value in systemd.settings(made, role).items()]
    pairs += [f'{name}="%(ENV_{name})s"' for name in role.secrets]
    pairs += [f'{name}=""' for name in made.secrets if name not in role.secrets]
    return ",".join(pairs)


def _environment(made: Installation) -> str:
    """What supervisord itself is started with; each program is given its own part."""
    lines = ["# copy to supervisord.env, fill in, chmod 600; then: set -a; . ./supervisord.env; supervisord -c …"]
    for secret in made.secrets:
        lines += ["", f"# {text_of(secret)}", f"{secret}="]
    return header(KIND) + "\n".join(lines) + "\n"
