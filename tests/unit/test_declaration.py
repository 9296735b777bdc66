"""A pipeline that is declared wrongly fails at import, with a sentence that names the stage and the fix."""

from collections.abc import Callable
from typing import Any, Protocol

import pytest
from pydantic import BaseModel

from stagepass import Again, Context, Pipeline, Retry, Settled
from stagepass.declare.registry import Registry
from stagepass.declare.values import seconds
from stagepass.engine.model.records import Tally
from stagepass.errors import DeclarationError


class Input(BaseModel):
    text: str = ""


class Lyric(BaseModel):
    text: str
    lines: list[str] = []


class Song(BaseModel):
    uri: str


class SongMaker(Protocol):
    def make(self) -> str: ...


class Lab:
    """A class that Pydantic cannot store."""


def new() -> Pipeline:
    return Pipeline("promo", input=Input)


def with_lyric() -> tuple[Pipeline, Any]:
    p = new()

    @p.stage()
    def lyric(request: Input) -> Lyric: ...  # type: ignore[empty-body]

    return p, lyric


def declare(body: Callable[..., Any], **options: Any) -> Callable[[], Any]:
    """Declares `body` after `lyric`, unless told otherwise."""

    def make() -> Any:
        p, lyric = with_lyric()
        after = options.pop("after", lyric)
        return p.stage(after=after, **options)(body)

    return make


