"""Sentences keep their template and parameters on every way to a reader, and each has a Korean one."""

import ast
import json
import pickle
import string
from pathlib import Path

import pytest
from pydantic import BaseModel, Field, ValidationError

import stagepass
from stagepass.content.catalogue import Catalogue, Message
from stagepass.content.translate import stored_text, translated
from stagepass.errors import InvalidInput, NotFound
from stagepass.inputs import invalid_input
from stagepass.sentences import Sentence, as_stored, sentence

KOREAN = json.loads((Path(stagepass.__file__).parent / "content/sentences/ko.json").read_text("utf-8"))


def _templates() -> dict[str, set[str]]:
    """Every template in the source, with the parameters that its call passes."""
    found: dict[str, set[str]] = {}
    for path in Path(stagepass.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "sentence":
                first = node.args[0]
                assert isinstance(first, ast.Constant), f"{path.name}:{node.lineno}: the template is a literal"
                found[first.value] = {keyword.arg or "" for keyword in node.keywords}
    return found


TEMPLATES = _templates()


def test_every_sentence_has_a_korean_one_and_none_is_left_over() -> None:
    assert set(TEMPLATES) - KOREAN.keys() == set()
    assert {code for code in KOREAN if not code.startswith("pydantic.")} - set(TEMPLATES) == set()


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_a_template_its_call_and_its_translation_name_the_same_parameters(template: str) -> None:
    named = {name for _, name, spec, conversion in string.Formatter().parse(template) if name is not None}
    assert named == TEMPLATES[template]
    assert Message.parse(KOREAN[template]).parameters <= named


def test_the_korean_sentences_can_be_parsed() -> None:
    Catalogue.load("stagepass.content", "sentences")


def test_a_sentence_is_a_string_that_can_be_translated() -> None:
    said = sentence("there is no job {job}", job="x.1")
    assert said == "there is no job x.1"
    assert translated(said, "ko") == "x.1 작업을 찾을 수 없어요"
    assert translated(said, "ko-KR") == "x.1 작업을 찾을 수 없어요"
    assert translated(said, "en") == translated(said, "de") == said
    assert translated("somebody's own words", "ko") == "somebody's own words"


def test_a_sentence_within_a_sentence_is_translated_too() -> None:
    inner = sentence("it is not a valid URL")
    said = sentence("this address cannot be fetched: {why}", why=inner)
    assert translated(said, "ko") == "이 주소는 가져올 수 없어요: 올바른 URL이 아니에요"


def test_what_a_caller_sent_is_not_read_as_a_template() -> None:
    said = sentence("there is no job {job}", job="{why}")
    assert (said, translated(said, "ko")) == ("there is no job {why}", "{why} 작업을 찾을 수 없어요")


def test_it_survives_processes_and_the_store() -> None:
    said = sentence("change the input field {field}", field="images.0")
    error = pickle.loads(pickle.dumps(NotFound(said)))
    assert translated(error.message, "ko") == "입력의 images.0 필드를 고치세요"
    row = json.loads(json.dumps({"advice": said, "said": {"advice": as_stored(said)}}))
    assert stored_text(row, "advice", "ko") == "입력의 images.0 필드를 고치세요"
    assert stored_text(row, "advice", "en") == said
    assert stored_text({"advice": "an older row"}, "advice", "ko") == "an older row"
    assert stored_text({}, "advice", "ko") is None


class _Form(BaseModel):
    name: str = Field(min_length=2)
    count: int = Field(default=1, le=5)


@pytest.mark.parametrize(
    ("value", "korean"),
    [
        ({}, "name: 꼭 필요한 값이에요"),
        ({"name": "x"}, "name: 2자 이상이어야 해요"),
        ({"name": "xy", "count": 9}, "count: 5 이하여야 해요"),
    ],
)
def test_pydantic_speaks_korean(value: dict[str, object], korean: str) -> None:
    with pytest.raises(ValidationError) as caught:
        _Form.model_validate(value)
    refusal = invalid_input(caught.value, value=value, model=_Form)
    assert isinstance(refusal, InvalidInput)
    assert isinstance(refusal.message, Sentence)
    assert translated(refusal.message, "ko") == korean
