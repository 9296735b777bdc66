"""Batch collection as it is declared: how many runs a stage takes in one call, and how long the first one waits."""

from dataclasses import dataclass
from typing import Any, get_args, get_origin

from stagepass.declare.values import Duration, seconds
from stagepass.errors import DeclarationError

MOST = 500
"""The largest batch: as many rows as one transaction handles well."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Up to `most` runs in one call; what is there after `within` seconds goes without waiting for more."""

    most: int
    within: float


def read_batch(most: int | None, within: Duration, where: str) -> Batch | None:
    """The declaration. Raises `DeclarationError`."""
    if most is None:
        return None
    if not 2 <= most <= MOST:
        raise DeclarationError(f"{where}: batch={most!r} is how many runs go into one call, from 2 to {MOST}")
    if seconds(within) <= 0:
        raise DeclarationError(f'{where}: within={within!r} is how long a batch is waited for, such as "5s"')
    return Batch(most, seconds(within))


def element(kind: Any, where: str, what: str) -> Any:
    """``list[X]`` → ``X``; of a union with exceptions (``list[Row | StageError]``), what is stored."""
    if get_origin(kind) is not list:
        raise DeclarationError(f"{where}: with batch= {what} is a list with one entry per run: write list[…]")
    (inner,) = get_args(kind)
    members = get_args(inner)
    stored = [member for member in members if not (isinstance(member, type) and issubclass(member, BaseException))]
    if not stored or len(stored) == len(members):
        return inner
    union = stored[0]
    for member in stored[1:]:
        union = union | member
    return union
