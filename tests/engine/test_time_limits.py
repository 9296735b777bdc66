"""`TIME_LIMITS`: a stage gets other limits than its author gave it, and its calls to a model follow them."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from pydantic import BaseModel

import stagepass.pipelines.promo.local_lyric  # noqa: F401  (registers the local writer)
from stagepass import Context, Pipeline
from stagepass.declare.registry import Registry
from stagepass.errors import SettingsError
from stagepass.pipelines.promo.models import LyricText
from stagepass.pipelines.resume.pipeline import resume
from stagepass.pipelines.time_limits import set_time_limits
from stagepass.providers.ask import ask
from stagepass.providers.local.text import LocalTextModel
from stagepass.providers.ports import TextAnswer, TextModel, TextRequest
from stagepass.testing import Lab
from tests.support.resume import ONE_LINE
from tests.support.up import STAGEPASS


class Nothing(BaseModel):
    """An input without fields."""


@pytest.fixture
def registry() -> Registry:
    """Two versions of a pipeline with two stages."""
    made = Registry()
    for version in (1, 2):
        slow = Pipeline("slow", input=Nothing, version=version)

        @slow.stage(time_limit="1m", run_limit="2m")
        def first() -> int:
            return 1

        @slow.stage(after=first)
        def second(first: int) -> int:
            return first

        made.add(slow)
    return made


def limits(registry: Registry) -> list[tuple[str, float, float]]:
    stages = [*registry.stages_of("slow.first"), *registry.stages_of("slow.second")]
    return [(stage.name, stage.time_limit, stage.run_limit) for stage in stages]


def test_every_version_of_a_stage_gets_the_limit(registry: Registry) -> None:
    set_time_limits(registry, " slow.first = 90s/10m ,slow.second=30m,")
    assert limits(registry) == [("first", 90, 600)] * 2 + [("second", 1800, 3600)] * 2


def test_without_the_setting_they_are_the_authors(registry: Registry) -> None:
    before = limits(registry)
    set_time_limits(registry, "")
    assert limits(registry) == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("slow.frist=90s", "there is no stage 'slow.frist'; did you mean slow.first?"),
        ("slow=90s", "there is no stage 'slow'"),
        ("zzz.zzz=90s", "see `stagepass pipelines`"),
        ("slow.first", "'slow.first' is not stage=attempt or stage=attempt/run"),
        ("slow.first=", "'slow.first=' is not stage=attempt or stage=attempt/run"),
        ("slow.first=quick", "'quick' is not a duration"),
        ("slow.first=90s/later", "'later' is not a duration"),
        ("slow.first=0s", "an attempt must be above 0"),
        ("slow.first=5m", "at most the stage run's limit of 2 min; to allow more, give both, such as slow.first=5m/5m"),
        ("slow.first=5m/4m", "at most the stage run's limit of 4 min"),
    ],
)
def test_what_cannot_be_is_said_with_the_setting(registry: Registry, text: str, says: str) -> None:
    before = limits(registry)
    with pytest.raises(SettingsError) as refused:
        set_time_limits(registry, text)
    assert str(refused.value).startswith("TIME_LIMITS: ")
    assert says in str(refused.value)
    assert limits(registry) == before


def test_a_process_is_given_them_by_its_environment(tmp_path: Path) -> None:
    def pipelines(text: str) -> subprocess.CompletedProcess[str]:
        command = [STAGEPASS, "pipelines", "resume", "--json"]
        env = {**os.environ, "TIME_LIMITS": text, "DATA_DIR": str(tmp_path)}
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)

    shown = json.loads(pipelines("resume.questions=10m/2h").stdout)
    by_name = {stage["name"]: (stage["time_limit"], stage["run_limit"]) for stage in shown["stages"]}
    assert by_name["questions"] == (600, 7200)
    assert by_name["learning_path"] == (120, 3600)
    refused = pipelines("resume.question=10m")
    assert refused.returncode == 2
    assert "did you mean resume.questions?" in refused.stderr


class Watched(LocalTextModel):
    """The local model, which notes how long each answer might have taken."""

    def __init__(self) -> None:
        self.limits: dict[str, float | None] = {}

    def generate(self, request: TextRequest) -> TextAnswer:
        self.limits[request.purpose] = request.time_limit
        return super().generate(request)


def test_a_call_gets_its_share_of_the_stages_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resume.stages["questions"], "time_limit", 600.0)
    model = Watched()
    with Lab(resume, {TextModel: model}) as lab:
        lab.result(lab.run({"resume_text": ONE_LINE}))
    assert model.limits == {
        "resume.questions": pytest.approx(300, rel=0.05),
        "resume.learning_path": pytest.approx(60, rel=0.05),
    }


@pytest.mark.parametrize(("own", "limit"), [(None, 45), (4.0, 4)], ids=["three quarters", "its own"])
def test_a_question_without_a_limit_may_take_most_of_the_attempt(own: float | None, limit: float) -> None:
    p = Pipeline("asks", input=Nothing)

    @p.stage(needs=TextModel, time_limit="1m")
    def word(ctx: Context, request: Nothing, model: TextModel) -> str:
        facts = {"customer_name": "Harbor Light", "region": "Busan", "language": "English"}
        return ask(ctx, model, TextRequest("promo.lyric", "?", LyricText, facts, "en", time_limit=own)).provider

    model = Watched()
    with Lab(p, {TextModel: model}) as lab:
        assert lab.result(lab.run({})) == "local"
    assert model.limits == {"promo.lyric": pytest.approx(limit, rel=0.05)}