def song_of(lyric: Lyric) -> Song: ...  # type: ignore[empty-body]
def untyped(lyric) -> Song: ...  # type: ignore[no-untyped-def, empty-body]
def no_return(lyric: Lyric): ...  # type: ignore[no-untyped-def]
def wrong_type(lyric: Song) -> Song: ...  # type: ignore[empty-body]
def wrong_input(request: Lyric) -> Song: ...  # type: ignore[empty-body]
def misspelt(lyrics: Lyric) -> Song: ...  # type: ignore[empty-body]
def a_port(maker: SongMaker) -> Song: ...  # type: ignore[empty-body]
def stranger(wizard: int) -> Song: ...  # type: ignore[empty-body]
def bad_output(lyric: Lyric) -> Lab: ...  # type: ignore[empty-body]
def lyric(request: Input) -> Lyric: ...  # type: ignore[empty-body]
def request(lyric: Lyric) -> Song: ...  # type: ignore[empty-body]
def BigName(lyric: Lyric) -> Song: ...  # type: ignore[empty-body]
def per_line(line: str) -> Song: ...  # type: ignore[empty-body]
def per_number(line: int) -> Song: ...  # type: ignore[empty-body]
def no_item(lyric: Lyric) -> Song: ...  # type: ignore[empty-body]
def unknown(lyric: "Nowhere") -> Song: ...  # type: ignore[name-defined, empty-body]  # noqa: F821


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (declare(untyped), "stage promo.untyped: parameter 'lyric' has no type; annotate it"),
        (declare(no_return), "stage promo.no_return: say what it returns (-> Model)"),
        (declare(wrong_type), "stage promo.wrong_type: parameter 'lyric' is Song, but promo.lyric gives Lyric"),
        (declare(wrong_input), "parameter 'request' is Lyric, but the pipeline's input is Input"),
        (declare(misspelt), "stage promo.misspelt: nothing fills the parameter 'lyrics'; did you mean 'lyric'?"),
        (declare(song_of, after=None), "nothing fills the parameter 'lyric'; add after=lyric to the stage"),
        (declare(a_port), "nothing fills the parameter 'maker'; add needs=SongMaker to the stage"),
        (declare(stranger), "nothing fills the parameter 'wizard'; it can take: ctx, request, lyric"),
        (declare(bad_output), "stage promo.bad_output: what it returns: Lab cannot be stored as JSON"),
        (declare(unknown), "stage promo.unknown: the type 'Nowhere' is not known here; import it"),
        (declare(lyric), "stage promo.lyric is declared twice; rename one of the two functions"),
        (declare(request), "stage promo.request: the name 'request' is taken; rename the function"),
        (declare(BigName), "stage promo.BigName: the function's name must be lower-case letters, digits and _"),
        (
            declare(song_of, after="lyric"),
            "after='lyric' is not a stage; name the function that @promo.stage decorates",
        ),
        (declare(song_of, time_limit=0), "stage promo.song_of: time_limit must be above 0"),
        (declare(song_of, time_limit="2h"), "time_limit (one attempt) is longer than run_limit (all of them)"),
        (
            declare(song_of, run_limit="soon"),
            "promo.song_of: run_limit='soon' is not a duration; write a number of seconds, or",
        ),
        (declare(song_of, weight=-1), "stage promo.song_of: weight must be above 0"),
        (declare(song_of, retry=3), 'stage promo.song_of: retry=3 is not a Retry; write retry=Retry(3, wait="5s")'),
        (declare(song_of, crashes=0), "stage promo.song_of: crashes must be 1 or more"),
        (declare(song_of, concurrency=0), "stage promo.song_of: concurrency must be 1 or more"),
        (declare(song_of, pool="gpu"), 'stage promo.song_of: pool is "io" (threads) or "cpu" (processes), not \'gpu\''),
        (declare(song_of, collect="some"), 'stage promo.song_of: collect is "all", "any" or "settled", not \'some\''),
        (declare(song_of, collect="any"), "stage promo.song_of: collect='any' is for a stage with each="),
        (declare(per_line, each="song.lines"), "each=\"song.lines\" begins with 'song', but it comes after lyric"),
        (declare(per_line, each="lyric.words"), "stage promo.per_line: each= names 'words', which Lyric does not have"),
        (declare(per_line, each="lyric.text"), "each= must name a list; lyric.text is str"),
        (declare(per_number, each="lyric.lines"), "parameter 'line' is int, but the items of each= are str"),
        (declare(no_item, each="lyric.lines"), "with each= exactly one parameter takes the item; found none"),
        (
            declare(song_of, when=lambda nothing: True),
            "stage promo.song_of: when: nothing fills the parameter 'nothing'",
        ),
        (lambda: Pipeline("Promo", input=Input), "pipeline 'Promo': a name has lower-case letters"),
        (lambda: Pipeline("p", input=dict), "pipeline 'p': input must be a Pydantic model"),  # type: ignore[arg-type]
        (lambda: Pipeline("p", input=Input, version=0), "pipeline 'p': version must be 1 or more, not 0"),
        (lambda: Registry([new()]), "pipeline 'promo' has no stage; decorate a function with @promo.stage()"),
        (lambda: Registry([with_lyric()[0], with_lyric()[0]]), "two pipelines are called 'promo' with version 1"),
        (lambda: Retry(-1), "Retry: times must be"),
        (lambda: Retry(jitter=1), "jitter from 0 to below 1"),
        (lambda: Retry(wait=-1), "-1 is not a duration: it must not be negative"),
    ],
)
def test_what_is_wrong_is_said_at_import_with_the_stage_and_the_fix(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(DeclarationError) as problem:
        make()
    assert sentence in str(problem.value)


def test_a_stage_of_another_pipeline_is_no_predecessor() -> None:
    _, theirs = with_lyric()
    with pytest.raises(DeclarationError, match=r"comes after promo\.lyric, which is not a stage of .promo."):
        new().stage(after=theirs)(song_of)


def test_a_type_that_options_have_changed_is_explained() -> None:
    p, first = with_lyric()
    p.stage(after=first, when=lambda: True)(song_of)
    many = p.stage(after=first, each="lyric.lines")(per_line)

    def mix(song_of: Song) -> Song: ...  # type: ignore[empty-body]
    def join(per_line: Song) -> Song: ...  # type: ignore[empty-body]

    with pytest.raises(DeclarationError, match=r"gives Song \| None, since when= may leave it out"):
        p.stage(after=p.stages["song_of"])(mix)
    with pytest.raises(DeclarationError, match=r"gives list\[.*Song\], since each= runs it once per item"):
        p.stage(after=many)(join)


def test_a_list_of_lists_needs_a_stage_between() -> None:
    p, first = with_lyric()
    many = p.stage(after=first, each="lyric.lines")(per_line)

    def again(line: str) -> Song: ...  # type: ignore[empty-body]

    with pytest.raises(DeclarationError, match="is itself run per item; put a stage between them"):
        p.stage(after=many, each="per_line.uri")(again)


@pytest.mark.parametrize(("hook", "own"), [("on_recover", "name"), ("on_cancel", "memos")])
def test_a_hook_takes_what_its_stage_takes_and_its_own(hook: str, own: str) -> None:
    _, stage = with_lyric()
    getattr(stage, hook)(lambda request: None)
    with pytest.raises(DeclarationError) as problem:
        getattr(stage, hook)(lambda lyrics: None)
    assert str(problem.value) == (
        f"stage promo.lyric: nothing fills the parameter 'lyrics' of the hook <lambda>; "
        f"it can take: {', '.join(sorted(['ctx', own, 'request']))}"
    )


def test_a_good_pipeline_says_what_it_is() -> None:
    p, first = with_lyric()

    @p.stage(after=first, each="lyric.lines", collect="settled", needs=SongMaker)
    def sing(ctx: Context, line: str, maker: SongMaker, lyric: Lyric) -> Song: ...  # type: ignore[empty-body]

    @p.stage(after=sing, when=lambda sing, request: bool(request.text))
    def mix(sing: list[Settled[Song]], request: Input) -> Song: ...  # type: ignore[empty-body]

    @p.stage(after=(mix,))
    def end(mix: Song | None) -> Song: ...  # type: ignore[empty-body]

    assert [(x.name, x.source) for x in sing.parameters] == [
        ("ctx", "ctx"),
        ("line", "item"),
        ("maker", "port"),
        ("lyric", "stage"),
    ]
    assert [s.name for s in p.roots] == ["lyric"]
    assert [s.name for s in p.leaves] == ["end"]
    assert [s.name for s in p.downstream(first)] == ["sing", "mix", "end"]
    assert p.progress({"lyric": Tally(1, 1), "sing": Tally(4, 2), "mix": Tally(1, 0)}) == pytest.approx(1.5 / 4)
    assert repr(p) == "<pipeline promo v1: lyric → sing → mix → end>"
    assert Retry(special={"rate_limited": Again(1)}).special["rate_limited"].times == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [(3, 3), (0.5, 0.5), ("500ms", 0.5), ("30s", 30), ("10m", 600), ("2h", 7200), ("7d", 604800), (" 1.5 m ", 90)],
)
def test_durations(text: Any, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "s", "10", "ten s", "1e3s", "-1s", None, True, "5w"])
def test_what_is_no_duration(text: Any) -> None:
    with pytest.raises(DeclarationError, match="is not a duration"):
        seconds(text)
