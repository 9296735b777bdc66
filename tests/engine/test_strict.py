"""Numbers and characters that JSON, or its next reader, cannot hold: refused at each door, with the field's name."""

import json
import math
import sqlite3
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from stagepass import Cancel, Context, Pipeline, Retry, Wait
from stagepass.declare.values import seconds
from stagepass.errors import DeclarationError, InvalidInput, SettingsError
from stagepass.inputs import invalid_input, json_text, validated
from stagepass.settings import Settings
from stagepass.strict import Unfit, dumps, loads
from stagepass.testing import Lab
from tests.support.strange import FLOATS, JSON_NUMBERS, TEXTS


class Loose(BaseModel):
    number: float = 0.0
    whole: int = 0
    text: str = ""
    any: Any = None
    many: dict[str, float] = {}


QUICK = Retry(0)


@pytest.mark.parametrize("number", JSON_NUMBERS)
@pytest.mark.parametrize("where", ['{{"a": {{"b": [1, {}]}}}}', "{}"])
def test_json_with_a_number_that_is_too_large_is_refused(number: str, where: str) -> None:
    with pytest.raises(ValueError, match=r"number|digits"):
        loads(where.format(number))


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", '"\\ud800"', '"\\ude00\\ud83d"', "[" * 100_000, "1" * 6000, "\ud800"]
)
def test_json_that_no_reader_holds_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(text)


def test_what_is_wrong_is_named_by_its_path() -> None:
    with pytest.raises(Unfit) as refused:
        loads('{"a": {"b": [1, 1e999]}, "c": 2}')
    assert refused.value.path == "a.b.1"


@pytest.mark.parametrize("text", ["1e308", "-1.5e-400", '"1e999"', '"NaN"', "null", "18446744073709551616", "[]"])
def test_json_that_can_be_held_stays(text: str) -> None:
    assert loads(text) == json.loads(text)


@pytest.mark.parametrize("value", [*FLOATS, "\ud800", {"\ud83d": 1}])
@pytest.mark.parametrize("inside", [lambda x: x, lambda x: {"a": [x]}], ids=["bare", "within"])
def test_what_would_be_read_as_something_else_is_not_written(value: Any, inside: Any) -> None:
    with pytest.raises(Unfit):
        dumps(TypeAdapter(Any), inside(value))


def test_a_model_that_writes_infinity_as_text_is_left_alone() -> None:
    class Own(BaseModel):
        model_config = ConfigDict(ser_json_inf_nan="strings")
        loudness: float

    with pytest.raises(Unfit):  # what reads it must be a model of the same kind; a client's parser is not
        dumps(TypeAdapter(Own), Own(loudness=math.inf))


@pytest.mark.parametrize("number", [*FLOATS, "Infinity", "-inf", "nan", "1e999"])
@pytest.mark.parametrize("field", ["number", "any", "many"])
def test_an_input_with_such_a_number_is_refused_with_its_field(field: str, number: Any) -> None:
    p = Pipeline("loose", input=Loose)

    @p.stage()
    def only(request: Loose) -> int:
        return 1

    if field == "any" and isinstance(number, str):
        pytest.skip("a text is a text there")
    with Lab(p) as lab, pytest.raises(InvalidInput) as refused:
        lab.submit({field: {"a": number} if field == "many" else number})
    assert refused.value.field is not None
    assert refused.value.field.startswith(field)


@pytest.mark.parametrize("text", ["half \ud83d", ["\ud800"]])
def test_an_input_with_half_a_character_is_refused_with_its_field(text: Any) -> None:
    for field in ("text", "any"):
        with pytest.raises(InvalidInput) as refused, Lab(_echo()) as lab:
            lab.submit({field: text})
        assert refused.value.field is not None
        assert refused.value.field.startswith(field)


def _echo() -> Pipeline:
    p = Pipeline("echo", input=Loose)

    @p.stage(retry=QUICK)
    def only(request: Loose) -> Any:
        return request.any

    return p


# ── stages ──


@pytest.mark.parametrize("value", FLOATS)
def test_an_output_that_cannot_be_kept_fails_the_stage_that_gave_it(value: Any) -> None:
    p = Pipeline("measure", input=Loose)

    @p.stage(retry=QUICK)
    def loudness(request: Loose) -> dict[str, list[Any]]:
        return {"lufs": [value]}

    @p.stage(after=loudness)
    def mix(loudness: dict[str, list[Any]]) -> int:
        return len(loudness)

    with Lab(p) as lab:
        error = lab.job(lab.run({})).error
    assert error is not None
    assert (error["stage"], error["code"]) == ("loudness", "invalid_output")
    assert "lufs.0" in error["message"]


def test_a_memo_s_value_that_cannot_be_kept_is_told() -> None:
    p = Pipeline("memo", input=Loose)

    @p.stage(retry=QUICK)
    def only(ctx: Context, request: Loose) -> float:
        return ctx.once("order", lambda: math.nan, type=float)

    with Lab(p) as lab:
        error = lab.job(lab.run({})).error
    assert error is not None
    assert "ctx.once('order')" in error["message"]


@pytest.mark.parametrize(
    ("spend", "field"),
    [({"usd": value}, "usd") for value in (math.nan, math.inf, -math.inf, 1e300, -1)]
    + [({"tokens_in": value}, "tokens_in") for value in (math.inf, math.nan, -1, 10**400)]
    + [({"tokens_out": 2**63}, "tokens_out")],
)
def test_a_payment_that_no_ledger_holds_is_refused(spend: dict[str, Any], field: str) -> None:
    p = Pipeline("shop", input=Loose)

    @p.stage(retry=QUICK)
    def only(ctx: Context, request: Loose) -> int:
        ctx.spend(provider="a", **spend)
        return 1

    with Lab(p) as lab:
        job = lab.run({})
        error = lab.job(job).error
        assert lab.store.spends(job.id) == []
    assert error is not None
    assert f"ctx.spend: {field}" in error["message"]


