"""solo: one stage that takes its time. It waits without a slot, as a stage that asks a slow service does."""

from stagepass import Context, Pipeline
from stagepass.pipelines.patterns import sums
from stagepass.pipelines.patterns.models import Number, SoloInput

solo = Pipeline(
    "solo",
    input=SoloInput,
    title={"en": "One addition", "ko": "덧셈 하나"},
    examples=[{"a": 3, "b": 4, "seconds": 0}],
)


@solo.stage(time_limit="1h")
def add(ctx: Context, request: SoloInput) -> Number:
    ctx.sleep(request.seconds, "adding")
    return sums.add(request.a, request.b)
