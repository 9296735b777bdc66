"""A stage whose error cannot be carried from one process to another, as those of some SDKs cannot."""

import threading

from pydantic import BaseModel

from stagepass import Pipeline, Retry


class Order(BaseModel):
    diary: str
    fails: bool = True


class SdkError(Exception):
    """Made with two values, of which pickle would give back one; and it holds a lock."""

    def __init__(self, status: int, answer: str) -> None:
        super().__init__(f"{status} {answer}")
        self.lock = threading.Lock()


strange = Pipeline("strange", input=Order)


@strange.stage(retry=Retry(0))
def call(request: Order) -> str:
    if request.fails:
        raise SdkError(418, "no coffee")
    return "tea"
