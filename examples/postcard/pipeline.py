"""postcard: a paid order at somebody else's service, made once, waited for without a slot, ended by its callback."""

from examples.postcard.printer import Printer
from pydantic import BaseModel, Field

from stagepass import Context, Pipeline, Retry


class Postcard(BaseModel):
    """What is submitted."""

    text: str = Field(min_length=1, max_length=500)


class Printed(BaseModel):
    """What comes out."""

    order_id: str
    url: str


postcard = Pipeline("postcard", input=Postcard, examples=[{"text": "Greetings from Gunsan"}])


@postcard.stage(needs=Printer, retry=Retry(3, wait="5s"), time_limit="2m", run_limit="30m")
def printed(ctx: Context, request: Postcard, printer: Printer) -> Printed:
    order = ctx.once("order_id", lambda: printer.order(request.text, ctx.callback_url()), type=str)
    url = ctx.wait(lambda: printer.look(order), every="10s", at_most="90s", saying="printing")
    return Printed(order_id=order, url=url)


@printed.on_recover
def find_order(request: Postcard, printer: Printer) -> str | None:
    """The answer to an order was lost in a crash: the printer can look it up by its text."""
    return printer.find(request.text)


@printed.on_cancel
def stop_order(memos: dict[str, str], printer: Printer) -> None:
    """The job was cancelled: so is what was ordered for it."""
    if "order_id" in memos:
        printer.cancel(memos["order_id"])
