"""Results for an operator: each file with its path."""

from typing import TYPE_CHECKING, Any

from stagepass.declare.values import File

if TYPE_CHECKING:
    from stagepass.bootstrap import System


def with_places(system: "System", value: Any) -> Any:
    """A result in which each file has its path on this machine, or an address that is good for an hour."""
    if isinstance(value, list):
        return [with_places(system, inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if value.keys() >= File.model_fields.keys():
        return {**value, **system.place_of(File.model_validate(value))}
    return {name: with_places(system, inner) for name, inner in value.items()}
