"""``--anew [force]``: repeat purchases that were already made. Alone it means ``--anew true``."""

from typing import Annotated

import typer
from typer.core import TyperCommand

from stagepass.engine.model.orders import Anew

FLAG = "--anew"


class WithAnew(TyperCommand):
    """A command whose ``--anew`` may be given without a value."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        values = set(Anew)
        for number in reversed([n for n, arg in enumerate(args) if arg == FLAG]):
            if args[number + 1 : number + 2] == [] or args[number + 1] not in values:
                args = [*args[: number + 1], Anew.YES.value, *args[number + 1 :]]
        return super().parse_args(ctx, args)


BuyAgain = Annotated[
    Anew,
    typer.Option(
        FLAG,
        metavar="[force]",
        show_choices=False,
        show_default=False,
        help="Give up the existing orders and buy again. Refused while an order is not collected yet, unless it is "
        "--anew force.",
    ),
]
