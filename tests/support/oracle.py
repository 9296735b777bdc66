"""A vendor that charges, and misbehaves as vendors do. Its invoice is what chaos runs are judged by.

    python -m tests.support.oracle --port 0 --journal FILE

    POST /orders               an order as JSON; charged, written down, then answered
    GET  /orders?reference=    that order; 404 when there is none
    GET  /orders/ID            whether what was ordered is made by now
    GET  /invoice              every charge
    POST /trouble              {"credit": 5} no credit for 5 s; {"down": 5} nothing works for 5 s

The journal is only appended to, and synced before the answer: a charge survives the vendor's own death,
also where its customer never heard of it. The first line on standard output is the port.
"""

import argparse
import json
import os
import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

TROUBLES = ("late", "drop", "429", "503", "500", "half")
"""What a call may meet by chance: answered late, done but not answered, refused, or an error before or after it was done."""

PRICE = 0.01
"""US dollars of each charge."""

CALLS_IN_TROUBLE = 3
"""From then on an order is answered well, so that everything comes to its end."""


class Journal:
    """The charges: in memory, and in a file that outlives the process."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        os.ftruncate(self._file, path.read_bytes().rfind(b"\n") + 1)  # what was half written was never answered
        self.charges = read(path)
        self._by_reference: dict[str, list[dict[str, Any]]] = {}
        for charge in self.charges:
            self._by_reference.setdefault(charge["reference"], []).append(charge)

    def charge(self, order: dict[str, Any], key: str | None) -> dict[str, Any]:
        """Charge an order; with a key, only once for it. The charge is on the disk when this returns."""
        with self._lock:
            before = self._by_reference.setdefault(order["reference"], [])
            there = next((charge for charge in before if key is not None and charge["key"] == key), None)
            if there is not None:
                return there
            charge = {**order, "id": f"o{len(self.charges) + 1}", "key": key, "at": time.time(), "usd": PRICE}
            os.write(self._file, json.dumps(charge).encode() + b"\n")
            os.fsync(self._file)
            self.charges.append(charge)
            before.append(charge)
            return charge

    def find(self, reference: str) -> dict[str, Any] | None:
        """The first order with this reference."""
        with self._lock:
            return next(iter(self._by_reference.get(reference, [])), None)

    def by_id(self, name: str) -> dict[str, Any] | None:
        """An order by the id that it was answered with."""
        number = int(name[1:]) if name[1:].isdigit() else 0
        with self._lock:
            return self.charges[number - 1] if 0 < number <= len(self.charges) else None


def read(path: Path) -> list[dict[str, Any]]:
    """The charges of a journal, also of a vendor that is dead; an unfinished last line does not count."""
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


class Oracle(ThreadingHTTPServer):
    """The vendor.

    Args:
        keys: whether it honours idempotency keys; without, each order is charged.
        trouble: the share of calls that meet one of `TROUBLES`, by chance.
        seed: with what an order says of itself (``dice``) it gives the same troubles again.
    """

    daemon_threads = True
    request_queue_size = 200

    def __init__(self, port: int, journal: Journal, *, keys: bool = True, trouble: float = 0.0, seed: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.journal = journal
        self.keys = keys
        self.no_credit_until = self.down_until = 0.0
        self._trouble, self._seed = trouble, seed
        self._calls: dict[str, int] = {}
        self._lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A customer that died or lost patience is nothing to tell of."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def trouble_of(self, order: dict[str, Any]) -> str:
        """What this call meets: by the order's own script, else by chance."""
        with self._lock:
            count = self._calls[order["reference"]] = self._calls.get(order["reference"], 0) + 1
        script = order.get("script") or []
        if count <= len(script):
            return str(script[count - 1])
        dice = random.Random(f"{self._seed}/{order.get('dice', order['reference'])}/{count}")
        if script or count > CALLS_IN_TROUBLE or dice.random() >= self._trouble:
            return ""
        return dice.choice(TROUBLES)


class _Handler(BaseHTTPRequestHandler):
    server: Oracle
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None: ...

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if self.path == "/trouble":
            now = time.monotonic()
            self.server.no_credit_until = now + body.get("credit", 0)
            self.server.down_until = now + body.get("down", 0)
            return self._answer(200, {})
        if self._is_shut():
            return None
        return self._order(body)

    def _is_shut(self) -> bool:
        now = time.monotonic()
        if now < self.server.down_until:
            self._answer(503, {"error": "down"})
        elif self.command == "POST" and now < self.server.no_credit_until:
            self._answer(402, {"error": "no credit"})
        else:
            return False
        return True

    def _order(self, order: dict[str, Any]) -> None:
        trouble = self.server.trouble_of(order)
        if trouble in ("429", "402", "503", "500"):
            headers = {"Retry-After": "1"} if trouble == "429" else {}
            return self._answer(int(trouble), {"error": trouble}, headers)
        charge = self.server.journal.charge(order, self.headers.get("Idempotency-Key") if self.server.keys else None)
        if trouble == "drop":
            self.close_connection = True
            return None
        if trouble == "half":
            return self._answer(500, {"error": "after it was done"})
        if trouble == "late":
            time.sleep(order.get("late", 0.5))
        return self._answer(201, charge)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/invoice":
            return self._answer(200, {"charges": self.server.journal.charges})
        if self._is_shut():
            return None
        if url.path == "/orders":
            found = self.server.journal.find(parse_qs(url.query).get("reference", [""])[0])
        else:
            found = self.server.journal.by_id(url.path.rpartition("/")[2])
        if found is None:
            return self._answer(404, {"error": "no such order"})
        return self._answer(200, {**found, "made": time.time() >= found["at"] + found.get("takes", 0)})

    def _answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)


def main() -> None:
    parser = argparse.ArgumentParser(description="a vendor that charges, and misbehaves")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--no-keys", action="store_true", help="charge each order, whatever its idempotency key")
    parser.add_argument("--trouble", type=float, default=0.0, help="share of calls that meet trouble")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    oracle = Oracle(given.port, Journal(given.journal), keys=not given.no_keys, trouble=given.trouble, seed=given.seed)
    print(oracle.server_address[1], flush=True)
    oracle.serve_forever()


if __name__ == "__main__":
    main()
