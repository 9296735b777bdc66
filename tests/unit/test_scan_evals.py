"""The evals: the local model passes them, and they notice a model that does not."""

from typing import Any

import pytest

from stagepass.pipelines.scan.evals import cases, problems
from stagepass.pipelines.scan.models import AnswerText
from stagepass.providers.local.text import LocalTextModel
from stagepass.providers.ports import TextAnswer, TextRequest


@pytest.mark.parametrize("case", cases(), ids=lambda case: str(case["name"]))
def test_the_local_model_passes(case: dict[str, Any]) -> None:
    assert problems(case, LocalTextModel()) == []


class Careless(LocalTextModel):
    """Sees well, and answers anything in German."""

    def generate(self, request: TextRequest) -> TextAnswer:
        if request.purpose == "scan.vision":
            return super().generate(request)
        words = AnswerText(disposal_steps=[], insufficiencies=["kaputt"], user_answer="Weg damit.")
        return TextAnswer(words, "careless", "careless-1")


class Reckless(LocalTextModel):
    """Gives the advice that people on the internet give."""

    def generate(self, request: TextRequest) -> TextAnswer:
        steps = ["Punch a hole in it.", "소금물에 담가 방전시켜요."]
        words = AnswerText(disposal_steps=steps, insufficiencies=[], user_answer="종량제봉투에 버려요.")
        return TextAnswer(words, "reckless", "reckless-1")


def test_a_reckless_model_is_found_out() -> None:
    found = {case["name"]: problems(case, Reckless()) for case in cases() if "item" in case}
    assert "dangerous: Punch a hole in it." in found["no hole in a spray can"]
    assert "dangerous: 소금물에 담가 방전시켜요." in found["no salt water for a power bank"]
    assert "dangerous: 종량제봉투에 버려요." in found["no salt water for a power bank"]


def test_a_careless_model_is_found_out() -> None:
    found = {case["name"]: problems(case, Careless()) for case in cases()}
    assert found["bottle, Korean"] == ["does not answer in ko", "names no steps", "does not say 유리병"]
    assert "insufficiencies: ['kaputt']" in found["nothing wrong is nothing invented"]
    assert all(found.values())
