"""One pipeline of one long stage for each lane, so that lanes do not take each other's work."""

from pydantic import BaseModel

from benchmarks.recovery.body import body
from stagepass import Pipeline


class Order(BaseModel):
    diary: str
    key: str


def _make(number: int) -> Pipeline:
    pipeline = Pipeline(f"recovery{number}", input=Order)

    @pipeline.stage(time_limit="20m", crashes=1000)
    def long(request: Order) -> str:
        body(request.diary, request.key)
        return request.key

    return pipeline


recovery0, recovery1, recovery2, recovery3 = (_make(number) for number in range(4))
