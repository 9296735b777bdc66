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


def test_a_careless_model_is_found_out() -> None:
    found = {case["name"]: problems(case, Careless()) for case in cases()}
    assert found["bottle, Korean"] == ["does not answer in ko", "names no steps", "does not say 유리병"]
    assert "insufficiencies: ['kaputt']" in found["nothing wrong is nothing invented"]
    assert all(found.values())
