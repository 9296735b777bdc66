"""The evals of lyrics: the local writer passes them, and they notice a model that does not."""

from stagepass.pipelines.promo.evals import cases, problems, scorecard
from stagepass.pipelines.promo.models import LyricText
from stagepass.providers.local.text import LocalTextModel
from stagepass.providers.ports import TextAnswer, TextRequest


def test_the_local_writer_passes() -> None:
    lines, failed = scorecard(LocalTextModel())
    assert failed == 0, lines
    assert lines[-1].split() == ["all", f"{len(cases())}/{len(cases())}"]


class Gushing(LocalTextModel):
    """Longs for everything, in English, and knows prices."""

    def generate(self, request: TextRequest) -> TextAnswer:
        words = LyricText(
            title="Love", text="[Verse]\nI miss the place\nOnly 99 dollars\nThe best dentist", language="en"
        )
        return TextAnswer(words, "gushing", "gushing-1")


def test_a_gushing_model_is_found_out() -> None:
    found = {case["name"]: dict(problems(case, Gushing())) for case in cases()}
    assert found["Smile Dental"] == {
        "shape": "has 3 lines",
        "name": "does not name the business",
        "facts": "uses 0 of 3 facts",
        "invented": "invents 99",
        "forbidden": "says I miss, The best",
    }
    assert found["하늘치과의원"]["language"] == "is not in ko"
    assert all(found.values())
