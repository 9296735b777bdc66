"""Orders: what stage runs have bought, and how explicit a person is about buying it again."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

LONGEST_ID = 200
"""Characters of an order's id that are shown."""


class Anew(StrEnum):
    """Whether a retry, a redrive or a resume repeats purchases that were already made."""

    NO = "false"
    """Continue with the existing orders."""
    YES = "true"
    """Buy again, unless an order is still open and could be continued."""
    FORCE = "force"
    """Buy again, even beside an open order."""


@dataclass(slots=True, frozen=True)
class Order:
    """A purchase of a stage run: a value that `ctx.once` has kept, or a call whose outcome is unknown.

    Attributes:
        run_id: of the stage run; of the parent, for what a child job has bought.
        value: what the call gave, mostly the vendor's id of it, as JSON; None where that is unknown.
        usd: what was noted as paid for it; 0 where no payment was.
    """

    run_id: str
    name: str
    value: str | None
    usd: float = 0.0
    provider: str | None = None

    @property
    def id(self) -> str | None:
        """The vendor's id, or whatever the call gave, as a short text."""
        if self.value is None:
            return None
        found = json.loads(self.value)
        if isinstance(found, dict):
            found = found.get("id", found)
        return (found if isinstance(found, str) else json.dumps(found, ensure_ascii=False))[:LONGEST_ID]

    def facts(self, stage: str) -> dict[str, Any]:
        """For the details of a refusal."""
        return {
            "stage": stage,
            "run_id": self.run_id,
            "name": self.name,
            "id": self.id,
            "provider": self.provider,
            "usd": round(self.usd, 6) or None,
        }

    def __str__(self) -> str:
        price = f"${self.usd:.2f}" if self.usd else ""
        facts = ", ".join(filter(None, (self.provider, price)))
        return f"{self.name} {self.id or '?'}" + (f" ({facts})" if facts else "")
