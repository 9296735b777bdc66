"""Songs of Suno against a local server of its protocol: ordered once, looked at, timed, copied."""

import io
import json
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stagepass.errors import (
    Blocked,
    InvalidInput,
    Permanent,
    RateLimited,
    SettingsError,
    StageError,
    TaskFailed,
    TimedOut,
    Transient,
    Unavailable,
)
from stagepass.providers.fetching.length import seconds_of
from stagepass.providers.ports import MadeSong, SelfCheck, SongRequest
from stagepass.providers.vendors.suno import LIMITS, SunoSongs
from stagepass.providers.vendors.timing import fold
from tests.support.vendors.suno import RECORDING, Suno

KEY = "planted-suno-key-123456"
LYRIC = "[Verse]\nWarm bread at dawn\nBoats come home\n\n[Chorus]\nHarbor Light"


@pytest.fixture
def server() -> Iterator[Suno]:
    with Suno(key=KEY) as made:
        yield made


def maker(server: Suno, model: str = "V5") -> SunoSongs:
    return SunoSongs("suno", model, KEY, server.url)


def order(**more: Any) -> SongRequest:
    return SongRequest("Harbor Light", LYRIC, "pop, ambient", "en", "job1", **more)


def made_of(server: Suno, *statuses: str) -> MadeSong | None:
    """What comes of a task that walks these statuses, looked at as often."""
    server.statuses = statuses
    songs = maker(server)
    task = songs.submit(order())
    for _ in statuses[:-1]:
        assert songs.look(task) is None
    return songs.look(task)


def test_an_order_is_what_the_contract_asks_for(server: Suno) -> None:
    maker(server).submit(order(callback_url="https://us.example/cb"))
    sent = server.asked("/generate")[0].body
    assert sent == {
        "customMode": True,
        "instrumental": False,
        "model": "V5",
        "prompt": LYRIC,
        "style": "pop, ambient",
        "title": "Harbor Light",
        "callBackUrl": "https://us.example/cb",
    }


def test_without_a_public_address_it_still_gives_the_callback_that_is_asked_for(server: Suno) -> None:
    assert maker(server).submit(order()) == "task1"
    assert server.asked("/generate")[0].body["callBackUrl"].startswith("https://")


@pytest.mark.parametrize("model", LIMITS)
def test_texts_keep_to_the_models_limits(server: Suno, model: str) -> None:
    lyric, style, title = LIMITS[model]
    maker(server, model).submit(SongRequest("t" * 500, "l" * lyric, "s" * 2000))
    sent = server.asked("/generate")[0].body
    assert (len(sent["prompt"]), len(sent["style"]), len(sent["title"])) == (lyric, style, title)
    with pytest.raises(Permanent, match="the lyric has"):
        maker(server, model).submit(SongRequest("t", "l" * (lyric + 1), "s"))
    assert len(server.asked("/generate")) == 1  # nothing was ordered for it


def test_a_song_walks_to_its_end_with_both_recordings_and_timed_lines(server: Suno) -> None:
    made = made_of(server, "PENDING", "TEXT_SUCCESS", "FIRST_SUCCESS", "SUCCESS")
    assert made is not None
    assert (made.clip_id, made.duration) == ("task1a", 60.0)
    assert [other.clip_id for other in made.also] == ["task1b"]
    assert made.timing is not None
    assert [line.text for line in made.timing] == ["Warm bread at dawn", "Boats come home", "Harbor Light"]
    times = [time for line in made.timing for time in (line.start, line.end)]
    assert times == sorted(times)
    copy = io.BytesIO()
    maker(server).fetch(made, copy)
    assert copy.getvalue() == RECORDING


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("CREATE_TASK_FAILED", TaskFailed),
        ("GENERATE_AUDIO_FAILED", TaskFailed),
        ("SENSITIVE_WORD_ERROR", Blocked),
        ("FAILED", TaskFailed),
    ],
)
def test_each_end_without_a_song_is_told_apart(server: Suno, status: str, kind: type[StageError]) -> None:
    with pytest.raises(kind) as caught:
        made_of(server, "PENDING", status)
    assert type(caught.value) is kind


def test_a_callback_that_could_not_be_delivered_loses_no_song(server: Suno) -> None:
    made = made_of(server, "CALLBACK_EXCEPTION")
    assert made is not None
    assert made.source.endswith("task1a.mp3")


def test_a_status_that_is_not_known_is_still_going_on(server: Suno) -> None:
    assert made_of(server, "SOMETHING_NEW") is None


