"""systemd units: a target, a service per role, with environment files that only root reads."""

from stagepass.deploy.roles import Installation, Role
from stagepass.deploy.secrets import OPTIONAL, text_of
from stagepass.deploy.text import header, template

KIND = "systemd"


def files(made: Installation) -> dict[str, str]:
    """All files of this format, by path."""
    name = made.description.name
    units = {f"systemd/{name}.target": template("systemd.target.j2", KIND, made=made, units=_units(made))}
    for role in made.roles:
        units[f"systemd/{name}-{role.name}.service"] = _service(made, role)
        units[f"systemd/env/{role.name}.env.example"] = _environment(made, role)
    return units


def _units(made: Installation) -> list[str]:
    return [f"{made.description.name}-{role.name}.service" for role in made.running]


def _service(made: Installation, role: Role) -> str:
    return template(
        "systemd.service.j2",
        KIND,
        made=made,
        role=role,
        name=made.description.name,
        settings=settings(made, role),
        command=command(role),
    )


def _environment(made: Installation, role: Role) -> str:
    """The secrets of one role; its plain settings are in the unit."""
    lines = [
        f"# copy to /etc/{made.description.name}/{role.name}.env, fill in: chown root:root, chmod 600",
        "# a value with a blank or a quote goes into double quotes",
    ]
    for secret in role.secrets:
        lines += ["", f"# {text_of(secret)}", f"{'#' if secret in OPTIONAL else ''}{secret}="]
    return header(KIND) + "\n".join(lines) + "\n"


def settings(made: Installation, role: Role) -> dict[str, str]:
    """Plain settings of a role on a machine without containers: its folders are systemd's."""
    name = made.description.name
    own = dict(role.settings)
    if "DATA_DIR" in own:
        own["DATA_DIR"] = f"/var/lib/{name}/{role.name}"
    if "FILES_DIR" in own:
        own["FILES_DIR"] = f"/var/lib/{name}/files"
    if "PIPELINES" in own and made.description.pipelines:
        own["PIPELINES"] = f"{made.description.folder}/{made.description.pipelines}"
    return own


def command(role: Role) -> tuple[str, ...]:
    """The API listens on the loopback interface only, behind nginx on the same machine."""
    return tuple("127.0.0.1" if word == "0.0.0.0" else word for word in role.command)  # noqa: S104
