"""The commands that move a job, each with its request where the API has one."""

import shlex

from stagepass.doctor.why.model import Act
from stagepass.engine.model.records import Job, StageRun

API = "/api/v1"


def worker(queue: str, note: str | None = None) -> Act:
    return Act(f"stagepass worker {queue}", note=note)


def relay() -> Act:
    return Act("stagepass relay")


def watch(job: Job) -> Act:
    return Act(f"stagepass watch {job.id}", f"GET {API}/jobs/{job.id}/events", "watch")


def show(job: Job) -> Act:
    return Act(f"stagepass jobs show {job.id}", f"GET {API}/jobs/{job.id}/result", "show")


def cancel(job: Job, note: str | None = "cancel") -> Act:
    return Act(f"stagepass jobs cancel {job.id}", f"POST {API}/jobs/{job.id}/cancel", note)


def resume(job: Job, note: str | None = None) -> Act:
    return Act(f"stagepass jobs resume {job.id}", f"POST {API}/jobs/{job.id}/resume", note)


def hurry(run: StageRun, note: str = "hurry") -> list[Act]:
    """Look at once instead of when it is due. Not for items: a retry makes all items of the stage again."""
    if run.item is not None:
        return []
    return [retry(run.job_id, run.stage, note)]


def retry(job_id: str, stage: str, note: str | None = None) -> Act:
    return Act(f"stagepass jobs retry {job_id} {stage}", f"POST {API}/jobs/{job_id}/stages/{stage}/retry", note)


def decide(run: StageRun, call: str) -> list[Act]:
    request = f"POST {API}/runs/{run.id}/decide"
    command = f"stagepass dead decide {run.id} {shlex.quote(call)}"
    return [
        Act(f"{command} --value '\"ID\"'", request, "decide_value"),
        Act(f"{command} --again", request, "decide_again"),
    ]


def answer(url: str) -> list[Act]:
    return [
        Act(f"curl -sf -d decision=approve {shlex.quote(url)}", f"POST {url}", "approve", private=True),
        Act(f"curl -sf -d decision=reject {shlex.quote(url)}", f"POST {url}", "reject", private=True),
    ]


def send(job: Job, name: str, base: str) -> Act:
    path = f"{API}/jobs/{job.id}/messages/{name}"
    header = shlex.quote("Content-Type: application/json")
    return Act(f"curl -sf -H {header} -d '{{}}' {base}{path}", f"POST {path}", "send")


def restart(pid: int) -> Act:
    """End a worker in order; its process manager starts another."""
    return Act(f"kill -TERM {pid}", note="restart", private=True)


def why(job: Job) -> Act:
    return Act(f"stagepass why {job.id}", f"GET {API}/jobs/{job.id}/why", "child")


def providers(name: str) -> list[Act]:
    """Open a provider by hand, or look at all that are closed."""
    listed = Act("stagepass providers", f"GET {API}/providers", "providers")
    return [Act(f"stagepass providers open {name}", None, "open", private=True), listed]


def unpause(target: str) -> Act:
    return Act(f"stagepass resume {shlex.quote(target)}", private=True)


def unlimit(name: str) -> Act:
    return Act(f"stagepass limit {name} --reset", note="unlimit", private=True)


def details(job: Job) -> Act:
    return Act(f"stagepass jobs show {job.id}", f"GET {API}/jobs/{job.id}?full=true", "details")
