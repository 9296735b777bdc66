"""What all objects share: names, labels, references."""

from typing import Any

from stagepass.deploy.roles import Installation, Role

Object = dict[str, Any]


def named(made: Installation, part: str) -> str:
    """The name of an object."""
    return f"{made.description.name}-{part}"


def labels(made: Installation, role: Role) -> dict[str, str]:
    """Labels that select the pods of a role."""
    return {"app.kubernetes.io/name": made.description.name, "app.kubernetes.io/component": role.name}


def thing(api: str, kind: str, name: str, spec: Object | None = None, **more: Any) -> Object:
    """An object with its four usual fields."""
    made: Object = {"apiVersion": api, "kind": kind, "metadata": {"name": name, **more.pop("metadata", {})}}
    return made | ({"spec": spec} if spec is not None else {}) | more
