"""promo, whole, through each vendor's adapter against its server; and what a chain of text models does."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from pydantic import BaseModel

from stagepass import Pipeline
from stagepass.bus.provider_limits import OpenGate
from stagepass.declare.values import File
from stagepass.engine.execute.context import Context
from stagepass.engine.model.limits import Limit
from stagepass.engine.model.states import JobState
from stagepass.errors import SettingsError
from stagepass.pipelines.promo.models import LyricText
from stagepass.pipelines.promo.pipeline import promo
from stagepass.providers import builtin  # noqa: F401  (registers the providers)
from stagepass.providers.ask import ask
from stagepass.providers.fetching.fetch import fetch_url
from stagepass.providers.local.text import LocalTextModel
from stagepass.providers.ports import ClipMaker, SongMaker, TextModel, TextRequest
from stagepass.providers.registry import Chain, Offer, Providers
from stagepass.providers.vendors import offers
from stagepass.testing import Lab
from tests.support.api import picture
from tests.support.vendors.anthropic import Anthropic
from tests.support.vendors.creatomate import Creatomate
from tests.support.vendors.gemini import Gemini
from tests.support.vendors.openai import OpenAI, said
from tests.support.vendors.server import Vendor, serving
from tests.support.vendors.suno import Suno
from tests.support.vendors.words import LYRIC
from tests.support.webserver import response, web_server

INPUT = {
    "customer_name": "Harbor Light",
    "region": "Busan",
    "detail_region_info": "warm bread at dawn",
    "language": "English",
}
KEY = "sk-planted-key-1234567890"

TEXT: dict[str, type[Vendor]] = {"openai": OpenAI, "compatible": OpenAI, "anthropic": Anthropic, "gemini": Gemini}


def address(name: str, server: Vendor) -> str:
    return server.url + ("/v1" if name in ("openai", "compatible") else "")


def providers(tmp_path: Any, settings: dict[str, str], **servers: Vendor) -> Providers:
    """As a process makes them of its settings."""
    environ = dict(settings)
    for name, server in servers.items():
        environ |= {f"{name.upper()}_API_KEY": KEY, f"{name.upper()}_BASE_URL": address(name, server)}
    return Providers(environ, tmp_path)


@contextmanager
def lab_of(made: Providers) -> Iterator[Lab]:
    chosen = {kind: made.get(kind, stage) for stage in promo.stages.values() for kind in stage.needs}
    with Lab(promo, chosen) as lab:
        yield lab


@pytest.mark.parametrize(
    ("text", "song", "clip"),
    [
        ("openai:m", "suno:V5", "creatomate"),
        ("compatible:m", "kie:V4_5", "creatomate:v2"),
        ("anthropic:m", "suno:V4", "creatomate:v1"),
        ("gemini:m", "suno:V5_5", "creatomate:v1"),
    ],
)
def test_promo_completes_through_each_adapter(tmp_path: Any, text: str, song: str, clip: str) -> None:
    words, songs, clips = TEXT[text.partition(":")[0]](key=KEY), Suno(key=KEY), Creatomate(key=KEY)
    settings = {"TEXT_MODEL": text, "SONG_MAKER": song, "CLIP_MAKER": clip}
    with serving(words, songs, clips):
        made = providers(
            tmp_path,
            settings,
            **{text.partition(":")[0]: words, song.partition(":")[0]: songs, clip.partition(":")[0]: clips},
        )
        assert not [problem for stage in promo.stages.values() for problem in made.check(stage)]
        with lab_of(made) as lab:
            job = lab.run(INPUT)
            assert job.state is JobState.COMPLETED, lab.events(job)
            outputs = {run.stage: run for run in lab.engine.runs(job)}
            assert all(run.attempts == 1 for run in outputs.values())
            result = lab.result(job)
    assert (len(songs.tasks), len(clips.renders)) == (1, 1)
    order = songs.tasks["task1"].order
    assert order["prompt"] == LYRIC["text"]
    assert result is not None


@pytest.mark.parametrize("photo", ["http://127.0.0.1:9/x.jpg", "http://10.0.0.8/x.jpg", "https://[::1]/x.jpg"])
def test_a_photo_that_cannot_be_had_ends_the_job_before_anything_is_bought(tmp_path: Any, photo: str) -> None:
    words, songs, clips = OpenAI(key=KEY), Suno(key=KEY), Creatomate(key=KEY)
    settings = {"TEXT_MODEL": "openai:m", "SONG_MAKER": "suno:V5", "CLIP_MAKER": "creatomate"}
    with serving(words, songs, clips):
        made = providers(tmp_path, settings, openai=words, suno=songs, creatomate=clips)
        with lab_of(made) as lab:
            job = lab.run({**INPUT, "images": [photo]})
            assert job.state is JobState.FAILED
            assert job.error is not None
            assert (job.error["stage"], job.error["advice"]) == ("lyric", "change the input field images.0")
        assert not words.calls
        assert not songs.calls


def test_photos_are_fetched_once_in_their_order_and_go_with_the_lyric_to_the_clip(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = partial(fetch_url, allow_private=True, ports=None)
    monkeypatch.setattr("stagepass.pipelines.promo.stages.photos.fetch_url", here)
    colours = ["red", "green", "blue", "white", "black", "grey", "navy"]
    words, songs, clips = OpenAI(key=KEY), Suno(key=KEY), Creatomate(key=KEY)
    settings = {"TEXT_MODEL": "openai:m", "SONG_MAKER": "suno:V5", "CLIP_MAKER": "creatomate"}

    def photo(path: str, send: Callable[[bytes], None]) -> None:
        send(response(picture("PNG", colour=path.strip("/")), Content_Type="image/png"))

    with serving(words, songs, clips), web_server(photo) as web:
        made = providers(tmp_path, settings, openai=words, suno=songs, creatomate=clips)
        with lab_of(made) as lab:
            job = lab.run({**INPUT, "images": [web.url(f"/{colour}") for colour in colours]})
            assert job.state is JobState.COMPLETED, job.error
            kept = [File(**photo) for photo in lab.engine.outputs(job, every=True)["lyric"]["photos"]]
    assert [file.name for file in kept] == [f"photo-{number}.png" for number in range(1, 8)]
    assert [file.sha256 for file in kept] == [
        hashlib.sha256(picture("PNG", colour=colour)).hexdigest() for colour in colours
    ]
    assert len(web.heads) == len(colours)
    (render,) = clips.renders.values()
    sources = json.dumps(render.order)
    assert sorted(kept, key=lambda file: sources.index(file.sha256)) == kept


def test_a_lyric_that_the_clip_cannot_show_ends_the_job_before_the_song_is_bought(tmp_path: Any) -> None:
    words, songs, clips = OpenAI(key=KEY), Suno(key=KEY), Creatomate(key=KEY)
    settings = {"TEXT_MODEL": "openai:m", "SONG_MAKER": "suno:V5", "CLIP_MAKER": "creatomate"}
    unseen = json.dumps(LYRIC | {"text": LYRIC["text"] + "\n𰀀"})
    with serving(words, songs, clips):
        words.will("/completions", *[{"body": said(unseen)}] * 4)
        with lab_of(providers(tmp_path, settings, openai=words, suno=songs, creatomate=clips)) as lab:
            job = lab.run(INPUT)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert (job.error["stage"], job.error["code"]) == ("lyric", "invalid_output")
    assert "𰀀" in job.error["message"]
    assert not songs.calls


@contextmanager
def makers(tmp_path: Any) -> Iterator[tuple[Suno, Creatomate, Lab]]:
    """promo with Suno and Creatomate, and its own writer."""
    songs, clips = Suno(key=KEY), Creatomate(key=KEY)
    settings = {"TEXT_MODEL": "local", "SONG_MAKER": "suno:V5", "CLIP_MAKER": "creatomate"}
    with serving(songs, clips), lab_of(providers(tmp_path, settings, suno=songs, creatomate=clips)) as lab:
        yield songs, clips, lab


def waits_of(lab: Lab, job: Any) -> list[tuple[str, str, Any]]:
    """Stage, code and seconds of each retry, but for its jitter."""
    return [
        (str(e.stage), e.data["code"], pytest.approx(e.data["seconds"], rel=0.12))
        for e in lab.engine.events(job.id)
        if e.type == "stage.retrying"
    ]


def test_a_download_that_fails_has_its_own_tries_and_orders_nothing_again(tmp_path: Any) -> None:
    with makers(tmp_path) as (songs, clips, lab):
        clips.will("/renders", {"status": 429}, {"status": 429})  # two of the order's three tries
        clips.will(".mp4", {"status": 500}, {"drop": True})  # and two of the download's
        job = lab.run(INPUT)
        assert job.state is JobState.COMPLETED, job.error
        assert len(clips.renders) == 1
        assert len(songs.tasks) == 1
        assert [wait[0] for wait in waits_of(lab, job)] == ["video"] * 4
        assert waits_of(lab, job)[2] == ("video", "transient", 120), "the first of its own"


def test_each_recording_is_downloaded_once_and_has_its_own_tries(tmp_path: Any) -> None:
    with makers(tmp_path) as (songs, _, lab):
        songs.will("task1a.mp3", {"status": 500}, {"status": 500})
        songs.will("task1b.mp3", *[{"status": 500}] * 3)
        job = lab.run(INPUT)
        assert job.state is JobState.COMPLETED, job.error
        assert (len(songs.asked("task1a.mp3")), len(songs.asked("task1b.mp3"))) == (3, 4)
        assert len(songs.tasks) == 1


def test_a_rate_limit_waits_as_the_stage_says_unless_the_vendor_names_a_time(tmp_path: Any) -> None:
    with makers(tmp_path) as (songs, _, lab):
        busy = {"body": {"code": 430, "msg": "too often"}}
        songs.will("/generate", busy, {**busy, "headers": {"Retry-After": "90"}})
        job = lab.run(INPUT)
        assert job.state is JobState.COMPLETED, job.error
        assert [wait[:2] for wait in waits_of(lab, job)][:2] == [("song", "rate_limited")] * 2
        assert [wait[2] for wait in waits_of(lab, job)][:2] == [300, 90]


def test_a_template_error_keeps_the_vendors_hint_and_is_not_tried_again(tmp_path: Any) -> None:
    hint = "The template 9e90 does not exist"
    with makers(tmp_path) as (_, clips, lab):
        clips.will("/renders", {"status": 404, "body": {"hint": hint}})
        job = lab.run(INPUT)
        assert job.error is not None
        assert (job.error["code"], job.error["advice"]) == ("permanent", f"creatomate: {hint}")
        (run,) = [run for run in lab.engine.runs(job) if run.stage == "video"]
        assert run.error is not None
        assert run.error["advice"] == f"creatomate: {hint}"
        assert waits_of(lab, job) == []


def test_a_song_and_a_clip_without_their_lengths_are_kept(tmp_path: Any) -> None:
    with makers(tmp_path) as (songs, _, lab):
        songs.will(
            "/record-info",
            {
                "body": {
                    "code": 200,
                    "data": {
                        "status": "SUCCESS",
                        "response": {"sunoData": [{"id": "a", "audioUrl": f"{songs.url}/files/a.mp3"}]},
                    },
                }
            },
        )
        job = lab.run(INPUT)
        assert job.state is JobState.COMPLETED, job.error
        assert lab.engine.outputs(job, every=True)["song"]["duration"] > 0


# ── a chain ──


class Nothing(BaseModel):
    """An input without a field."""


@contextmanager
def asking(model: Any, **options: Any) -> Iterator[Lab]:
    """One stage that asks one question."""
    p = Pipeline("asks", input=Nothing)

    @p.stage(needs=TextModel)
    def word(ctx: Context, request: Nothing, model: TextModel) -> str:
        return ask(ctx, model, TextRequest("asks.word", "?", LyricText, time_limit=4)).provider

    with Lab(p, {TextModel: model}, **options) as lab:
        yield lab


@pytest.fixture
def two(tmp_path: Any) -> Iterator[tuple[OpenAI, Anthropic, Any]]:
    first, second = OpenAI(key=KEY), Anthropic(key=KEY)
    with serving(first, second):
        made = providers(tmp_path, {"TEXT_MODEL": "openai:m, anthropic:m"}, openai=first, anthropic=second)
        stage = next(stage for stage in promo.stages.values() if stage.name == "lyric")
        yield first, second, made.get(TextModel, stage)


def test_the_first_of_a_chain_answers_as_long_as_it_can(two: tuple[OpenAI, Anthropic, Any]) -> None:
    _, second, chain = two
    with asking(chain) as lab:
        assert lab.result(lab.run({})) == "openai"
    assert not second.calls


@pytest.mark.parametrize(
    "step",
    [
        {"status": 429, "headers": {"Retry-After": "60"}, "body": {"error": {"code": "rate_limit_exceeded"}}},
        {"status": 429, "body": {"error": {"type": "insufficient_quota"}}},
        {"status": 503, "body": None},
        {"status": 502, "text": "<html>"},
        {"drop": True},
        {"delay": 20},
        {"body": {"error": {"message": "model overloaded", "code": 503}}},
        {"text": "<html>gateway</html>"},
        {"text": ""},
    ],
    ids=[
        "rate",
        "quota",
        "outage",
        "a bad gateway",
        "a lost connection",
        "silence",
        "an error under 200",
        "a page",
        "nothing",
    ],
)
def test_the_next_of_a_chain_answers_without_an_attempt_lost(
    two: tuple[OpenAI, Anthropic, Any], step: dict[str, Any]
) -> None:
    first, second, chain = two
    first.will("/chat/completions", step)
    second.will("/v1/messages", {"delay": 1.5 if "delay" in step else 0, "go_on": True})  # it has its own share of 4 s
    with asking(Chain(chain.members)) as lab:
        job = lab.run({})
        assert lab.result(job) == "anthropic"
        assert [run.attempts for run in lab.engine.runs(job)] == [1]


@pytest.mark.parametrize(
    "step",
    [
        {"status": 400, "body": {"error": {"code": "content_policy_violation"}}},
        {"status": 401, "body": None},
        {"status": 400, "body": {"error": {"code": "context_length_exceeded"}}},
    ],
    ids=["a refusal", "a wrong key", "too long"],
)
def test_what_would_fail_again_does_not_go_to_the_next(
    two: tuple[OpenAI, Anthropic, Any], step: dict[str, Any]
) -> None:
    first, second, chain = two
    first.will("/chat/completions", step)
    with asking(chain) as lab:
        assert lab.run({}).state is JobState.FAILED
    assert not second.calls


class Closed(OpenGate):
    """A gate that is closed for some providers."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.lines: list[str] = []

    def enter(self, provider: str, limit: Limit, ticket: str, **how: Any) -> tuple[float, str]:
        if provider not in self.names:
            return 0.0, ""
        if how["waiter"] is not None:
            self.lines.append(provider)
        return 30.0 if provider == "anthropic" else 60.0, "rate_limited"


