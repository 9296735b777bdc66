"""RabbitMQ's management API, where it answers: bindings and alarms, which AMQP does not tell."""

import json
import urllib.error
import urllib.request
from base64 import b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

PORT = 15672


@dataclass(frozen=True, slots=True)
class Management:
    """The API of the broker's host, with the broker's own user."""

    base: str
    secret: str

    @classmethod
    def of(cls, broker_url: str) -> "Management":
        parts = urlsplit(broker_url)
        user, password = unquote(parts.username or "guest"), unquote(parts.password or "guest")
        return cls(
            f"http://{parts.hostname or '127.0.0.1'}:{PORT}/api", b64encode(f"{user}:{password}".encode()).decode()
        )

    def bindings(self, vhost: str, exchange: str) -> set[str] | None:
        """The queues that are bound to the exchange under their own name; None if the API does not answer."""
        found = self._get(f"/exchanges/{quote(vhost, safe='')}/{exchange}/bindings/source")
        if found is None:
            return None
        return {one["destination"] for one in found if one["destination"] == one["routing_key"]}

    def queues(self, vhost: str) -> list[tuple[str, int]] | None:
        """(queue, messages)."""
        found = self._get(f"/queues/{quote(vhost, safe='')}")
        return None if found is None else [(one["name"], int(one.get("messages", 0))) for one in found]

    def alarms(self) -> str:
        """Why publishers are blocked, if they are."""
        found = self._get("/nodes")
        for node in found or ():
            for name in ("mem_alarm", "disk_free_alarm"):
                if node.get(name):
                    return f"{node.get('name')}: {name}"
        return ""

    def _get(self, path: str) -> Any:
        request = urllib.request.Request(self.base + path, headers={"Authorization": f"Basic {self.secret}"})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=0.7) as answer:  # noqa: S310  (the broker's own host)
                return json.load(answer)
        except (OSError, urllib.error.URLError, ValueError):
            return None
