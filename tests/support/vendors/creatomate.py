"""Creatomate, v1 and v2: python -m tests.support.vendors.creatomate --port 0. A render is done after so many looks."""

import itertools
import urllib.request
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.support.vendors.server import Call, Reply, Vendor, Window, main
from tests.support.vendors.suno import post

WALK = ("planned", "transcribing", "rendering", "succeeded")
CLIP = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 400


@dataclass
class Render:
    order: dict[str, Any]
    statuses: list[str]
    done: bool = False


class Creatomate(Vendor):
    """Walks a render through its statuses, one per look; 30 calls in 10 s; fetches its sources when it is told to;
    calls back when it is told to, or when `call_backs` says: after so many seconds, with this status."""

    walks = True
    routes = (
        ("POST", "/(v1|v2)/renders", "submit"),
        ("GET", "/v[12]/renders/(.+)", "render"),
        ("GET", "/v[12]/templates", "templates"),
        ("GET", "/files/(.+).mp4", "file"),
    )

    def __init__(
        self,
        *,
        statuses: tuple[str, ...] = WALK,
        rate: int = 30,
        per: float = 10,
        fetches: bool = False,
        call_backs: tuple[tuple[float, str], ...] = (),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.call_backs = call_backs
        self.statuses = statuses
        self.window = Window(rate, per)
        self.fetches = fetches
        self.renders: dict[str, Render] = {}
        self.fetched: list[int] = []
        self._number = itertools.count(1)

    def refused(self) -> Reply:
        return Reply({"hint": "The API key is not valid."}, 401)

    def _answer(self, call: Call) -> Reply:
        if "/files/" not in call.path and not self.window.allows():
            return Reply({"hint": "Too many requests."}, 429)
        return super()._answer(call)

    def submit(self, call: Call) -> Reply:
        order = call.body
        source = order.get("source") if call.parts[0] == "v1" else order
        if "template_id" not in order and "elements" not in (source or {}):
            return Reply({"hint": "Provide a template_id or a source."}, 400)
        for url in _addresses(order) if self.fetches else ():
            with urllib.request.urlopen(url, timeout=10) as answer:
                self.fetched.append(len(answer.read()))
        with self.lock:
            render_id = f"render{next(self._number)}"
            self.renders[render_id] = Render(order, list(self.statuses))
        for seconds, status in self.call_backs if "webhook_url" in order else ():
            self.later(seconds, f"{render_id} {status}", partial(self.finish, render_id, status))
        body = self._shown(render_id, "planned")
        return Reply([body] if call.parts[0] == "v1" else {**body, "errors": [], "warnings": []}, 202)

    def render(self, call: Call) -> Reply:
        with self.lock:
            found = self.renders.get(call.parts[0])
            if found is None:
                return Reply({"hint": "There is no such render."}, 404)
            status = found.statuses.pop(0) if len(found.statuses) > 1 else found.statuses[0]
            found.done = status == "succeeded"
        return Reply(self._shown(call.parts[0], status))

    def _shown(self, render_id: str, status: str) -> dict[str, Any]:
        """The address is there from the start, and good only at the end."""
        done = {"width": 1080, "height": 1920, "frame_rate": 30, "duration": 60.0, "file_size": len(CLIP)}
        return {
            "id": render_id,
            "status": status,
            "url": f"{self.url}/files/{render_id}.mp4",
            "output_format": "mp4",
            "metadata": self.renders[render_id].order.get("metadata"),
            **(done if status == "succeeded" else {}),
        }

    def templates(self, call: Call) -> Reply:
        return Reply([{"id": "t1", "name": "One"}])

    def file(self, call: Call) -> Reply:
        if not self.renders[call.parts[0]].done:
            return Reply({"hint": "not there yet"}, 404)
        return Reply(CLIP, type="video/mp4")

    def call_back(self, render_id: str, status: str = "succeeded") -> int:
        """Call the render's `webhook_url`; the status that it was answered with."""
        return post(self.renders[render_id].order["webhook_url"], self._shown(render_id, status))

    def finish(self, render_id: str, status: str = "succeeded") -> int:
        """Call back as a render's end does."""
        if status in ("succeeded", "failed"):  # it has come to its end, however often it was looked at
            self.renders[render_id].statuses = [self.statuses[-1]]
        return self.call_back(render_id, status)


def _addresses(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [url for name, part in value.items() if name != "webhook_url" for url in _addresses(part)]
    if isinstance(value, list):
        return [url for part in value for url in _addresses(part)]
    return [value] if isinstance(value, str) and value.startswith("http") else []


if __name__ == "__main__":
    main(Creatomate)
