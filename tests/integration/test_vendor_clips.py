"""Clips of Creatomate against a local server of its protocol, in both versions of the API."""

import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from stagepass.errors import Permanent, QuotaExhausted, RateLimited, SettingsError, StageError, TaskFailed, Transient
from stagepass.providers.ports import ClipRequest, LineTiming, SelfCheck
from stagepass.providers.vendors.composition import composed, load_templates
from stagepass.providers.vendors.creatomate import CreatomateClips
from tests.support.vendors.creatomate import CLIP, Creatomate

KEY = "planted-creatomate-key-1"
PHOTOS = ["https://us.example/1.jpg", "https://us.example/2.jpg"]
LINES = [LineTiming("Warm bread at dawn", 5.0, 9.5), LineTiming("Harbor Light", 10.0, 12.0)]


@pytest.fixture
def server() -> Iterator[Creatomate]:
    with Creatomate(key=KEY) as made:
        yield made


@pytest.fixture(params=["v1", "v2"])
def clips(request: pytest.FixtureRequest, server: Creatomate) -> CreatomateClips:
    return CreatomateClips(request.param, KEY, server.url)


def order(orientation: Literal["vertical", "horizontal"] = "vertical", **more: Any) -> ClipRequest:
    given: dict[str, Any] = {"public_images": PHOTOS, "public_audio": "https://us.example/song.mp3", **more}
    return ClipRequest(
        "Harbor Light",
        "Busan",
        [Path(str(number)) for number, _ in enumerate(given["public_images"])],
        Path("song.mp3"),
        60.0,
        LINES,
        orientation,
        reference="job1",
        **given,
    )


def test_a_clip_walks_to_its_end_and_is_copied(clips: CreatomateClips) -> None:
    task = clips.submit(order())
    assert [clips.look(task) for _ in range(3)] == [None] * 3
    made = clips.look(task)
    assert made is not None
    assert (made.width, made.height, made.duration) == (1080, 1920, 60.0)
    copy = io.BytesIO()
    clips.fetch(made, copy)
    assert copy.getvalue() == CLIP


def test_a_composition_stands_where_the_version_wants_it(server: Creatomate, clips: CreatomateClips) -> None:
    clips.submit(order(callback_url="https://us.example/cb"))
    sent = server.asked("/renders")[0].body
    assert (sent["metadata"], sent["webhook_url"]) == ("job1", "https://us.example/cb")
    source = sent["source"] if clips.model == "v1" else sent
    assert source["elements"] == composed(order())["elements"]


@pytest.mark.parametrize(("orientation", "size"), [("vertical", (1080, 1920)), ("horizontal", (1920, 1080))])
def test_a_composition_has_photos_song_title_and_a_text_per_line(
    orientation: Literal["vertical", "horizontal"], size: tuple[int, int]
) -> None:
    made = composed(order(orientation))
    assert (made["width"], made["height"], made["duration"]) == (*size, 60.0)
    photos = [element for element in made["elements"] if element["type"] == "image"]
    assert [(photo["source"], photo["time"], photo["duration"]) for photo in photos] == [
        (PHOTOS[0], 0, 30),
        (PHOTOS[1], 30, 30),
    ]
    texts = [(e["text"], e["time"], e["duration"]) for e in made["elements"] if e["type"] == "text"]
    assert ("Warm bread at dawn", 5.0, 4.5) in texts
    assert ("Harbor Light", 10.0, 2.0) in texts
    assert ("Busan", 0, 4.0) in texts
    assert [e["source"] for e in made["elements"] if e["type"] == "audio"] == ["https://us.example/song.mp3"]


def test_without_photos_it_has_a_background() -> None:
    kinds = [element["type"] for element in composed(order(public_images=[]))["elements"]]
    assert kinds.count("shape") == 1
    assert "image" not in kinds


def test_elements_of_one_track_do_not_overlap() -> None:
    by_track: dict[int, list[Any]] = {}
    for element in composed(order())["elements"]:
        by_track.setdefault(element["track"], []).append(element)
    for elements in by_track.values():
        spans = sorted((e["time"], e["time"] + e.get("duration", 60.0)) for e in elements)
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


def test_a_template_is_filled_by_its_mapping(server: Creatomate, tmp_path: Path) -> None:
    mapping = {
        "vertical": {
            "template_id": "t1",
            "modifications": {
                "Music.source": "{audio}",
                "Image-{n}.source": "{image}",
                "Title.text": "{title} · {subtitle} {other}",
            },
            "caption": "Line-{n}",
        }
    }
    path = tmp_path / "templates.json"
    path.write_text(json.dumps(mapping))
    CreatomateClips("v2", KEY, server.url, load_templates(str(path))).submit(order())
    sent = server.asked("/renders")[0].body
    assert sent["template_id"] == "t1"
    assert sent["modifications"] == {
        "Music.source": "https://us.example/song.mp3",
        "Image-1.source": PHOTOS[0],
        "Image-2.source": PHOTOS[1],
        "Title.text": "Harbor Light · Busan {other}",
        "Line-1.text": "Warm bread at dawn",
        "Line-1.time": 5.0,
        "Line-1.duration": 4.5,
        "Line-2.text": "Harbor Light",
        "Line-2.time": 10.0,
        "Line-2.duration": 2.0,
    }
    assert "elements" not in sent


