"""Prints prices and costs, in US dollars."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stagepass.cli.output import note

if TYPE_CHECKING:
    from stagepass.bootstrap import System
    from stagepass.reports.ledger import Line
    from stagepass.reports.prices import Price


def dollars(usd: float) -> str:
    """An amount, short: ``$0.0123``, ``$12.50``."""
    return f"${usd:.2f}" if usd >= 10 or usd == 0 else f"${usd:.4f}"


def tell_price(price: "Price") -> None:
    """For people."""
    tell_spent(price)
    code = "dead.price" if price.sampled else "dead.no_price"
    note(code, style="", usd=dollars(price.usd), later=dollars(price.later_usd), count=price.sampled)
    if price.kept_usd or price.kept_calls or price.kept_stages:
        kept = ", ".join([*price.kept_stages, *price.kept_calls])
        note("dead.kept", style="", usd=dollars(price.kept_usd), kept=kept)


def tell_spent(price: "Price") -> None:
    """Print the cost of the job so far."""
    note("dead.spent", style="", usd=dollars(price.spent))


def total(system: "System", runs: Sequence[str]) -> "Price":
    """The price of redriving the jobs of all these stage runs."""
    from stagepass.reports.prices import Price, Prices

    prices, sum_ = Prices(system.store, system.registry), Price()
    for job in system.store.jobs_by_id(sorted({run.split(".")[0] for run in runs})):
        price = prices.of(job)
        sum_.usd += price.usd
        sum_.later_usd += price.later_usd
        sum_.kept_usd += price.kept_usd
        sum_.sampled = max(sum_.sampled, price.sampled)
        sum_.runs += price.runs
    return sum_


def tell_total(count: int, price: "Price") -> None:
    """Print the cost of redriving `count` stage runs."""
    amounts = {"usd": price.usd, "later": price.later_usd, "kept": price.kept_usd}
    shown = {name: dollars(usd) for name, usd in amounts.items()}
    code = "dead.would_redrive" if price.sampled else "dead.would_redrive_unpriced"
    note(code, style="yellow", count=count, sampled=price.sampled, **shown)


def line_shape(line: "Line") -> dict[str, Any]:
    """One stage's money."""
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in asdict(line).items()}
