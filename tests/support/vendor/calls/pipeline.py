"""A stage that asks a vendor over HTTP, within its limits, and takes its word through a table."""

import urllib.error
import urllib.request

from pydantic import BaseModel

from stagepass import Context, Pipeline, Retry
from stagepass.providers.answers import Table

VENDOR = Table("vendor")


class Order(BaseModel):
    url: str


class Answer(BaseModel):
    text: str


calls = Pipeline("calls", input=Order)


@calls.stage(retry=Retry(2, wait="1s", jitter=0))
def call(ctx: Context, request: Order) -> Answer:
    """One call."""
    with ctx.using("vendor"):
        return Answer(text=_ask(request.url))


def _ask(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.read().decode()
    except urllib.error.HTTPError as problem:
        error = VENDOR.error(problem.code, problem.read(), dict(problem.headers))
        assert error is not None
        raise error from None
