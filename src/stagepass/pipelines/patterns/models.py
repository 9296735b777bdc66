"""Inputs and outputs of the patterns, and their one setting."""

import random
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from stagepass.errors import SettingsError
from stagepass.sentences import sentence

LONGEST = 3000.0
"""Maximum duration of a step, in seconds."""

STEP_SECONDS = 2.0
"""Default duration of each step of a chain, in seconds."""

MOST_ITEMS = 10_000


def _one_sentence(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Instead of what is wrong with it as a whole number, and as any other, with bounds of 309 digits."""
    try:
        return read(value)
    except ValidationError:
        raise PydanticCustomError("number", "Input should be a number from -1e308 to 1e308") from None


Number = Annotated[int | float, Field(ge=-1e308, le=1e308, allow_inf_nan=False), WrapValidator(_one_sentence)]
Seconds = Annotated[float, Field(ge=0, le=LONGEST, description="how long each step takes")]


class PatternSettings(BaseSettings):
    """`SOLO_SECONDS`, from the environment or `.env`."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore")
    solo_seconds: float = Field(20.0, ge=0, le=LONGEST)


def _solo_seconds() -> float:
    """Raises `SettingsError`."""
    try:
        return PatternSettings().solo_seconds
    except ValidationError:
        raise SettingsError(
            sentence("SOLO_SECONDS must be a number of seconds from 0 to {longest}", longest=f"{LONGEST:g}")
        ) from None


SOLO_SECONDS = _solo_seconds()
"""Seconds that a lone addition takes; read once, at start."""


class Pair(BaseModel):
    """Two numbers; random ones unless they are chosen."""

    a: Number = Field(default_factory=lambda: random.randint(1, 100))
    b: Number = Field(default_factory=lambda: random.randint(1, 100))


class SoloInput(Pair):
    """Input of a single addition."""

    seconds: Seconds = SOLO_SECONDS


class ChainInput(Pair):
    """Input of a chain."""

    seconds: Seconds = STEP_SECONDS


class GroupInput(Pair):
    """Input of a group: the addition takes `seconds`, the multiplication as long, but at most two seconds."""

    seconds: Annotated[float, Field(ge=0, le=LONGEST, description="how long the addition takes")] = SOLO_SECONDS

    @property
    def multiply_seconds(self) -> float:
        """How long the multiplication takes, in seconds."""
        return min(self.seconds, STEP_SECONDS)


class MapInput(BaseModel):
    """Input of a map: its items."""

    numbers: list[Number] = Field(max_length=MOST_ITEMS)


class Products(BaseModel):
    """A sum, and the sum times each of the two numbers that it was made of."""

    sum: Number
    by_a: Number
    by_b: Number


class Total(BaseModel):
    """The fan-in of a map: how many items there were, and the sum of their squares."""

    count: int
    total: Number
