"""chain: two stages in a row; the second takes what the first one made."""

from stagepass import Context, Pipeline
from stagepass.pipelines.patterns import sums
from stagepass.pipelines.patterns.models import ChainInput, Number, Products

chain = Pipeline(
    "chain",
    input=ChainInput,
    title={"en": "An addition, then the sum times each number", "ko": "덧셈, 이어서 합과 각 수의 곱셈"},
    examples=[{"a": 3, "b": 4, "seconds": 0}],
)


@chain.stage(time_limit="1h")
def add(ctx: Context, request: ChainInput) -> Number:
    ctx.sleep(request.seconds, "adding")
    return sums.add(request.a, request.b)


@chain.stage(after=add, time_limit="1h")
def sum_multiply(ctx: Context, request: ChainInput, add: Number) -> Products:
    ctx.sleep(request.seconds, "multiplying")
    return Products(sum=add, by_a=sums.multiply(add, request.a), by_b=sums.multiply(add, request.b))
