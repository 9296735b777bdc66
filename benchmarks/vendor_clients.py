"""What a vendor's SDK costs beside our own door: import, memory, CPU per request with 100 threads.

Runs under any Python that has the client in question, against `python -m tests.support.vendors.openai` (or
`anthropic`, `gemini`), and prints one line of JSON:

    python benchmarks/vendor_clients.py ours openai URL
    SDKS/bin/python benchmarks/vendor_clients.py sdk openai URL
"""

import json
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydantic

THREADS, REQUESTS = 100, 3000


class Answer(pydantic.BaseModel):
    """What is asked for."""

    word: str


def ours(vendor: str, url: str) -> Callable[[], Any]:
    from stagepass.providers.ports import TextRequest
    from stagepass.providers.vendors.prices import Prices

    prices = Prices("", {})
    request = TextRequest("bench", "Say a word.", Answer)
    if vendor == "openai":
        from stagepass.providers.vendors.openai import OpenAIText

        return lambda model=OpenAIText("m", "k", f"{url}/v1", prices): model.generate(request)
    if vendor == "anthropic":
        from stagepass.providers.vendors.anthropic import AnthropicText

        return lambda model=AnthropicText("m", "k", url, prices): model.generate(request)
    from stagepass.providers.vendors.gemini import GeminiText

    return lambda model=GeminiText("m", "k", url, prices): model.generate(request)


def sdk(vendor: str, url: str) -> Callable[[], Any]:
    said: Any = [{"role": "user", "content": "Say a word."}]
    if vendor == "openai":
        import openai

        client = openai.OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
        return lambda: client.chat.completions.parse(model="m", messages=said, response_format=Answer)
    if vendor == "anthropic":
        import anthropic

        other = anthropic.Anthropic(api_key="k", base_url=url, max_retries=0)
        return lambda: other.messages.parse(model="m", max_tokens=99, messages=said, output_format=Answer)
    from google import genai

    third = genai.Client(api_key="k", http_options={"base_url": url})
    config: Any = {"response_mime_type": "application/json", "response_json_schema": Answer.model_json_schema()}

    def ask() -> Answer:
        found = third.models.generate_content(model="m", contents="Say a word.", config=config)
        return Answer.model_validate_json(str(found.text))

    return ask


def main(kind: str, vendor: str, url: str) -> None:
    """Make the client, ask once, then ask from all threads at once."""
    memory, began = rss(), time.process_time()
    ask = {"ours": ours, "sdk": sdk}[kind](vendor, url)
    made = time.process_time() - began
    ask()
    alone = rss()
    failed: list[str] = []

    def many() -> None:
        for _ in range(REQUESTS // THREADS):
            try:
                ask()
            except Exception as problem:
                failed.append(type(problem).__name__)

    cpu, began = time.process_time(), time.perf_counter()
    threads = [threading.Thread(target=many) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(
        json.dumps(
            {
                "client": f"{kind} {vendor}",
                "import_cpu_ms": round(made * 1000),
                "memory_mb": round(alone - memory, 1),
                "memory_100_threads_mb": round(rss() - memory, 1),
                "cpu_ms_per_request": round((time.process_time() - cpu) / REQUESTS * 1000, 2),
                "requests_per_s": round(REQUESTS / (time.perf_counter() - began)),
                "failed": len(failed),
                "first": failed[:1],
            }
        )
    )


def rss() -> float:
    """Resident megabytes now, or where the system does not say, the most there were."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


if __name__ == "__main__":
    main(*sys.argv[1:4])