@pytest.mark.parametrize("value", [*FLOATS, -1, 1e18, "9" * 400 + "s", "1e999s", "nan"])
def test_a_duration_is_a_time_that_may_come(value: Any) -> None:
    with pytest.raises(DeclarationError, match="duration"):
        seconds(value)
    with pytest.raises(DeclarationError):
        Wait(value)


@pytest.mark.parametrize("factor", [math.nan, math.inf, 0.5])
def test_a_retry_s_factor_is_a_number(factor: float) -> None:
    with pytest.raises(DeclarationError):
        Retry(factor=factor)


@pytest.mark.parametrize("value", [*FLOATS, "\ud800", {1: {2}}])
def test_a_plain_value_is_refused_by_name(value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        json_text(value, "payload")
    assert refused.value.field == "payload"


@pytest.mark.parametrize(("name", "value"), [("drain_seconds", "nan"), ("keep_events_days", "inf"), ("host", "a\0b"),
                                             ("public_url", "http://\udcff"), ("port", "9" * 5000)])  # fmt: skip
def test_a_setting_that_is_no_number_or_no_text_is_told(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name.upper()):
        Settings.load(_env_file=None, **{name: value})


@pytest.mark.parametrize("what", TEXTS)
def test_whatever_a_stage_says_can_be_stored(what: str) -> None:
    """Through every text that a stage hands over; then each text of the database is looked at."""
    text = "x" + TEXTS[what] * 3000
    p = Pipeline("says", input=Loose)

    @p.stage(retry=Retry(1, wait="1s"))
    def first(ctx: Context, request: Loose) -> int:
        ctx.progress(0.5, text)
        ctx.files.put(b"x", name=text, type="text/plain")
        ctx.spend(provider=text, model=text)
        ctx.sleep("1s", text)
        return 1

    @p.stage(after=first, retry=Retry(1, wait="1s"))
    def second(ctx: Context, first: int) -> int:
        if ctx.attempt == 1:
            raise ConnectionError(text)
        raise Cancel(text)

    with Lab(p) as lab:
        job = lab.run({})
        assert lab.job(job).state == "cancelled"
        with sqlite3.connect(lab.folder / "lab.db") as database:
            for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                for row in database.execute(f"SELECT * FROM {table}"):
                    for value in row:
                        if isinstance(value, str):
                            plain = (
                                json.dumps(json.loads(value), ensure_ascii=False) if value[:1] in ("{", "[") else value
                            )
                            plain.encode()
                            assert "\0" not in plain
                            assert "\\u0000" not in plain
        for news in lab.recorder.news:
            str(news).encode()


@pytest.mark.parametrize("name", ["", "a\0", "\ud800", "a\nb", "x" * 81])
def test_a_memo_s_name_is_one_that_every_database_tells_from_others(name: str) -> None:
    p = Pipeline("memo", input=Loose)

    @p.stage(retry=QUICK)
    def only(ctx: Context, request: Loose) -> int:
        return ctx.once(name, lambda: 5)

    with Lab(p) as lab:
        error = lab.job(lab.run({})).error
    assert error is not None
    assert "a memo's name has 1 to 80 characters" in error["message"]


# ── errors about an input ──


class Inner(BaseModel):
    colour: str = ""


class Outer(BaseModel):
    webhook: str = ""
    many: list[Inner] = []
    either: Inner | int = 0
    kind: int = 0


class Open(BaseModel):
    model_config = ConfigDict(extra="ignore")
    webhook: str = ""


@pytest.mark.parametrize(
    ("value", "field", "told"),
    [
        ({"webhok": "x"}, "webhok", "did you mean webhook?"),
        ({"WEBHOOK": "x"}, "WEBHOOK", "did you mean webhook?"),
        ({"zzz": 1}, "zzz", "the fields are either, kind, many, webhook"),
        ({"many": [{}, {"color": "x"}]}, "many.1.color", "did you mean colour?"),
        ({"kind": "x"}, "kind", "Input should be a valid integer"),
        ({"many": {"a": 1}}, "many", "Input should be a valid list"),
        ({"either": {"colour": 5}}, "either.colour", "Input should be a valid string"),
        ({"x" * 1000: 1}, "x" * 60, "there is no such field"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_with_the_one_that_was_meant(value: Any, field: str, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        validated(Outer, value)
    assert refused.value.field == field
    assert told in refused.value.message
    assert "[" not in refused.value.message.partition(":")[0]


def test_a_model_that_says_what_becomes_of_extras_is_obeyed() -> None:
    assert validated(Open, {"webhok": "x"}) == Open()


def test_an_answer_names_fifty_errors_at_most() -> None:
    for value in ({f"x{n}": 1 for n in range(50_000)}, {"many": [{"colour": n} for n in range(1000)]}):
        with pytest.raises(InvalidInput) as refused:
            validated(Outer, value)
        assert len(refused.value.details["errors"]) == 50


def test_an_error_without_a_value_keeps_its_path() -> None:
    with pytest.raises(ValidationError) as problem:
        Outer.model_validate({"kind": "x"})
    assert invalid_input(problem.value, prefix=["input"]).field == "input.kind"