def test_the_older_shape_is_read_too(server: Suno) -> None:
    songs = [{"id": "x", "audio_url": f"{server.url}/files/x.mp3", "duration": 9}]
    body = {"code": 200, "data": {"status": "SUCCESS", "response": {"data": songs}}}
    server.will("/record-info", {"body": body})
    made = maker(server).look("t")
    assert made is not None
    assert (made.clip_id, made.timing) == ("x", None)


def test_a_song_whose_times_are_not_told_is_a_song(server: Suno) -> None:
    server.will("/get-timestamped-lyrics", {"status": 500, "body": {"code": 500}})
    made = made_of(server, "SUCCESS")
    assert made is not None
    assert made.timing is None


@pytest.mark.parametrize("time", ["NaN", "1e999", "-Infinity"])
def test_times_that_are_no_numbers_are_no_times(server: Suno, time: str) -> None:
    words = f'[{{"word": "one", "startS": 1, "endS": 2}}, {{"word": "\\ntwo", "startS": 3, "endS": {time}}}]'
    server.will("/get-timestamped-lyrics", {"text": f'{{"code": 200, "data": {{"alignedWords": {words}}}}}'})
    made = made_of(server, "SUCCESS")
    assert made is not None
    assert made.timing is not None
    assert [(line.text, line.start, line.end) for line in made.timing] == [("one", 1, 2), ("two", 2, 2)]


def test_the_21st_order_in_ten_seconds_is_told_to_wait(server: Suno) -> None:
    songs = maker(server)
    for _ in range(20):
        songs.submit(order())
    with pytest.raises(RateLimited) as caught:
        songs.submit(order())
    assert caught.value.retry_after == 10


def test_an_order_whose_answer_was_lost_is_not_sent_again_here(server: Suno) -> None:
    server.will("/generate", {"drop": True, "carry_out": True})
    songs = maker(server)
    with pytest.raises(Transient) as caught:
        songs.submit(order())
    assert not caught.value.not_done
    assert len(server.tasks) == 1
    assert songs.find(order()) is None  # nobody can tell: the stage is held for a person


@pytest.mark.parametrize(
    "body",
    [{"code": 200}, {"code": 200, "data": {}}, {"code": 200, "data": []}, ["x"], {"data": {"taskId": None}}, {"a": 1}],
)
def test_an_order_without_a_task_id_may_have_been_taken(server: Suno, body: Any) -> None:
    server.will("/generate", {"body": body})
    with pytest.raises(Transient) as caught:
        maker(server).submit(order())
    assert (caught.value.code, caught.value.answered, caught.value.not_done) == ("transient", False, False)


@pytest.mark.parametrize(
    "answer",
    [
        {"text": ""},
        {"text": "<html>gateway</html>"},
        {"text": '{"code": 200, "data": {"taskId": "t'},
        {"text": "[" * 2_000_000},
        {"text": '{"data":' * 100_000},
        {"text": "data: {}\n\ndata: [DONE]\n\n"},
        {"body": {"error": "upstream"}},
        {"body": {"error": {"code": 503}}},
        {"body": {"code": 503, "msg": "busy"}},
        {"body": {"code": 200, "data": "x"}},
        {"body": {"code": 200, "data": {"status": "SUCCESS", "response": "x"}}},
        {"body": {"code": 200, "data": {"status": "SUCCESS", "response": {"sunoData": {"id": 1}}}}},
    ],
    ids=range(12),
)
def test_a_look_that_brings_no_task_may_pass(server: Suno, answer: Any) -> None:
    songs = maker(server)
    task = songs.submit(order())
    server.will("/record-info", answer)
    with pytest.raises(Transient) as caught:
        songs.look(task)
    assert caught.value.code == "transient"
    assert songs.look(task) is None


@pytest.mark.parametrize("duration", ["NaN", "1e999", '"long"', "null", "-3", "[1]", "true", "9" * 500])
def test_a_duration_that_makes_no_sense_loses_no_song(server: Suno, duration: str) -> None:
    song = f'{{"id": "x\\ud83d", "audioUrl": "{server.url}/files/x.mp3", "duration": {duration}}}'
    body = f'{{"code": 200, "data": {{"status": "SUCCESS", "response": {{"sunoData": [{song}, 7, null]}}}}}}'
    server.will("/record-info", {"text": body})
    made = maker(server).look("t")
    assert made is not None
    assert (made.clip_id, made.duration <= 1, made.also) == ("x?", True, ())


def test_a_slow_answer_ends_in_time(server: Suno) -> None:
    server.will("/record-info", {"delay": 20})
    with pytest.raises(TimedOut):
        SunoSongs("suno", "V5", KEY, server.url, call_time=0.2).look("t")


