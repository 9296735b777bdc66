"""postcard: nothing is bought twice, whatever happens, and a callback ends the wait."""

import pytest
from examples.postcard.pipeline import postcard
from examples.postcard.printer import Printer

from stagepass import NotDone
from stagepass.testing import Crash, Lab


class CountingPrinter:
    """Says how often it was paid."""

    def __init__(self) -> None:
        self.orders: list[str] = []
        self.cancelled: list[str] = []
        self.done = False

    def order(self, text: str, callback_url: str | None) -> str:
        self.orders.append(text)
        return f"order-{len(self.orders)}"

    def find(self, text: str) -> str | None:
        if text not in self.orders:
            raise NotDone
        return f"order-{self.orders.index(text) + 1}"

    def look(self, order: str) -> str | None:
        return f"https://postcards.example/{order}" if self.done else None

    def cancel(self, order: str) -> None:
        self.cancelled.append(order)


def test_a_callback_ends_the_wait_at_once() -> None:
    printer = CountingPrinter()
    with Lab(postcard, {Printer: printer}) as lab:
        job = lab.submit({"text": "Hi"})
        assert lab.step()  # orders, looks, and gives the slot back
        assert not lab.step()  # nothing is ready: it waits
        printer.done = True
        assert lab.engine.signal(f"{job.id}.printed", {"state": "printed"})
        assert lab.step()  # no time has passed
        assert lab.result(job) == {"order_id": "order-1", "url": "https://postcards.example/order-1"}


@pytest.mark.parametrize(
    "place",
    [
        "once.after_intent",
        "once.after_call",
        "once.after_record",
        "body.after",
        "settle.before_commit",
        "settle.after_commit",
    ],
)
def test_is_paid_for_once_wherever_the_worker_dies(place: str) -> None:
    printer = CountingPrinter()
    printer.done = True
    with Lab(postcard, {Printer: printer}) as lab:
        job = lab.submit({"text": "Hi"})
        lab.crash(at=place)
        with pytest.raises(Crash):
            lab.finish(job)
        lab.recover()
        assert lab.finish(job).state == "completed"
        assert printer.orders == ["Hi"]


def test_a_cancelled_job_cancels_its_order() -> None:
    printer = CountingPrinter()
    with Lab(postcard, {Printer: printer}) as lab:
        job = lab.submit({"text": "Hi"})
        lab.step()
        lab.engine.cancel(job.id, None)
        assert lab.finish(job).state == "cancelled"
        assert printer.cancelled == ["order-1"]
