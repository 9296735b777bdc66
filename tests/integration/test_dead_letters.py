"""Dead letters with their price: by the API for their owner, by the command line for the operator."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stagepass import Context, Retry
from stagepass.api.app import create_app
from stagepass.engine.model.states import JobState
from stagepass.errors import Conflict, NotFound
from stagepass.store import migrate
from stagepass.testing import Lab
from tests.support.api import Server, is_problem, make_system
from tests.support.cli import run_here
from tests.support.processes import processes
from tests.support.shapes import Word, chain, fan

HANGUL = re.compile("[가-힣]")

PIPELINE = """
from pydantic import BaseModel
from stagepass import Context, Permanent, Pipeline, Retry

class Word(BaseModel):
    text: str = "a"

shop = Pipeline("shop", input=Word)

@shop.stage(retry=Retry(0))
def write(ctx: Context, request: Word) -> Word:
    ctx.once("draft", lambda: ctx.spend(provider="writer", usd=1, tokens_in=7) or "x")
    return request

@shop.stage(after=write, retry=Retry(1))
def sing(ctx: Context, write: Word) -> Word:
    ctx.once("order", lambda: ctx.spend(provider="singer", usd=10) or "x")
    if write.text.startswith("bad"):
        raise Permanent("out of tune", provider="singer", advice="another key")
    if write.text == "lost":
        ctx.once("lost", lose)
    ctx.spend(provider="singer", usd=2, key="mix")
    return write

@shop.stage(after=sing, retry=Retry(0))
def film(ctx: Context, sing: Word) -> Word:
    ctx.spend(provider="filmer", usd=5)
    return sing

def lose() -> str:
    raise TimeoutError
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "pipelines" / "shop"
    home.mkdir(parents=True)
    (home / "pipeline.py").write_text(PIPELINE)
    return tmp_path


@pytest.fixture
def lab(folder: Path) -> Iterator[Lab]:
    """Two good jobs, then two bad ones of ann's and one of bob's; on the database of `stagepass`."""
    from stagepass.pipelines.discover import discover

    shop = discover((), cwd=folder).latest("shop")
    url = f"sqlite:///{folder / 'stagepass.db'}"
    migrate.upgrade(url)
    with Lab(shop, folder=folder, database_url=url) as made:
        for text, owner in (("a", "ann"), ("b", "ann"), ("bad1", "ann"), ("bad2", "ann"), ("bad3", "bob")):
            made.run({"text": text}, owner=owner)
        yield made


