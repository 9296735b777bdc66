"""resume and scan through each text vendor's adapter, as `up` and Celery's workers run them; part of `make chaos`."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.acceptance.test_vendor_at_once import ended
from tests.integration.test_vendor_pipelines import well_read
from tests.integration.test_vendor_promo import KEY, TEXT, address
from tests.support.api import picture
from tests.support.resume import ONE_LINE
from tests.support.up import STAGEPASS, Up, place


@pytest.mark.chaos
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("pool", "count"), [("threads", 50), ("prefork", 8)])
@pytest.mark.parametrize("name", sorted(TEXT))
def test_resumes_and_scans_complete_for_all_of_them(
    monkeypatch: pytest.MonkeyPatch, name: str, pool: str, count: int
) -> None:
    server = well_read(name, monkeypatch)
    settings = {f"{name.upper()}_API_KEY": KEY, f"{name.upper()}_BASE_URL": address(name, server)}
    for setting, value in {"TEXT_MODEL": f"{name}:m", **settings}.items():
        monkeypatch.setenv(setting, value)
    group = f"resume,scan,users={count}" if pool == "threads" else "hello,users=1"
    with server, place() as folder:
        up = Up(folder, "--workers", group)
        command = [STAGEPASS, "worker", "resume", "scan", "--pool", "prefork", "-c", "3"]
        log = (folder / "worker.log").open("wb")
        workers = (
            [subprocess.Popen(command, cwd=folder, env=up.env, stdout=log, stderr=log)] if pool == "prefork" else []
        )
        try:
            with ThreadPoolExecutor(count) as people:
                ids = list(people.map(lambda number: _submit(up, number), range(count)))
            assert set(ended(up, ids, 200).values()) == {"completed"}
        finally:
            log.close()
            for process in (*workers, up.process):
                process.terminate()
                process.wait(40)
    assert len(server.calls) == 2 * count, "two questions each, and none was put twice"


def _submit(up: Up, number: int) -> str:
    """Every second one is a scan."""
    with httpx2.Client(base_url=up.ready["url"], timeout=60, trust_env=False) as client:
        answer: Any
        if number % 2:
            answer = client.post("/api/v1/scan", files={"image": ("a.jpg", picture(), "image/jpeg")})
        else:
            answer = client.post("/api/v1/pipelines/resume/jobs", json={"resume_text": ONE_LINE})
        facts = answer.raise_for_status().json()
        return str(facts.get("job_id") or facts["id"])
