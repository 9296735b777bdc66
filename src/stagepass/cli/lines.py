"""Prints a board as plain lines, one per event, if there is no terminal."""

from rich.console import Console

from stagepass.cli.board import Board
from stagepass.cli.output import lasted, spoken
from stagepass.cli.texts import has, text
from stagepass.engine.model.ports import Tick
from stagepass.engine.model.records import Event

STEP = 0.25
"""Minimum increase between two printed progress ticks, as a fraction."""


class Lines:
    """Prints what happens to one job."""

    def __init__(self, board: Board, console: Console) -> None:
        self._board = board
        self._console = console
        self._told: dict[tuple[str, int | None], float] = {}

    def take(self, news: Event | Tick) -> None:
        """Tell it, unless it is a small step."""
        if isinstance(news, Tick):
            key = (news.stage, news.item)
            if news.fraction < self._told.get(key, 0.0) + STEP:
                return
            self._told[key] = news.fraction
            said = f"{news.fraction:.0%} {news.message or ''}".rstrip()
        else:
            code = f"event.{news.type}{'_up_to' if 'at_most' in news.data else ''}"
            said = text(code, **self._facts(news)) if has(code) else news.type
        stage = (news.stage or "") + (f"[{news.item}]" if news.item is not None else "")
        clock = lasted(max(0, news.at - self._board.began) / 1000)
        self._console.print(" ".join(filter(None, (f"{clock:>5}", stage, said))), markup=False)

    def _facts(self, event: Event) -> dict[str, object]:
        facts = {"code": "", "message": "", **event.data, "job": self._board.job.id}
        spans = {name: spoken(facts[name]) for name in ("seconds", "at_most") if facts.get(name) is not None}
        kind = f"kind.{facts['code']}"
        shown = {**facts, **spans, "kind": text(kind).rstrip(".") if has(kind) else facts["code"]}
        return {name: "" if value is None else value for name, value in shown.items()}
