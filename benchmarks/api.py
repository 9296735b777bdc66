"""What a request costs the API's process: CPU, beside a bare FastAPI route in the same run.

python -m benchmarks.api [--database sqlite|postgresql|mariadb] [--rounds 5] [--requests 300]
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from stagepass.api.app import create_app
from stagepass.bootstrap import System
from stagepass.pipelines.discover import discover
from stagepass.settings import Settings
from tests.support.databases import KINDS, new_database

App = Callable[..., Awaitable[None]]
HERE = Path(__file__).parent


def main() -> None:
    """Ask each route in turn, round by round; print the medians."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder, new_database(options.database, Path(folder)) as url:
        os.environ.update(
            DATABASE_URL=url,
            DATA_DIR=folder,
            REDIS_URL=f"unix://{folder}/none.sock",
            PIPELINES=str(HERE / "pipelines"),
            LOG_LEVEL="WARNING",
        )
        settings = Settings.load()
        system = System(settings, discover(settings.pipelines))
        system.configure_logging()
        try:
            found = asyncio.run(_measure(create_app(system), options))
        finally:
            system.close()
    bare = statistics.median(found["bare route"])
    print("| route | CPU ms | spread | × bare |\n|---|---|---|---|")
    for name, times in found.items():
        middle = statistics.median(times)
        print(f"| {name} | {middle:.2f} | {min(times):.2f} to {max(times):.2f} | {middle / bare:.1f} |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=300, help="of each route and round")
    return parser.parse_args()


async def _measure(app: FastAPI, options: argparse.Namespace) -> dict[str, list[float]]:
    bare = FastAPI()

    @bare.get("/")
    async def root() -> dict[str, str]:
        return {"status": "ok"}

    for n in range(60):
        status, body = await _ask(app, "POST", "/api/v1/pipelines/bench_noop/jobs", {"n": n})
        assert status == 202, body
    job = json.loads(body)["id"]
    routes: dict[str, tuple[App, str, str, Any]] = {
        "bare route": (bare, "GET", "/", None),
        "GET /health/live": (app, "GET", "/health/live", None),
        "GET /api/v1/jobs/ID": (app, "GET", f"/api/v1/jobs/{job}", None),
        "GET /api/v1/jobs?limit=50": (app, "GET", "/api/v1/jobs?limit=50", None),
        "GET /api/v1/pipelines/promo": (app, "GET", "/api/v1/pipelines/promo", None),
        "POST /api/v1/pipelines/bench_noop/jobs": (app, "POST", "/api/v1/pipelines/bench_noop/jobs", {"n": 1}),
    }
    found: dict[str, list[float]] = defaultdict(list)
    for number in range(options.rounds + 1):
        for name, asked in routes.items():
            cpu = time.process_time()
            for _ in range(options.requests):
                status, body = await _ask(*asked)
                assert status < 300, body
            if number:  # the first one is for warmth
                found[name].append((time.process_time() - cpu) / options.requests * 1000)
    return found


async def _ask(app: App, method: str, address: str, body: Any) -> tuple[int, bytes]:
    path, _, query = address.partition("?")
    sent = b"" if body is None else json.dumps(body).encode()
    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(sent))]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "scheme": "http",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    answer: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": sent, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        answer.append(message)

    await app(scope, receive, send)
    return int(answer[0]["status"]), b"".join(message.get("body", b"") for message in answer[1:])


if __name__ == "__main__":
    main()
