"""A Procfile, for platforms that start processes by it."""

from stagepass.deploy.roles import Installation
from stagepass.deploy.text import header, shell_words

KIND = "procfile"


def files(made: Installation) -> dict[str, str]:
    """All files of this format, by path."""
    lines = [f"release: stagepass {shell_words(made.migrate.command)}"]
    for role in made.running:
        if role.kind == "api":  # these platforms name the port, and the process that the world reaches `web`
            lines.append("web: stagepass api --host 0.0.0.0 --port $PORT")
        else:
            lines.append(f"{role.name}: stagepass {shell_words(role.command)}")
    return {"Procfile": header(KIND) + "\n".join(lines) + "\n"}
