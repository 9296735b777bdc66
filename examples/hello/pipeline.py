"""hello: three stages in a row. The smallest pipeline that shows progress, a retry and a typed result."""

from pydantic import BaseModel, Field

from stagepass import Context, Pipeline, Retry, Transient


class Visitor(BaseModel):
    """What is submitted."""

    name: str = Field(min_length=1, max_length=100)


class Card(BaseModel):
    """What comes out."""

    text: str
    attempts: int


hello = Pipeline("hello", input=Visitor, examples=[{"name": "World"}])


@hello.stage(time_limit="10s")
def greeting(ctx: Context, request: Visitor) -> str:
    ctx.progress(0.5, "thinking of a greeting")
    return f"Hello, {request.name}"


@hello.stage(after=greeting, retry=Retry(2, wait="1s"))
def weather(ctx: Context) -> int:
    if ctx.attempt == 1:  # an outage that passes: the stage is tried again, and `greeting` is not
        raise Transient("the weather service did not answer")
    return ctx.attempt


@hello.stage(after=(greeting, weather))
def card(greeting: str, weather: int) -> Card:
    return Card(text=f"{greeting}. The sun is out.", attempts=weather)
