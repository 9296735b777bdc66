"""A typed `ctx.receive` is a form at its signed address: seen in two languages, filled in by a person, sent once."""

import re
from collections.abc import Iterator
from typing import Literal

import httpx2
import pytest
from pydantic import BaseModel, Field

from stagepass import Context, Pipeline
from stagepass.declare.registry import Registry
from stagepass.engine.model.states import ENDED
from tests.support.api import Installation, RedisServer, installation
from tests.support.waiting import wait_until

pytest_plugins = ("tests.support.api_fixtures",)
urls: list[str] = []


class Draft(BaseModel):
    text: str = "a"


class Address(BaseModel):
    street: str = Field(description="Street and number", max_length=80)
    floor: int = 0
    kind: Literal["home", "office"] = "home"


ship = Pipeline("ship", input=Draft)


@ship.stage
def parcel(ctx: Context, request: Draft) -> list[str]:
    urls.append(ctx.callback_url("address") or "")
    found = []
    for number in (1, 2):
        address = ctx.receive("address", type=Address, at_most="1h", saying=f"Where to send <parcel {number}>?")
        found.append(f"{address.street}, {address.floor}, {address.kind}")
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Installation]:
    with installation(
        tmp_path_factory.mktemp("forms"), redis.url, Registry([ship]), public_url="http://here.example"
    ) as made:
        made.work()
        begin(made)  # starts what starts by itself at the first use
        yield made


@pytest.fixture
def anyone(world: Installation) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=world.server.url, trust_env=False) as client:
        yield client


def begin(world: Installation) -> tuple[str, str]:
    urls.clear()
    job = world.system.engine.submit("ship", {}, owner="ann").job.id
    wait_until(lambda: world.system.store.run(f"{job}.parcel").state == "waiting")  # type: ignore[union-attr]
    return job, "/api/v1/" + urls[-1].partition("/api/v1/")[2]


def result(world: Installation, job: str) -> list[str]:
    """What the job gave, once it has ended."""
    wait_until(lambda: world.system.engine.job(job, None).state in ENDED)
    found: list[str] = world.system.engine.result(world.system.engine.job(job, None))
    return found


def filled(page: str, **fields: str) -> dict[str, str]:
    (once,) = re.findall(r'name="once" value="([^"]+)"', page)
    return {"once": once, **{f"field.{name}": value for name, value in fields.items()}}


def test_a_person_fills_in_what_the_stage_waits_for(world: Installation, anyone: httpx2.Client) -> None:
    job, url = begin(world)
    for _ in range(2):  # looking changes nothing
        page = anyone.get(url)
        assert (page.status_code, page.headers["content-language"]) == (200, "en")
        assert "Where to send &lt;parcel 1&gt;?" in page.text
        assert "Street and number" in page.text
        assert re.search(r'name="field.floor" type="number" step="1" value="0"', page.text)
        assert "form-action 'self'" in page.headers["content-security-policy"]
    first = filled(page.text, street="Hauptstr. 1", floor="3", kind="office")
    assert "Sent." in anyone.post(url, data=first).text
    wait_until(lambda: "parcel 2" in anyone.get(url).text)
    assert anyone.post(url, data=first).status_code == 200  # a second click on the first page
    korean = anyone.get(url, headers={"Accept-Language": "ko"})
    assert "작업이 입력을 기다리고 있어요" in korean.text
    assert anyone.post(url, data=filled(korean.text, street="Weg 2")).status_code == 200
    assert result(world, job) == ["Hauptstr. 1, 3, office", "Weg 2, 0, home"]
    gone = anyone.get(url)
    assert (gone.status_code, "Nothing is asked for" in gone.text) == (404, True)
    assert anyone.post(url, data=first).status_code == 409


def test_what_does_not_fit_is_shown_again_and_nothing_is_sent(world: Installation, anyone: httpx2.Client) -> None:
    job, url = begin(world)
    page = anyone.get(url)
    for fields, title in (({"floor": "1"}, "Street and number"), ({"street": "a", "floor": "high"}, "Floor")):
        again = anyone.post(url, data=filled(page.text, **fields))
        assert again.status_code == 422
        assert f"“{title}”" in again.text
        assert filled(again.text)["once"] == filled(page.text)["once"]
    assert world.system.store.messages(job, "address", 9) == []
    world.system.engine.cancel(job, None)


def test_a_program_sends_json_to_the_same_address(world: Installation, anyone: httpx2.Client) -> None:
    job, url = begin(world)
    for number in (1, 2):
        assert anyone.post(url, json={"street": f"s{number}"}).json() == {"ok": True}
    assert result(world, job) == ["s1, 0, home", "s2, 0, home"]


def test_another_name_a_wrong_link_and_a_large_form_are_refused(world: Installation, anyone: httpx2.Client) -> None:
    job, url = begin(world)
    assert anyone.get(url.replace("/address", "/other")).status_code == 404
    assert anyone.get("/api/v1/callbacks/nothing/address").status_code in (403, 404)
    large = anyone.post(url, data={"field.street": "x" * 70_000})
    assert (large.status_code, world.system.store.messages(job, "address", 9)) == (413, [])
    world.system.engine.cancel(job, None)
