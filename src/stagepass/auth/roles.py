"""A caller's role: the end of an API key's entry, or the groups that a token or a gateway names. Without one: user."""

from collections.abc import Iterable

from stagepass.engine.model.actors import Role
from stagepass.errors import SettingsError
from stagepass.sentences import sentence
from stagepass.settings import Settings


def split_role(text: str) -> tuple[str, Role]:
    """A key and its role, from ``key`` or ``key:role``. A key may itself contain colons."""
    key, found, role = text.rpartition(":")
    return (key.strip(), Role(role.strip())) if found and role.strip() in set(Role) else (text, Role.USER)


class Groups:
    """Roles by group, as the settings give them. Raises `SettingsError` for a group with two roles."""

    def __init__(self, settings: Settings) -> None:
        self._operators, self._viewers = set(settings.operator_groups), set(settings.viewer_groups)
        if both := sorted(self._operators & self._viewers):
            raise SettingsError(
                sentence("OPERATOR_GROUPS and VIEWER_GROUPS: {group} is in both; name it in one", group=repr(both[0]))
            )

    def role(self, named: object) -> Role:
        """The highest role of these groups: a list, or a text with commas."""
        groups = set(_names(named))
        if groups & self._operators:
            return Role.OPERATOR
        return Role.VIEWER if groups & self._viewers else Role.USER


def _names(named: object) -> Iterable[str]:
    if isinstance(named, str):
        return (part.strip() for part in named.split(","))
    return (part for part in named if isinstance(part, str)) if isinstance(named, list) else ()