@pytest.mark.parametrize("text", ["{", "[]", '{"vertical": {"template_id": 7}}'])
def test_a_mapping_that_is_none_is_refused_at_start(tmp_path: Path, text: str) -> None:
    path = tmp_path / "templates.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match="CREATOMATE_TEMPLATES"):
        load_templates(str(path))


@pytest.mark.parametrize("more", [{"public_audio": None}, {"public_images": PHOTOS[:1]}])
def test_files_without_an_address_are_refused_before_the_order(server: Creatomate, more: dict[str, Any]) -> None:
    asked = order()
    given = ClipRequest(
        **{name: getattr(asked, name) for name in asked.__slots__} | more  # one photo fewer by address than there are
    )
    with pytest.raises(Permanent, match="no address") as caught:
        CreatomateClips("v2", KEY, server.url).submit(given)
    assert "PUBLIC_URL" in str(caught.value.advice)
    assert not server.calls


@pytest.mark.parametrize(
    ("status", "kind"), [("failed", TaskFailed), ("cancelled", TaskFailed)], ids=["failed", "cancelled"]
)
def test_each_end_without_a_clip_is_told(server: Creatomate, status: str, kind: type[StageError]) -> None:
    server.statuses = ("planned", status)
    clips = CreatomateClips("v2", KEY, server.url)
    task = clips.submit(order())
    assert clips.look(task) is None
    with pytest.raises(kind):
        clips.look(task)


def test_a_status_that_is_not_known_is_still_going_on(server: Creatomate) -> None:
    server.statuses = ("polishing",)
    clips = CreatomateClips("v2", KEY, server.url)
    assert clips.look(clips.submit(order())) is None


def test_the_31st_call_in_ten_seconds_is_told_to_wait(server: Creatomate) -> None:
    clips = CreatomateClips("v2", KEY, server.url)
    task = clips.submit(order())
    for _ in range(29):
        clips.look(task)
    with pytest.raises(RateLimited) as caught:
        clips.look(task)
    assert caught.value.retry_after == 10


def test_a_lost_answer_to_an_order_is_not_known(clips: CreatomateClips, server: Creatomate) -> None:
    server.will("/renders", {"drop": True, "carry_out": True})
    with pytest.raises(Transient) as caught:
        clips.submit(order())
    assert not caught.value.not_done
    assert clips.find(order()) is None


@pytest.mark.parametrize("body", [[], {}, [{}], "x", {"id": None}, [{"id": []}], [[]], 7])
def test_an_order_without_a_render_id_may_have_been_taken(
    clips: CreatomateClips, server: Creatomate, body: Any
) -> None:
    server.will("/renders", {"body": body, "status": 202})
    with pytest.raises(Transient) as caught:
        clips.submit(order())
    assert (caught.value.code, caught.value.answered, caught.value.not_done) == ("transient", False, False)


@pytest.mark.parametrize("text", ["", "<html>", '{"id": "x", "status": "succ', "[" * 100_000, "data: {}\n\n"])
def test_a_look_that_brings_no_render_may_pass(clips: CreatomateClips, server: Creatomate, text: str) -> None:
    task = clips.submit(order())
    server.will(f"/renders/{task}", {"text": text})
    with pytest.raises(Transient, match="without JSON"):
        clips.look(task)
    assert clips.look(task) is None


def test_numbers_that_make_no_sense_lose_no_clip(clips: CreatomateClips, server: Creatomate) -> None:
    odd = '{"id": "r", "status": "succeeded", "url": "u\\ud83d", "duration": NaN, "width": 1e999, "height": "1920"}'
    server.will("/renders/r", {"text": odd})
    made = clips.look("r")
    assert made is not None
    assert (made.duration, made.width, made.height, made.source) == (0, 0, 1920, "u?")


def test_an_error_under_a_status_of_success_is_read_by_its_own(clips: CreatomateClips, server: Creatomate) -> None:
    server.will("/renders", {"body": {"error": {"code": 402, "message": "no credits"}}})
    with pytest.raises(QuotaExhausted):
        clips.submit(order())


def test_the_self_check_looks_at_the_key(clips: CreatomateClips, server: Creatomate) -> None:
    check: SelfCheck = clips
    assert check.self_check() == "creatomate: the key is good; the project has 1 templates"
    server.key = "another"
    with pytest.raises(Permanent, match="rejected the API key"):
        check.self_check()
    assert KEY not in repr(vars(clips))
