"""The local text model answers by purpose, and checks what its writers say."""

import uuid

import pytest
from pydantic import BaseModel

from stagepass.errors import DeclarationError, InvalidOutput, Permanent
from stagepass.providers.local.text import LocalTextModel, writes
from stagepass.providers.ports import TextModel, TextRequest


class Short(BaseModel):
    text: str


class Loose(BaseModel):
    text: object = None


@pytest.fixture
def purpose() -> str:
    return f"test.{uuid.uuid4()}"


def test_the_writer_of_the_purpose_answers(purpose: str) -> None:
    @writes(purpose, model="echo-1")
    def echo(request: TextRequest) -> Short:
        return Short(text=request.prompt)

    model: TextModel = LocalTextModel()
    answer = model.generate(TextRequest(purpose=purpose, prompt="hello", schema=Short))
    assert (answer.value, answer.provider, answer.model) == (Short(text="hello"), "local", "echo-1")
    assert purpose in LocalTextModel.purposes()


def test_an_unknown_purpose_says_which_setting_helps(purpose: str) -> None:
    with pytest.raises(Permanent, match="TEXT_MODEL") as caught:
        LocalTextModel().generate(TextRequest(purpose=purpose, prompt="", schema=Short))
    assert purpose in caught.value.message
    assert caught.value.provider == "local"


def test_an_answer_that_does_not_fit_is_named_and_not_shown(purpose: str) -> None:
    LocalTextModel.register(purpose, "bad-1", lambda request: Loose(text=["secret of a customer"]))
    with pytest.raises(InvalidOutput, match="bad-1 does not fit Short: text: string_type") as caught:
        LocalTextModel().generate(TextRequest(purpose=purpose, prompt="", schema=Short))
    assert "secret" not in caught.value.message


def test_a_purpose_has_one_writer(purpose: str) -> None:
    def first(request: TextRequest) -> Short:
        return Short(text="1")

    def second(request: TextRequest) -> Short:
        return Short(text="2")

    LocalTextModel.register(purpose, "m", first)
    LocalTextModel.register(purpose, "m", first)
    with pytest.raises(DeclarationError, match=r"first.* and .*second"):
        LocalTextModel.register(purpose, "m", second)
    assert LocalTextModel().generate(TextRequest(purpose=purpose, prompt="", schema=Short)).value == Short(text="1")