def test_a_closed_member_is_passed_over_without_a_call(two: tuple[OpenAI, Anthropic, Any]) -> None:
    first, _, chain = two
    gate = Closed("openai")
    with asking(chain, provider_limits=gate) as lab:
        assert lab.result(lab.run({})) == "anthropic"
    assert not first.calls
    assert gate.lines == [], "who was answered elsewhere waits for nothing"


def test_where_all_are_closed_no_attempt_is_spent(two: tuple[OpenAI, Anthropic, Any]) -> None:
    first, second, chain = two
    gate = Closed("openai", "anthropic")
    with asking(chain, provider_limits=gate) as lab:
        job = lab.submit({})
        assert lab.step()
        assert gate.lines == ["anthropic"], "one line, where it will be the soonest"
        gate.names = ()
        job = lab.finish(job)
        assert [run.attempts for run in lab.engine.runs(job)] == [1]
        assert job.state is JobState.COMPLETED
    assert (len(first.calls), len(second.calls)) == (1, 0)


class Counting(OpenGate):
    """A gate that counts what it is told of the calls."""

    def __init__(self) -> None:
        self.failures, self.healthy = 0, 0

    def failed(self, provider: str, ticket: str) -> float:
        self.failures += 1
        return 0.0

    def leave(self, provider: str, ticket: str, *, healthy: bool, limit: Limit) -> list[str]:
        self.healthy += healthy
        return []


