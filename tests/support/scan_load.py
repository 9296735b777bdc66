"""Many scans at once against a running `stagepass up`: ``python -m tests.support.scan_load URL PHOTO [COUNT]``.

Each client posts its own photo, follows its own stream to the end, and checks it: complete, in order, with
a result behind it. Prints the counts and the times; ends with 1 if one scan is not as it should be.
"""

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import httpx2


async def one(client: httpx2.AsyncClient, photo: bytes, number: int) -> dict[str, Any]:
    """One scan: times in seconds from its post."""
    headers = {"X-User-ID": f"load{number}"}
    files = {"image": ("photo.jpg", photo, "image/jpeg")}
    began = time.monotonic()
    accepted = (await client.post("/api/v1/scan", files=files, headers=headers)).raise_for_status().json()
    posted = time.monotonic() - began
    events: list[dict[str, Any]] = []
    first = None
    async with client.stream("GET", accepted["stream_url"], headers=headers) as stream:
        connected = time.monotonic()
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                first = first or time.monotonic() - connected
                events.append(json.loads(line[6:]))
    total = time.monotonic() - began
    result = (await client.get(accepted["result_url"], headers=headers)).json()
    return {"posted": posted, "first": first, "total": total, "events": events, "result": result}


def faults(scan: dict[str, Any]) -> list[str]:
    """What is wrong with a stream or its result."""
    events, found = scan["events"], []
    seqs = [event["seq"] for event in events]
    if seqs != list(range(1, len(seqs) + 1)):
        found.append(f"numbers {seqs}")
    done = [event["stage"] for event in events if event["status"] == "completed"]
    if done != ["queued", "vision", "rule", "answer", "reward", "done"]:
        found.append(f"completed {done}")
    progress = [event["progress"] for event in events]
    if progress != sorted(progress) or progress[-1:] != [100]:
        found.append(f"progress {progress}")
    if scan["result"]["status"] != "completed":
        found.append(f"result {scan['result']['status']}")
    return found


async def run(url: str, photo: bytes, count: int) -> list[dict[str, Any]]:
    """All at once."""
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(base_url=url, timeout=300, limits=limits, trust_env=False) as client:
        return list(await asyncio.gather(*(one(client, photo, number) for number in range(count))))


def told(scans: list[dict[str, Any]]) -> str:
    """The times, in a table."""
    rows = {
        "post answered": [scan["posted"] for scan in scans],
        "first event after connecting": [scan["first"] for scan in scans],
        "queue wait": [scan["result"]["queue_wait_ms"] / 1000 for scan in scans],
        "whole scan": [scan["total"] for scan in scans],
    }
    lines = ["| seconds | median | 95 % | longest |", "|---|---|---|---|"]
    for name, times in rows.items():
        late = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
        lines.append(f"| {name} | {statistics.median(times):.2f} | {late:.2f} | {max(times):.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    scans = asyncio.run(run(sys.argv[1], Path(sys.argv[2]).read_bytes(), int((sys.argv[3:] or ["200"])[0])))
    wrong = [found for scan in scans if (found := faults(scan))]
    print(told(scans))
    print(f"{len(scans)} scans, {len(wrong)} with faults", *wrong[:5], sep="\n")
    sys.exit(1 if wrong else 0)
