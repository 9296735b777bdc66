"""What is read out of a model's answer: the value in every usual dress, its texts untouched, and nothing that is none."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel

from stagepass.providers.vendors.answer import Unfit, read
from stagepass.providers.vendors.dialect import DEEPEST, Broken, Dialect

SEA = {"title": "Sea", "text": "one\ntwo"}
J = json.dumps(SEA)
DRAFT = '{"title": "Draft", "text": "zero"}'


class Answer(BaseModel):
    title: str
    text: str


class Scored(BaseModel):
    title: str
    score: float = 0.5
    count: int = 0
    more: dict[str, Any] = {}


class Optional(BaseModel):
    model_config = ConfigDict(extra="ignore")

    title: str = "none"
    tags: list[str] = []


DRESSED = {
    "alone": J,
    "byte order mark": "\ufeff" + J,
    "zero-width spaces": "\u200b" + J + "\u2060",
    "a fence": f"```json\n{J}\n```",
    "a fence that never ends": f"```json\n{J}",
    "a fence with words": f"Sure! Here it is:\n```JSON\n{J}\n```\nHope it helps {{friend}} [1].",
    "tildes": f"~~~\n{J}\n~~~",
    "tags": f"<json>{J}</json>",
    "answer tags": f"<answer>\n{J}\n</answer>",
    "words before": f"The answer: {J}",
    "words after": f"{J}\n\nNote: {{check}} this.",
    "a set before": f"For the set {{a, b}}: {J}",
    "a template's braces": "{" + J + "}",
    "a list before": f"Sources [1], [2, 3] and ['x']: {J}",
    "an empty object before": f"{{}} {J}",
    "a draft that does not fit": f'{{"draft": true}}\n{J}',
    "a draft that fits": f"{DRAFT}\nOn second thoughts:\n{J}",
    "a part of it after": f'{J}\n{{"title": "only this"}}',
    "think": f'<think>maybe {{"title": 1}}?</think>{J}',
    "think, with a draft": f"<think>{DRAFT}</think>\n{J}",
    "THINK": f"<THINK>{{x}}</THINK>{J}",
    "thinking": f"<thinking>let {{me}} see</thinking>{J}",
    "thought": f"<thought>{{x}}</thought>{J}",
    "reasoning": f"<reasoning>{{x}}</reasoning>{J}",
    "with a name space": f"<seed:think>{{x}}</seed:think>{J}",
    "with an attribute": f"<think time='3'>{{x}}</think >{J}",
    "square brackets": f"[THINK]{DRAFT}[/THINK]{J}",
    "triangles": f"◁think▷{{x}}◁/think▷{J}",
    "bars": f"<|begin_of_thought|>{{x}}<|end_of_thought|>{J}",
    "channels": f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>{J}",
    "thoughts that the template began": f"first {{this}}\n</think>\n{J}",
    "thoughts that never end": f"<think>hm {J}",
    "thoughts twice": f"<think>{DRAFT}</think>So:<think>{{y}}</think>{J}",
    "thoughts behind": f"{J}\n<think>was {DRAFT} better? no</think>",
    "a raw line break": '{"title": "Sea", "text": "one\ntwo"}',
    "a comma after the last": '{"title": "Sea", "text": "one\\ntwo",}',
    "no-break spaces": J.replace(" ", "\u00a0"),
    "ideographic spaces": J.replace(" ", "\u3000"),
    "zero-width spaces between": J.replace(" ", "\u200b"),
    "a line comment": '{"title": "Sea", // the title\n"text": "one\\ntwo"}',
    "a hash comment": '{"title": "Sea", # the title\n"text": "one\\ntwo"}',
    "a block comment": '{/* a "song" */ "title": "Sea", "text": "one\\ntwo" /* end */}',
    "single quotes": str(SEA),
    "curly quotes": "{“title”: “Sea”, “text”: “one\\ntwo”}",
    "curly quotes that only open": J.replace('"', "“"),
    "single curly quotes": "{‘title’: ‘Sea’, ‘text’: ‘one\\ntwo’}",
    "back quotes": '{"title": `Sea`, "text": `one\ntwo`}',
    "a block": '{"title": "Sea", "text": """one\ntwo"""}',
    "bare keys": '{title: "Sea", text: "one\\ntwo"}',
    "full-width marks": '{"title"："Sea"，"text"："one\\ntwo"}',
    "a string": json.dumps(J),
    "a string of a string": json.dumps(json.dumps(J)),
    "a string with words": json.dumps(f"Here: {J}"),
    "escaped without quotes": J.replace("\\", "\\\\").replace('"', '\\"'),
    "escaped among words": "The answer is " + json.dumps(J) + ", as asked.",
    "entities": J.replace('"', "&quot;"),
    "wrapped": json.dumps({"answer": SEA}),
    "wrapped twice": json.dumps({"data": {"result": SEA}}),
    "wrapped as a string": json.dumps({"answer": J}),
    "wrapped beside other things": json.dumps({"type": "object", "properties": SEA}),
    "a call": json.dumps({"name": "emit", "arguments": SEA}),
    "a list of one": json.dumps([SEA]),
    "wrapped, with words": f'Here: {{"answer": {J}}}',
}


@pytest.mark.parametrize("dress", DRESSED)
def test_a_right_answer_is_read_whatever_stands_around_it(dress: str) -> None:
    assert read(DRESSED[dress], Answer) == Answer(**SEA)


WORDS = [
    "say <think>hi</think> now",
    "</think>",
    "a ```json fence``` and {braces} and [lists]",
    "http://x.y/a // no comment /* nor */ # this",
    "“curly” and 'single' and `back`",
    "one, two,} three,]",
    "NaN, Infinity, True, None, 1e999",
    " spaces \u00a0\u3000 kept\t ",
    "\ufeff\u200b",
    "한글 ㄱ 😀 é é",
    "C:\\new\\table and a \\u0041",
    "&quot;amp&quot; &amp;",
    '{"title": "x", "text": "y"}',
    '\\"',
    "",
]
DRESSES: dict[str, Callable[[str], str]] = {
    "alone": lambda j: j,
    "words": lambda j: f"Here it is: {j} Good luck!",
    "thoughts": lambda j: f"<think>{DRAFT}</think>{j}",
    "a comma": lambda j: j[:-1] + ",}",
    "comments": lambda j: "{/* a */" + j[1:],
    "a string": lambda j: json.dumps(j),
    "wrapped": lambda j: f'Here: {{"answer": {j}}}',
}


@pytest.mark.parametrize("dress", DRESSES)
@pytest.mark.parametrize("text", WORDS)
def test_a_text_stays_as_it_was_written(text: str, dress: str) -> None:
    for ascii in (True, False):
        written = json.dumps({"title": "Sea", "text": text}, ensure_ascii=ascii)
        assert read(DRESSES[dress](written), Answer) == Answer(title="Sea", text=text)


def test_marks_inside_of_a_text_are_a_part_of_it() -> None:
    assert read('{"title": "say "hi" now", "text": "x"}', Answer).model_dump()["title"] == 'say "hi" now'
    assert read("{'title': 'Don't stop', 'text': 'x'}", Answer).model_dump()["title"] == "Don't stop"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "I'm sorry, I can't help with that.",
        '{"title": "Sea", "te',
        '{"title": "Sea", "text": "one',
        '{"title": "Sea", "text": "one"',
        f"<think>{DRAFT}</think>",
        f'<think>{DRAFT}</think>{{"title": "Sea", "text":',
        f"{DRAFT} was a draft.</think> I cannot say.",
        '{"title": "Sea" "text": "one"}',
        '{"title": "Sea"\n"text": "one"}',
        '{"title": "one", "text": undefined}',
        '{"title": "Sea", "text": 7}',
        json.dumps([SEA, SEA]),
        '"just words"',
        "null",
        "42",
        '{"' + "\\ud83d" * 3 + '": 1}',
        "[" * 100_000,
        '{"title":' * 60_000,
        '{"title": "' + "la " * 400_000,
    ],
    ids=range(21),
)
def test_what_is_no_whole_answer_is_unfit(text: str) -> None:
    with pytest.raises(Unfit) as caught:
        read(text, Answer)
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"title": "S\\ud83d"}', "title"),
        ('{"title": "S\\udc00\\ud83d"}', "title"),
        ('{"title": "S", "score": NaN}', "score"),
        ('{"title": "S", "score": "nan"}', "score"),
        ('{"title": "S", "score": -Infinity}', "score"),
        ('{"title": "S", "score": 1e999}', "score"),
        ('{"title": "S", "score": ' + "9" * 500 + "}", "score"),
        ('{"title": "S", "score": ' + "9" * 5000 + "}", "score"),
        ('{"title": "S", "count": ' + "9" * 309 + "}", "count"),
        ('{"title": "S", "count": -' + "9" * 5000 + "}", "count"),
        ('{"title": "S", "more": {"a": [1, NaN]}}', "more.a.1"),
        ('{"title": "S", "more": {"\\ud83d": 1}}', "more"),
        ('{"title": "S", "more": {"a": ' + "[" * 300 + "]" * 300 + "}}", "do not fit"),
        ('Here: {"title": "S", "score": NaN}', "score"),
        ('Here: {"title": "S", "score": Infinity, }', "score"),
    ],
)
def test_what_json_cannot_hold_is_unfit_and_says_where(text: str, place: str) -> None:
    with pytest.raises(Unfit, match=place):
        read(text, Scored)


def test_what_the_schema_does_not_take_may_be_anything() -> None:
    assert read('{"title": "S", "text": "t", "sure": NaN, "\\ud83d": "\\ud83d"}', Answer) == Answer(title="S", text="t")


def test_half_a_character_as_it_is_is_like_an_escaped_one() -> None:
    assert read('{"title": "S", "text": "t", "note": "\ud83d"}', Answer) == Answer(title="S", text="t")
    with pytest.raises(Unfit, match="title"):
        read('{"title": "\ud83d", "text": "t"}', Answer)
    with pytest.raises(Unfit):
        read("\ud83d", Answer)


def test_a_character_that_was_escaped_in_halves_is_one() -> None:
    assert read('Here: {"title": "\\ud83d\\ude00", "text": "t"}', Answer) == Answer(title="😀", text="t")


def test_the_value_that_says_most_is_taken_where_all_fields_may_be_missing() -> None:
    assert read('{"answer": {"title": "Sea"}}', Optional) == Optional(title="Sea")
    assert read('{"title": "Sea"} Note: {"sure": 1}', Optional) == Optional(title="Sea")


def test_a_part_of_a_value_is_not_taken_for_the_whole() -> None:
    class Tree(BaseModel):
        name: str
        parts: list["Tree"] = []

    with pytest.raises(Unfit, match="name: missing"):
        read('{"parts": [{"name": "inner"}]}', Tree)


def test_other_names_and_other_roots_are_known() -> None:
    class Named(BaseModel):
        name: str = Field(validation_alias="Name")

    assert read('Note {"x": 1} {"Name": "Kim"} {"y": 2}', Named).model_dump() == {"name": "Kim"}
    assert read("Here: [1, 2]", RootModel[list[int]]).model_dump() == [1, 2]
    assert read('"{}"', RootModel[str]).model_dump() == "{}"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_json_is_read_as_json_is(value: Any, ascii: bool, indent: int | None) -> None:
    written = json.dumps([value], ensure_ascii=ascii, indent=indent)
    assert Dialect(f"x{written}y").value(1) == ([value], len(written) + 1)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="{}[]\"'`“”\\,:/*# \n\tatrue1e-.u<>think|", max_size=60))
def test_whatever_is_said_is_read_or_unfit(text: str) -> None:
    try:
        kept = read(text, Optional)
    except Unfit:
        return
    assert Optional.model_validate_json(kept.model_dump_json()) == kept


def test_the_depth_is_bounded() -> None:
    deep = "[" * DEEPEST + "]" * DEEPEST
    assert Dialect(deep).value(0)[1] == len(deep)
    with pytest.raises(Broken) as caught:
        Dialect(f"[{deep}]").value(0)
    assert caught.value.too_deep


HARD = [
    "[",
    "{",
    '{"a":',
    '"',
    '{"',
    "{'",
    '{"a":"b" c',
    "{/*",
    "{//",
    '{"a":"x"/*"',
    "<think>",
    "<think",
    "{}",
    "[[1],",
    '{\\"',
    "{&quot;",
]


@pytest.mark.parametrize("unit", HARD)
@pytest.mark.parametrize(("before", "after"), [("", ""), ('{"a": ["', "*/" + J)])
def test_twice_the_text_costs_about_twice_the_time(unit: str, before: str, after: str) -> None:
    def cost(size: int) -> float:
        text = before + unit * (size // len(unit)) + after
        started = time.thread_time()
        try:
            read(text, Answer)
        except Unfit:
            pass
        return time.thread_time() - started

    large = small = float("inf")
    for _ in range(5):  # what else runs on the machine only adds to one of them
        large, small = min(large, cost(80_000)), min(small, cost(20_000))
        if large < 10 * max(small, 0.005):
            return
    pytest.fail(f"four times the text took {large / small:.0f} times as long; quadratic is 16")
