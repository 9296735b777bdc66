"""Many at once: counts and prices what a filter chooses, and carries it out in the background.

Any relay may carry out a bulk operation; a lease in its row keeps two from doing the same page. Each page is one
transaction with the place in it, so after the death of a relay another continues behind the last page.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from stagepass.declare.registry import Registry
from stagepass.declare.tags import name_of, read_tags
from stagepass.engine.commit.bulk import BulkStep, StartBulk, StopBulk
from stagepass.engine.commit.committer import Committer
from stagepass.engine.model.actors import Act, Actor
from stagepass.engine.model.bulk import FITTING, MOST, Bulk, BulkAct, BulkState, Selection
from stagepass.engine.model.clock import Clock
from stagepass.engine.model.ids import job_of, new_id
from stagepass.engine.model.orders import Anew
from stagepass.errors import InvalidInput, NotFound
from stagepass.reports.prices import Prices
from stagepass.reports.reads import Database
from stagepass.sentences import sentence

PAGE = 20
"""Jobs of one transaction: each is locked until its end."""

SLICE = 0.9
"""Seconds of one look; between its pages the committer is free for as long as a page took."""

HELD_FOR = 10_000
"""Milliseconds after which another relay continues what one has left."""

PRICED = 200
"""Jobs that a price is worked out for; beyond them it is their average."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a bulk operation would do.

    Attributes:
        total: jobs, or dead letters, that fit; counted up to `MOST`.
        usd, later_usd, kept_usd: see `Price`; None for an act that buys nothing.
        priced: jobs that the price rests on.
    """

    total: int
    until: int
    """Jobs that are submitted later are not among them."""
    usd: float | None = None
    later_usd: float | None = None
    kept_usd: float | None = None
    priced: int = 0

    @property
    def more(self) -> bool:
        """Whether more fit than one operation takes."""
        return self.total > MOST


class BulkOperations:
    """Counting, starting, stopping; and the relay's part."""

    def __init__(self, store: Database, committer: Committer, registry: Registry, clock: Clock) -> None:
        self._store = store
        self._committer = committer
        self._registry = registry
        self._clock = clock
        self._holder = new_id()

    # ── people ──

    def estimate(self, act: BulkAct, selection: Selection) -> Estimate:
        """Count what fits, and what it would cost. Raises `InvalidInput`."""
        selection = self.checked(act, selection)
        total = self._store.count_selected(act, selection, MOST + 1)
        if act not in (BulkAct.RESUME, BulkAct.REDRIVE):
            return Estimate(total, selection.until or 0)
        ids = dict.fromkeys(map(job_of, self._store.selected(act, selection, None, PRICED)))
        prices = Prices(self._store, self._registry)
        found = [prices.of(job) for job in self._store.jobs_by_id(sorted(ids))]
        share = total / max(1, sum(price.runs for price in found) if act is BulkAct.REDRIVE else len(found))
        share = max(1.0, share) if len(ids) >= PRICED else 1.0
        sums = [sum(getattr(price, name) for price in found) * share for name in ("usd", "later_usd", "kept_usd")]
        usd, later, kept = (round(value, 6) for value in sums)
        return Estimate(total, selection.until or 0, usd, later, kept, len(found))

    def start(
        self,
        act: BulkAct,
        selection: Selection,
        by: Actor,
        total: int,
        usd: float | None,
        *,
        anew: Anew = Anew.NO,
        tags: Mapping[str, str | None] | None = None,
        bulk_id: str | None = None,
    ) -> Bulk:
        """Store it; a relay begins within a second.

        Args:
            total, usd: what was shown before it was confirmed.
            bulk_id: started again with the same one, it is the one that is there.

        Raises:
            InvalidInput.
        """
        selection = self.checked(act, selection)
        if (act is BulkAct.TAG) != bool(tags):
            raise InvalidInput(sentence("tags belong to the act tag, which needs some"), field="tags")
        given = read_tags({name: value for name, value in (tags or {}).items() if value is not None})
        removed = {name_of(name): None for name, value in (tags or {}).items() if value is None}
        now = self._clock.now()
        bulk = Bulk(
            id=bulk_id or new_id(now),
            act=act,
            selection=selection,
            by=by,
            total=min(total, MOST),
            usd=usd,
            created_at=now,
            updated_at=now,
            anew=anew,
            tags={**given, **removed},
        )
        started: Bulk = self._committer.do(StartBulk(bulk))
        return started

    def stop(self, bulk_id: str, by: Act | None) -> Bulk:
        """End it where it stands. Raises `NotFound`, and `Conflict` when it has ended."""
        stopped: Bulk = self._committer.do(StopBulk(bulk_id, by))
        return stopped

    def get(self, bulk_id: str) -> Bulk:
        """One bulk operation. Raises `NotFound`."""
        found = self._store.bulk(bulk_id)
        if found is None:
            raise NotFound(sentence("there is no bulk operation {id}", id=bulk_id), id=bulk_id)
        return found

    def checked(self, act: BulkAct, selection: Selection) -> Selection:
        """The selection with what belongs to its act. Raises `InvalidInput`."""
        now = self._clock.now() + 1
        until = min(selection.until or now, now)  # nothing that is submitted later
        if act.on_dead_letters:
            if selection.states:
                raise InvalidInput(sentence("dead letters have no job state; leave states out"), field="states")
            return replace(selection, until=until)
        if selection.stage is not None:
            raise InvalidInput(
                sentence("a stage chooses dead letters; leave it out for {act}", act=act.value), field="stage"
            )
        fitting = FITTING[act]
        if fitting and (wrong := [state for state in selection.states if state not in fitting]):
            raise InvalidInput(
                sentence(
                    "{act} is for jobs that are {states}, not {state}",
                    act=act.value,
                    states=", ".join(fitting),
                    state=wrong[0].value,
                ),
                field="states",
            )
        return replace(selection, states=selection.states or fitting, until=until)

    # ── the relay ──

    def look(self, sleep: Callable[[float], object] = time.sleep) -> None:
        """Carry out some pages of each operation that no other relay holds, and leave time for other work."""
        end = time.monotonic() + SLICE
        for bulk in self._store.open_bulks():
            while time.monotonic() < end and (took := self._page(bulk)) is not None:
                sleep(min(took, max(0.0, end - time.monotonic())))

    def _page(self, bulk: Bulk) -> float | None:
        """One page. Returns the seconds that it took; None when it is done, or another's."""
        began = time.monotonic()
        now = self._clock.now()
        if not self._store.hold_bulk(bulk.id, self._holder, now, now + HELD_FOR):
            return None
        current = self._store.bulk(bulk.id)
        if current is None or current.state is not BulkState.RUNNING:
            return None
        targets = self._store.selected(current.act, current.selection, current.position, PAGE)
        left = MOST - current.done - current.refused
        if not self._committer.do(BulkStep(current, targets[: max(0, left)])) or not targets:
            return None
        return time.monotonic() - began
