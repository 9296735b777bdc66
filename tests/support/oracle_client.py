"""The two sides of the oracle's customer: what a stage calls, and what a test starts, kills and reads."""

import http.client
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from stagepass import Context, NotDone
from stagepass.errors import Permanent, QuotaExhausted, RateLimited, Transient
from tests.support import oracle

ROOT = Path(__file__).resolve().parents[2]
PROVIDER = "oracle"
PATIENCE = 3.0
"""Seconds that a call may take; the oracle may answer later than that."""


class Bought(BaseModel):
    """What the oracle sold."""

    id: str
    reference: str
    goods: str


class Shop:
    """A stage's way to the oracle on this port."""

    def __init__(self, port: int) -> None:
        self._port = port

    def order(self, ctx: Context, goods: str, **more: Any) -> Bought:
        """Order something for this stage run, under the same reference and idempotency key however often."""
        body = {
            "reference": reference(ctx),
            "job": ctx.job_id,
            "stage": ctx.stage,
            "item": ctx.item,
            "attempt": ctx.attempt,
            "goods": goods,
            **more,
        }
        with ctx.using(PROVIDER):
            status, answer, headers = self._call("POST", "/orders", body, reference(ctx))
            _raise_for(status, headers)
        return Bought.model_validate(answer)

    def find(self, ctx: Context) -> Bought:
        """The order of this stage run, whose answer was lost. Raises `NotDone` when there was none."""
        status, answer, headers = self._call("GET", f"/orders?reference={quote(reference(ctx))}")
        if status == 404:
            raise NotDone
        _raise_for(status, headers)
        return Bought.model_validate(answer)

    def is_made(self, bought: Bought) -> bool:
        """Whether what was ordered is ready."""
        status, answer, headers = self._call("GET", f"/orders/{bought.id}")
        _raise_for(status, headers)
        return bool(answer["made"])

    def _call(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        headers = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), answer.headers
        except http.client.HTTPException as problem:
            raise ConnectionError(type(problem).__name__) from None
        finally:
            connection.close()


def reference(ctx: Context) -> str:
    """The name of a stage run's order: the same for the life of the job."""
    return f"{ctx.job_id}.{ctx.stage}" + ("" if ctx.item is None else f".{ctx.item}")


def _raise_for(status: int, headers: Any) -> None:
    match status:
        case 200 | 201:
            return
        case 429:
            raise RateLimited("asked too often", provider=PROVIDER, retry_after=float(headers.get("Retry-After", 1)))
        case 402:
            raise QuotaExhausted("no credit left", provider=PROVIDER)
        case status if status >= 500:
            raise Transient(f"it answered {status}", provider=PROVIDER)
        case _:
            raise Permanent(f"it answered {status}", provider=PROVIDER)


class OracleProcess:
    """The oracle in a process of its own, on one port for its whole life, with one journal."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.journal = folder / "journal"
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._options = options
        self.start()

    def start(self) -> None:
        """Start it, again on the same port with what it knew."""
        command = [sys.executable, "-m", "tests.support.oracle", "--port", str(self.port), "--journal"]
        self.process = subprocess.Popen(
            [*command, str(self.journal), *self._options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        """By SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def trouble(self, **seconds: float) -> None:
        """``credit=5``: no credit for 5 s; ``down=5``: nothing works for 5 s."""
        status, _, _ = Shop(self.port)._call("POST", "/trouble", seconds)
        assert status == 200

    def invoice(self) -> list[dict[str, Any]]:
        """Every charge, read from the journal."""
        return oracle.read(self.journal)