def test_a_file_that_stops_half_way_is_not_kept(server: Suno) -> None:
    server.will("/files/x.mp3", {"status": 404, "body": None}, {"drop": True})
    song = MadeSong("x", 1.0, None, f"{server.url}/files/x.mp3")
    with pytest.raises(Transient, match="404"):
        maker(server).fetch(song, io.BytesIO())
    with pytest.raises(Unavailable, match="failed"):
        maker(server).fetch(song, io.BytesIO())


def test_a_vendor_on_the_internet_cannot_send_us_into_the_private_network(server: Suno) -> None:
    songs = SunoSongs("suno", "V5", KEY, "https://api.sunoapi.org")  # not called: only its files are fetched
    with pytest.raises(InvalidInput, match="private"):
        songs.fetch(MadeSong("x", 1.0, None, server.url.split(":")[0] + "://127.0.0.1/files/x.mp3"), io.BytesIO())
    assert not server.calls


def test_a_vendor_at_a_private_address_opens_only_its_own_host_and_port(server: Suno) -> None:
    with Suno(key=KEY) as other:
        for address in (f"{other.url}/files/x.mp3", f"{other.url}/files/x.mp3".replace("127.0.0.1", "localhost")):
            with pytest.raises((InvalidInput, Transient)):
                maker(server).fetch(MadeSong("x", 1.0, None, address), io.BytesIO())
        server.will("/files/x.mp3", {"status": 302, "headers": {"Location": f"{other.url}/files/x.mp3"}, "text": ""})
        with pytest.raises(InvalidInput, match="port"):
            maker(server).fetch(MadeSong("x", 1.0, None, f"{server.url}/files/x.mp3"), io.BytesIO())
        assert not other.calls
    copy = io.BytesIO()
    maker(server).fetch(MadeSong("x", 1.0, None, f"{server.url}/files/x.mp3".replace("127.0.0.1", "localhost")), copy)
    assert copy.getvalue() == RECORDING, "this machine has two names"


def test_a_name_of_the_vendors_files_that_is_not_known_may_be_known_later(server: Suno) -> None:
    with pytest.raises(Transient, match="cannot be fetched from"):
        maker(server).fetch(MadeSong("x", 1.0, None, "http://files.invalid/x.mp3"), io.BytesIO())


@pytest.mark.parametrize("url", ["http://x:99999", "http://[::1", "ftp://x", "x"])
def test_a_base_url_that_is_none_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(SettingsError, match="suno: the base URL"):
        SunoSongs("suno", "V5", KEY, url)


def test_the_self_check_tells_the_credits(server: Suno) -> None:
    songs: SelfCheck = maker(server)
    assert songs.self_check() == "suno: the key is good; 41 credits are left"
    assert KEY not in json.dumps(repr(vars(songs)))


def test_a_recordings_length_is_measured_where_its_maker_does_not_say(tmp_path: Path) -> None:
    sound, noise = tmp_path / "a.wav", tmp_path / "b.mp3"
    with wave.open(str(sound), "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(8000)
        recording.writeframes(b"\0\0" * 20_000)
    noise.write_bytes(b"no sound at all")
    assert seconds_of(sound) == pytest.approx(2.5, abs=0.05)
    assert seconds_of(noise) == 0


# ── word timings ──


def word(text: str, start: float | None = None, end: float | None = None, success: bool = True) -> dict[str, Any]:
    return {"word": text, "success": success, "startS": start, "endS": end}


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (
            [word("[Verse]\nWarm ", 1, 2), word("bread\n", 2, 3), word("Boats", 4, 5)],
            [("Warm bread", 1, 3), ("Boats", 4, 5)],
        ),
        ([word("[Verse", 0, 0), word("2]\nOh", 1, 2)], [("Oh", 1, 2)]),
        ([word("a", 1, 2), word("b\n\n[Chorus]\nc", 3, 4)], [("a b", 1, 4), ("c", 4, 4)]),
        (
            [word("one\n", 1, 2), word("two\n", success=False), word("three", 5, 6)],
            [("one", 1, 2), ("two", 2, 5), ("three", 5, 6)],
        ),
        ([word("one\n", 5, 6), word("two", 3, 4)], [("one", 5, 6), ("two", 6, 6)]),
        ([word("[Intro]", 0, 1)], []),
        ([word("one", success=False)], []),
        ([], []),
        ([word("[" * 2_000 + "\nOh\ud83d\0", 1, 2)], [("[" * 2_000, 1, 2), ("Oh?", 2, 2)]),
    ],
    ids=[
        "tags inside",
        "a tag in two words",
        "a break inside",
        "a word not found",
        "backwards",
        "only tags",
        "no times",
        "nothing",
        "only openings",
    ],
)
def test_words_fold_to_lines(words: list[Any], lines: list[Any]) -> None:
    assert [(line.text, line.start, line.end) for line in fold(words)] == lines