@pytest.mark.parametrize(
    ("step", "counted"),
    [({"status": 503}, (1, 0)), ({"body": {"error": {"code": 503}}}, (0, 1)), ({"text": "<html>"}, (0, 1))],
)
def test_an_error_under_a_status_of_success_closes_no_provider(
    two: tuple[OpenAI, Anthropic, Any], step: dict[str, Any], counted: tuple[int, int]
) -> None:
    first, _, chain = two
    first.will("/chat/completions", step)
    gate = Counting()
    with asking(chain.members[0], provider_limits=gate) as lab:
        lab.submit({})
        lab.step()
    assert (gate.failures, gate.healthy) == counted


# ── the settings ──


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"TEXT_MODEL": "openai:m"}, "TEXT_MODEL=openai:m needs OPENAI_API_KEY"),
        ({"TEXT_MODEL": "openai", "OPENAI_API_KEY": "k"}, "write openai:MODEL"),
        ({"TEXT_MODEL": "compatible:m"}, "needs COMPATIBLE_BASE_URL"),
        ({"TEXT_MODEL": "local,gemini:m"}, "needs GEMINI_API_KEY"),
        ({"PROMO_LYRIC_TEXT_MODEL": "chatty:m"}, "PROMO_LYRIC_TEXT_MODEL=chatty:m: there is no such provider"),
    ],
)
def test_what_is_missing_is_said_at_start(tmp_path: Any, settings: dict[str, str], says: str) -> None:
    stage = next(stage for stage in promo.stages.values() if stage.name == "lyric")
    assert [says in problem for problem in Providers(settings, tmp_path).check(stage)] == [True]


