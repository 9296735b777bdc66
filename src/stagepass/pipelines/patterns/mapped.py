"""map: one stage run per item of a list, all at the same time, and a fan-in that begins when the last has ended."""

from stagepass import Pipeline
from stagepass.pipelines.patterns import sums
from stagepass.pipelines.patterns.models import MapInput, Number, Total

mapped = Pipeline(
    "map",
    input=MapInput,
    title={"en": "The squares of a list, and their sum", "ko": "목록의 제곱과 그 합"},
    examples=[{"numbers": [1, 2, 3]}],
)


@mapped.stage()
def numbers(request: MapInput) -> list[Number]:
    return request.numbers


@mapped.stage(after=numbers, each="numbers")
def square(number: Number) -> Number:
    return sums.multiply(number, number)


@mapped.stage(after=square)
def total(square: list[Number]) -> Total:
    return Total(count=len(square), total=sums.add(sum(square), 0))