def stagepass(folder: Path, *args: str, code: int = 0) -> str:
    """A command of the operator's, in the folder of the installation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("REDIS_URL", "BROKER_URL", "LC_ALL", "LC_MESSAGES"):
            patch.delenv(name, raising=False)
        patch.setenv("LANG", "C.UTF-8")
        patch.setenv("DATA_DIR", str(folder))
        patch.setenv("DATABASE_URL", f"sqlite:///{folder / 'stagepass.db'}")
        ended, out, errors = run_here(*args)
    assert ended == code, out + errors
    return out if "--json" in args else out + errors


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


COST = {
    "usd": 2.0,  # the median of two that cost 12, less the 10 that are kept
    "later_usd": 5.0,
    "spent": 11.0,
    "kept_usd": 11.0,
    "kept_calls": ["sing: order"],
    "kept_stages": ["write"],
    "sampled": 4,
    "runs": 1,
}


def test_by_the_command_line(lab: Lab, folder: Path) -> None:
    dead = lines(stagepass(folder, "dead", "list", "--owner", "ann", "--json"))
    assert len(dead) == 2
    run = dead[0]["run_id"]
    shown = json.loads(stagepass(folder, "dead", "show", run, "--json"))
    assert shown["input"] == {"text": "bad2"}
    assert (shown["error_type"], shown["error"]["code"]) == ("Permanent", "permanent")
    assert "pipeline.py" in shown["trace"]
    assert [entry["outcome"] for entry in shown["history"]] == ["failed"]
    assert shown["cost"] == COST
    text = stagepass(folder, "dead", "show", run)
    for part in ("permanent: out of tune", "another key", "pipeline.py", "bad2", "so far: $11.00"):
        assert part in text
    assert "about $2.0000, plus $5.0000 for later stages (median of 4 past runs)" in text
    assert "write, sing: order" in text
    assert "다시 실행하면 약 $2.0000" in stagepass(folder, "--lang", "ko", "dead", "show", run)

    plan = json.loads(stagepass(folder, "dead", "redrive", "--all", "--pipeline", "shop", "--json"))
    assert (plan["dry_run"], plan["runs"], len(plan["jobs"])) == (True, 3, 3)
    assert (plan["usd"], plan["later_usd"], plan["kept_usd"]) == (6.0, 15.0, 33.0)
    said = stagepass(folder, "dead", "redrive", "--all")
    assert "Would redrive 3 stage runs: about $6.0000, plus $15.00 for later stages" in " ".join(said.split())
    dry = json.loads(stagepass(folder, "dead", "discard", "--all", "--owner", "bob", "--json"))
    assert (dry["dry_run"], len(dry["runs"])) == (True, 1)
    assert len(lines(stagepass(folder, "dead", "list", "--json"))) == 3, "nothing was done yet"

    given_up = json.loads(stagepass(folder, "dead", "discard", "--all", "--owner", "bob", "--yes", "--json"))
    assert (given_up["runs"], given_up["refused"]) == (dry["runs"], {})
    done = json.loads(stagepass(folder, "dead", "redrive", "--all", "--code", "permanent", "--yes", "--json"))
    assert (done["runs"], done["dry_run"]) == (2, False)
    assert lines(stagepass(folder, "dead", "list", "--json")) == []
    stagepass(folder, "dead", "discard", "nope", code=3)
    assert "its state: ready" in stagepass(folder, "dead", "show", run, code=3), "what goes on again is no dead letter"
    stagepass(folder, "dead", "redrive", code=2)


def test_the_ledger_by_the_command_line(lab: Lab, folder: Path) -> None:
    for run in lines(stagepass(folder, "dead", "list", "--json")):
        lab.engine.redrive(run["run_id"], None)
    while lab.step():
        pass
    found = {line.pop("queue"): line for line in lines(stagepass(folder, "ledger", "--json"))}
    assert {queue: (line["spent"], line["saved"], line["twice"]) for queue, line in found.items()} == {
        "shop.film": (10, 0, 0),
        "shop.sing": (54, 30, 0),
        "shop.write": (5, 3, 0),
        None: (69, 33, 0),
    }
    assert found["shop.write"]["tokens_in"] == 35
    assert lines(stagepass(folder, "ledger", "--since", "2090-01-01", "--json"))[-1]["spent"] == 0
    assert lines(stagepass(folder, "ledger", "--pipeline", "other", "--json"))[-1]["spent"] == 0
    job = lab.store.owner_jobs("bob", 1)[0]
    spend = json.loads(stagepass(folder, "jobs", "show", job, "--json"))["spend"]
    shown = {line["stage"]: line for line in spend["stages"]}
    assert (shown["write"]["spent"], shown["write"]["saved"], shown["sing"]["twice"]) == (1, 1, 0)
    assert "write: spent $1.0000 · saved $1.0000 · paid twice $0.00" in stagepass(folder, "jobs", "show", job)


def test_a_lost_call_is_shown_with_what_to_do(lab: Lab, folder: Path) -> None:
    job = lab.run({"text": "lost"}, owner="ann")
    lab.finish(job)
    run = f"{job.id}.sing"
    (held,) = lines(stagepass(folder, "dead", "held", "--json"))
    assert (held["run_id"], held["calls"]) == (run, ["lost"])
    assert held["next"] == f"POST /api/v1/runs/{run}/decide"
    assert f"decide: stagepass dead decide {run} lost --again" in stagepass(folder, "dead", "held")
    shown = stagepass(folder, "dead", "show", run)
    assert "may have been done by an earlier attempt" in " ".join(shown.split())
    assert f"decide: stagepass dead decide {run} lost --again" in shown
    assert "redrive" not in shown, "it is not a redrive that it waits for"


def test_by_the_api_for_their_owner_only(lab: Lab, folder: Path) -> None:
    lost = lab.run({"text": "lost"}, owner="ann")
    system = make_system(
        folder, "unix:///nowhere/redis.sock", lab.registry, database_url=f"sqlite:///{folder / 'stagepass.db'}"
    )
    server = Server(create_app(system)).start()
    try:
        with server.client("ann") as ann, server.client("bob") as bob:
            letters = ann.get("/api/v1/dead").json()["dead"]
            assert len(letters) == 2
            run = letters[0]["run_id"]
            shown = ann.get(f"/api/v1/dead/{run}").json()
            assert (shown["input"], shown["error_type"], shown["cost"]) == ({"text": "bad2"}, "Permanent", COST)
            assert "shop/pipeline.py" in shown["trace"]
            assert not [line for line in shown["trace"].splitlines() if line.startswith("/")], "paths of this machine"
            assert [entry["outcome"] for entry in shown["history"]] == ["failed"]
            is_problem(bob.get(f"/api/v1/dead/{run}"), 404, "not_found")
            is_problem(ann.get(f"/api/v1/dead/{lost.id}.write"), 404, "not_found")

            (held,) = ann.get("/api/v1/held").json()["held"]
            assert (held["run_id"], held["calls"]) == (f"{lost.id}.sing", ["lost"])
            assert held["next"] == f"POST /api/v1/runs/{lost.id}.sing/decide"
            assert "look it up at the provider" in held["error"]["advice"]
            assert bob.get("/api/v1/held").json()["held"] == []
            korean = {"Accept-Language": "ko, en;q=0.5"}
            for told in (
                ann.get("/api/v1/held", headers=korean).json()["held"][0]["error"],
                ann.get(f"/api/v1/jobs/{lost.id}", headers=korean).json()["stages"][1]["error"],
            ):
                assert all(HANGUL.search(told[name]) for name in ("message", "advice")), told
            assert not HANGUL.search(ann.get(f"/api/v1/jobs/{lost.id}").text)

            plan = ann.post("/api/v1/dead/redrive", json={"dry_run": True}).json()
            assert (plan["dry_run"], plan["runs"], plan["usd"], plan["later_usd"]) == (True, 2, 4.0, 10.0)
            would = ann.post("/api/v1/dead/discard", json={"dry_run": True, "code": "permanent"}).json()
            assert len(would["runs"]) == 2
            assert len(ann.get("/api/v1/dead").json()["dead"]) == 2
            assert ann.post("/api/v1/dead/discard", json={"limit": 1}).json()["runs"] == [run]
            assert len(ann.get("/api/v1/dead").json()["dead"]) == 1
            assert len(bob.get("/api/v1/dead").json()["dead"]) == 1, "another's are not touched"

            spend = ann.get(f"/api/v1/jobs/{letters[1]['job_id']}/spend").json()
            assert [(s["stage"], s["spent"], s["saved"], s["twice"]) for s in spend["stages"]] == [
                ("write", 1, 0, 0),
                ("sing", 10, 0, 0),
            ]
            assert (spend["usd"], spend["saved"], spend["twice"]) == (11, 0, 0)
            sung = letters[1]["run_id"]
            is_problem(ann.post("/api/v1/dead/redrive", json={"anew": "maybe"}), 422, "invalid_input")
            beside = ann.post("/api/v1/dead/redrive", json={"anew": True}, headers=korean).json()
            assert beside["jobs"] == [], "an order that was not collected is still open"
            assert HANGUL.search(beside["refused"][sung])
            forced = ann.post("/api/v1/dead/redrive", json={"anew": "force"}).json()
            assert (forced["jobs"], forced["refused"]) == ([letters[1]["job_id"]], {})
            is_problem(ann.get("/api/v1/providers"), 503, "unavailable")  # without Redis nobody knows
    finally:
        server.stop()
        system.close()


@pytest.mark.parametrize("collect", ["settled", "any"])
def test_an_item_that_its_job_did_without_is_not_sent_again(collect: str) -> None:
    def act(ctx: Context, text: str) -> None:
        if text == "b":
            raise ValueError("x")

    p = fan(collect=collect, act=act)

    @p.stage(after=p.stages["join"], retry=Retry(0))
    def last(ctx: Context, join: Word) -> Word:
        raise ValueError("x")

    with Lab(p) as lab:
        job = lab.run({"text": "abc"})
        assert lab.job(job).state is JobState.FAILED
        before = lab.events(job)
        with pytest.raises(Conflict, match=r"continued without this item of each.*retry each"):
            lab.engine.redrive(f"{job.id}.each.1", None)
        assert lab.events(job) == before


def test_a_dead_letter_that_vanishes_meanwhile_is_not_found(tmp_path: Path) -> None:
    p = fan("vanish", act=lambda ctx, text: 1 / 0)
    with Lab(p) as lab:
        job = lab.run({"text": "ab"})
        run = f"{job.id}.each.0"
        stale = lab.store.run(run)
        assert stale is not None
        lab.engine.retry(job.id, "split", None)  # drops the items' runs
        assert lab.store.run(run) is None
        lab.engine._run = lambda run_id, owner: stale  # type: ignore[method-assign]  # as it was a moment ago
        for act in (
            lambda: lab.engine.discard(run, None),
            lambda: lab.engine.redrive(run, None),
            lambda: lab.engine.decide(run, None, name="x", again=True),
        ):
            with pytest.raises(NotFound):
                act()


def test_a_payment_is_kept_once_on_every_database(database_url: str, store: Any) -> None:
    from stagepass.engine.commit.call_operations import Spent
    from stagepass.engine.model.records import Spend

    with processes(database_url, 2, chain()) as (one, two):
        job = one.engine.submit("chain", {"text": "x"}).job
        spend = Spend(f"{job.id}.one", job.id, 1, "suno", "v5", 1, 2, 0.5, 3, "chain.one", "key:a", "order")
        for process in (one, two, one):
            process.engine.committer.do(Spent([spend]))
        assert store.spends(job.id) == [spend]
        assert store.paying_jobs("chain", 3, "", 9) == [job.id]
        assert store.paying_jobs("chain", 4, "", 9) == store.paying_jobs("other", 0, "", 9) == []
        assert store.usual_spend("chain.one", 9) == [], "it is not done"
        with store.begin() as tx:
            from stagepass.engine.model.transaction import Changes

            tx.save(Changes(forgotten=[(spend.run_id, "order", None)]))
        assert store.spends(job.id)[0].given_up