def test_a_stage_can_have_a_model_of_its_own(tmp_path: Any) -> None:
    stages = {stage.name: stage for stage in promo.stages.values()}
    environ = {"TEXT_MODEL": "local", "PROMO_LYRIC_TEXT_MODEL": "openai:m,local", "OPENAI_API_KEY": KEY}
    made = Providers(environ, tmp_path)
    chain = made.get(TextModel, stages["lyric"])
    assert [member.name for member in chain.members] == ["openai", "local"]
    assert isinstance(chain.members[1], LocalTextModel)
    assert made.secrets(stages["lyric"]) == {"OPENAI_API_KEY"}


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (offers._compatible, "COMPATIBLE_MAX_TOKENS", "many"),
        (offers._compatible, "COMPATIBLE_MAX_TOKENS", "0"),
        (offers._gemini, "GEMINI_THINKING_BUDGET", "1.5"),
        (offers._gemini, "GEMINI_THINKING_BUDGET", "-2"),
    ],
)
def test_a_number_of_tokens_that_is_none_is_told(tmp_path: Any, make: Any, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        make(Offer("m", tmp_path, {name: value}))


def test_a_key_with_a_line_break_is_refused_without_being_shown(tmp_path: Any) -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_KEY") as caught:
        offers._openai(Offer("m", tmp_path, {"OPENAI_API_KEY": "sk-a\nb"}))
    assert "sk-a" not in str(caught.value)


def test_songs_and_clips_are_chosen_one_at_a_time(tmp_path: Any) -> None:
    song = next(stage for stage in promo.stages.values() if stage.name == "song")
    environ = {"SONG_MAKER": "suno:V5,kie:V5", "SUNO_API_KEY": KEY}
    assert Providers(environ, tmp_path).get(SongMaker, song).model == "V5,kie:V5"
    assert ClipMaker is not SongMaker
