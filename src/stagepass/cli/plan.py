"""The child processes of `stagepass up`, with their arguments and environments."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stagepass.settings import Settings
from stagepass.worker_groups import Group, celery_command

API_ONLY = ("API_KEYS", "JWT_SECRET")
"""Secrets of the front door, which no worker needs."""

GRACE = 10.0
"""Seconds that the API and the relay may take to end."""

STAGEPASS = (sys.executable, "-m", "stagepass.cli")


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that one machine runs.

    Attributes:
        settings: with an absolute data folder and the port that is really used.
        groups: the worker groups.
        secrets: by group, the environment variables with secrets that it needs; of the others' it is given none.
        socket: the bound socket that the API listens on. It outlives the API's process, so that clients
            that come while it is started again wait instead of being refused.
        hold: descriptors that keep the folder locked as long as a child lives.
        log_format: of the children.
    """

    settings: Settings
    groups: Sequence[Group]
    secrets: Mapping[str, set[str]]
    socket: int
    hold: tuple[int, ...]
    log_format: str
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def children(self) -> list[dict[str, Any]]:
        """The programs in the order of their starts, as arguments of `Child`."""
        env = self._environment()
        workers = [
            {
                "name": f"worker {group.name}",
                "argv": celery_command(sys.executable, group, loglevel=self.settings.log_level),
                "env": self._without_others_secrets(env, group) | {"PYTHONWARNINGS": self._warnings()},
                "grace": self.settings.drain_seconds + 5,
                "hold": self.hold,
            }
            for group in self.groups
        ]
        relay = {
            "name": "relay",
            "argv": [*STAGEPASS, "relay"],
            "env": self._without(env, API_ONLY),
            "grace": GRACE,
            "hold": self.hold,
        }
        api = {
            "name": "api",
            "argv": [*STAGEPASS, "api", "--socket", str(self.socket)],
            "env": env,
            "grace": GRACE,
            "hold": (self.socket, *self.hold),
        }
        # the API comes last: its readiness check must not delay other children
        return [*workers, relay, api]

    def _environment(self) -> dict[str, str]:
        """All settings explicitly, so that no child depends on its working directory or on its parent's options."""
        settings = self.settings
        return {
            **self.environ,
            "DATA_DIR": str(settings.folder),
            "HOST": settings.host,
            "PORT": str(settings.port),
            "LOG_FORMAT": self.log_format,
            "PYTHONUNBUFFERED": "1",
        }

    def _warnings(self) -> str:
        # eight lines per worker that say what a container's owner knows; `pickle`, the danger, is not accepted
        quiet = "ignore:You're running the worker with superuser privileges"
        return ",".join(filter(None, (self.environ.get("PYTHONWARNINGS"), quiet)))

    def _without_others_secrets(self, env: Mapping[str, str], group: Group) -> dict[str, str]:
        every = set().union(*self.secrets.values()) if self.secrets else set()
        return self._without(env, (*API_ONLY, *(every - self.secrets.get(group.name, set()))))

    @staticmethod
    def _without(env: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
        # empty rather than missing: what is missing would be read from `.env`
        return {**env, **dict.fromkeys(names, "")}
