"""chapters: fan-out and fan-in. A text is split, each part is worked on at the same time, one report comes out."""

from pydantic import BaseModel, Field

from stagepass import Blocked, Context, Pipeline, Settled


class UnitOfWork(BaseModel):
    """What is submitted: chapters, separated by empty lines."""

    text: str = Field(min_length=1, max_length=100_000)


class Parts(BaseModel):
    chapters: list[str]


class Report(BaseModel):
    """What comes out. A chapter that failed is named; the others are not lost with it."""

    words: int
    failed: list[int]


chapters = Pipeline("chapters", input=UnitOfWork, examples=[{"text": "one two\n\nthree four five"}])


@chapters.stage()
def split(request: UnitOfWork) -> Parts:
    return Parts(chapters=[part.strip() for part in request.text.split("\n\n") if part.strip()])


@chapters.stage(after=split, each="split.chapters", collect="settled")  # one stage run per chapter
def count(ctx: Context, chapter: str) -> int:
    if "forbidden" in chapter:
        raise Blocked(f"chapter {ctx.item} was refused")
    return len(chapter.split())


@chapters.stage(after=count)  # begins when all of them have ended
def report(count: list[Settled[int]]) -> Report:
    return Report(
        words=sum(part.output for part in count if part.output is not None),
        failed=[part.item for part in count if part.error is not None],
    )
