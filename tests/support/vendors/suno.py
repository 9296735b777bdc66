"""sunoapi.org: python -m tests.support.vendors.suno --port 0. A task is done after so many looks."""

import itertools
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.vendors.server import Call, Reply, Vendor, Window, main

WALK = ("PENDING", "TEXT_SUCCESS", "FIRST_SUCCESS", "SUCCESS")
RECORDING = b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(range(256)) * 400
LENGTH = 60.0


@dataclass
class Task:
    order: dict[str, Any]
    statuses: list[str]


class Suno(Vendor):
    """Walks a task through its statuses, one per look; 20 orders in 10 s; calls back when it is told to, or when
    `call_backs` says: after so many seconds, of this kind (text, first, complete, error)."""

    walks = True
    routes = (
        ("POST", "/api/v1/generate", "generate"),
        ("GET", "/api/v1/generate/record-info", "record"),
        ("POST", "/api/v1/generate/get-timestamped-lyrics", "lyrics"),
        ("GET", "/api/v1/generate/credit", "credit"),
        ("GET", "/files/(.+)", "file"),
    )

    def __init__(
        self,
        *,
        statuses: tuple[str, ...] = WALK,
        rate: int = 20,
        per: float = 10,
        call_backs: tuple[tuple[float, str], ...] = (),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.call_backs = call_backs
        self.statuses = statuses
        self.window = Window(rate, per)
        self.tasks: dict[str, Task] = {}
        self._number = itertools.count(1)

    def refused(self) -> Reply:
        return Reply({"code": 401, "msg": "You do not have access permissions", "data": None})

    def generate(self, call: Call) -> Reply:
        needed = ("customMode", "instrumental", "model", "callBackUrl", "prompt", "style", "title")
        if any(name not in call.body for name in needed):
            return Reply({"code": 422, "msg": "Please enter callBackUrl", "data": None})
        if not self.window.allows():
            return Reply({"code": 430, "msg": "Your call frequency is too high", "data": None})
        with self.lock:
            task_id = f"task{next(self._number)}"
            self.tasks[task_id] = Task(call.body, list(self.statuses))
        for seconds, kind in self.call_backs:
            self.later(seconds, f"{task_id} {kind}", partial(self.finish, task_id, kind))
        return Reply({"code": 200, "msg": "success", "data": {"taskId": task_id}})

    def record(self, call: Call) -> Reply:
        task_id = parse_qs(urlsplit(call.path).query)["taskId"][0]
        with self.lock:
            task = self.tasks.get(task_id)
            if task is None:
                return Reply({"code": 404, "msg": "no such task", "data": None})
            status = task.statuses.pop(0) if len(task.statuses) > 1 else task.statuses[0]
        songs = [self._song(task_id, part) for part in "ab"] if status in ("SUCCESS", "CALLBACK_EXCEPTION") else []
        data = {
            "taskId": task_id,
            "param": json.dumps(task.order),
            "response": {"taskId": task_id, "sunoData": songs},
            "status": status,
            "errorCode": None,
            "errorMessage": None,
        }
        return Reply({"code": 200, "msg": "success", "data": data})

    def _song(self, task_id: str, part: str) -> dict[str, Any]:
        address = f"{self.url}/files/{task_id}{part}.mp3"
        return {"id": f"{task_id}{part}", "audioUrl": address, "duration": LENGTH, "title": "T", "tags": "pop"}

    def lyrics(self, call: Call) -> Reply:
        prompt = self.tasks[call.body["taskId"]].order["prompt"]
        words = [word for line in prompt.splitlines(keepends=True) for word in line.split(" ")]
        each = LENGTH / max(1, len(words))
        aligned, tag = [], ""
        for number, word in enumerate(words):
            if not word.strip() or word.strip().startswith("["):
                tag += word  # tags and empty lines stand inside the next word
                continue
            times = {"startS": round(number * each, 3), "endS": round((number + 1) * each, 3)}
            aligned.append({"word": tag + word, "success": True, **times, "palign": 0})
            tag = ""
        return Reply({"code": 200, "msg": "success", "data": {"alignedWords": aligned, "hootCer": 0.3}})

    def credit(self, call: Call) -> Reply:
        return Reply({"code": 200, "msg": "success", "data": 41})

    def file(self, call: Call) -> Reply:
        return Reply(RECORDING, type="audio/mpeg")

    # ── callbacks ──

    def call_back(self, task_id: str, kind: str = "complete") -> int:
        """Call the order's address, as the vendor does up to three times; the status that it was answered with."""
        url = self.tasks[task_id].order["callBackUrl"]
        songs = [{"id": f"{task_id}{part}", "audio_url": "https://elsewhere.example/x.mp3"} for part in "ab"]
        data = {"callbackType": kind, "task_id": task_id, "data": None if kind == "error" else songs}
        return post(url, {"code": 400 if kind == "error" else 200, "msg": "m", "data": data})

    def finish(self, task_id: str, kind: str = "complete") -> int:
        """Call back as a task's end does."""
        if kind in ("complete", "error"):  # it has come to its end, however often it was looked at
            self.tasks[task_id].statuses = [self.statuses[-1]]
        return self.call_back(task_id, kind)


def post(url: str, body: Any) -> int:
    """POST JSON, and return the status."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as problem:
        return problem.code


if __name__ == "__main__":
    main(Suno)
