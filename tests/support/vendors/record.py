"""Records what the vendors' own SDKs send, so that `tests/integration/test_vendor_wire.py` can compare ours with it.

python -m venv build/sdks && build/sdks/bin/pip install openai google-genai anthropic
python -m tests.support.vendors.record build/sdks/bin/python
"""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.vendors.anthropic import Anthropic
from tests.support.vendors.gemini import Gemini
from tests.support.vendors.openai import OpenAI
from tests.support.vendors.sdk_calls import KEY
from tests.support.vendors.server import Vendor

RECORDED = Path(__file__).with_name("sdk_calls.json")
SERVERS: dict[str, type[Vendor]] = {"openai": OpenAI, "anthropic": Anthropic, "gemini": Gemini}
DISTINCT = ("user-agent", "host", "accept-encoding", "connection", "content-length")
"""Headers that say who called and from where, never what was asked."""


def main(python: str) -> None:
    """Ask each server once by each SDK, and write down its calls."""
    recorded: dict[str, Any] = {}
    for name, kind in SERVERS.items():
        with kind(key=KEY) as server:
            command = [python, "-P", str(Path(__file__).with_name("sdk_calls.py")), name, server.url]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == 0, done.stderr
            recorded[name] = {**json.loads(done.stdout), "calls": [seen(call) for call in server.calls]}
    text = json.dumps({"date": f"{datetime.now(UTC):%Y-%m-%d}", **recorded}, ensure_ascii=False, indent=1)
    RECORDED.write_text(text + "\n")


def seen(call: Any) -> dict[str, Any]:
    """A call without what differs from one client to another."""
    headers = {
        name: value
        for name, value in sorted(call.headers.items())
        if name not in DISTINCT and not name.startswith("x-stainless-")
    }
    return {"method": call.method, "path": call.path, "headers": headers, "body": call.body}


if __name__ == "__main__":
    main(sys.argv[1])
