"""group: two stages side by side. Its record exists before the answer leaves; nothing has to be saved by hand."""

from stagepass import Context, Pipeline
from stagepass.pipelines.patterns import sums
from stagepass.pipelines.patterns.models import GroupInput, Number

group = Pipeline(
    "group",
    input=GroupInput,
    title={"en": "An addition and a multiplication side by side", "ko": "나란히 하는 덧셈과 곱셈"},
    examples=[{"a": 3, "b": 4, "seconds": 0}],
)


@group.stage(time_limit="1h")
def add(ctx: Context, request: GroupInput) -> Number:
    ctx.sleep(request.seconds, "adding")
    return sums.add(request.a, request.b)


@group.stage(time_limit="1h")
def multiply(ctx: Context, request: GroupInput) -> Number:
    ctx.sleep(request.multiply_seconds, "multiplying")
    return sums.multiply(request.a, request.b)
