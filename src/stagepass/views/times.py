"""Stored times as they are shown: ISO 8601 in UTC."""

from datetime import UTC, datetime


def at(milliseconds: int) -> datetime:
    """A stored time: milliseconds since the epoch."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def maybe_at(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else at(milliseconds)
