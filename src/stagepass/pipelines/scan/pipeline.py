"""scan: what is on the photo, the rule for it, the answer, and a reward. Beside it: the question that the reward
asks (`character.match`), and who owns which character (`character.save_ownership`, `users.save_character`).
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict

from stagepass import Context, Permanent, Pipeline, Retry
from stagepass.inputs import Words
from stagepass.pipelines.scan.choice import Models
from stagepass.pipelines.scan.local import reply, sight  # noqa: F401  (register the local writers)
from stagepass.pipelines.scan.models import QUESTION, Answer, Classified, Found, Rewarded, ScanRequest
from stagepass.pipelines.scan.stages import answer as answers
from stagepass.pipelines.scan.stages import reward as rewards
from stagepass.pipelines.scan.stages import rule as rules
from stagepass.pipelines.scan.stages import vision as views

scan = Pipeline(
    "scan",
    input=ScanRequest,
    version=1,
    keep_events="24h",
    title={"en": "How do I throw this away?", "ko": "이건 어떻게 버리나요?"},
    examples=[
        {"image_url": "https://example.com/bottle.jpg", "user_input": QUESTION},
        {
            "image_url": "https://example.com/bottle.jpg",
            "user_input": "How do I throw this away? The label is still on.",
            "region": "seoul",
        },
    ],
)


@scan.stage(needs=Models, concurrency=4, time_limit="60s", run_limit="90s", retry=Retry(2, wait="1s", factor=2))
def vision(ctx: Context, request: ScanRequest, models: Models) -> Classified:
    """Asks the image model what is on the photo; what is not in the vocabulary is no answer."""
    return views.look(ctx, request, models)


@scan.stage(after=vision, time_limit="30s", run_limit="60s", retry=Retry(3, wait="1s"))
def rule(request: ScanRequest, vision: Classified) -> Found:
    """Finds the disposal rule, national and of the municipality."""
    return rules.find(request, vision)


@scan.stage(after=rule, needs=Models, time_limit="60s", run_limit="90s", retry=Retry(2, wait="1s", factor=2))
def answer(ctx: Context, request: ScanRequest, vision: Classified, rule: Found, models: Models) -> Answer:
    """Answers the question from the rule; without a rule a fixed text, and when unsure a question."""
    return answers.write(ctx, request, vision, rule, models)


@scan.stage(after=answer, time_limit="30s", run_limit="60s", retry=Retry(3, wait="1s"))
def reward(ctx: Context, request: ScanRequest, vision: Classified, rule: Found, answer: Answer) -> Rewarded:
    """Decides on a character, and records who owns it; a time-out costs only the reward."""
    return rewards.decide(ctx, request, vision, rule, answer)


# ── the reward's question ────────────────────────────────────────────────────────────────────────


Short = Annotated[str, Words(most=100)]


class Wanted(BaseModel):
    """Which character is there for this category? Or, with `character`: it was earned, by which scan."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    middle_category: Short
    character: Short | None = None
    scan: Short | None = None


character = Pipeline(
    "character",
    input=Wanted,
    version=1,
    title={"en": "Find a character", "ko": "캐릭터 찾기"},
    examples=[{"middle_category": "유리병"}],
)


def _asks(request: Wanted) -> bool:
    return request.character is None


def _earned(request: Wanted) -> bool:
    return request.character is not None


@character.stage(time_limit="10s", run_limit="15s", retry=Retry(1, wait="1s"), when=_asks)
def match(request: Wanted) -> str:
    """The code of the character."""
    return rewards.character_for(request.middle_category).code


@character.stage(time_limit="30s", retry=Retry(5, wait="1s", factor=2), batch=50, within="5s", when=_earned)
def save_ownership(request: list[Wanted]) -> list[str | Permanent]:
    """Checks up to fifty ownerships of any owners in one call."""
    return [rewards.checked(str(one.character)) for one in request]


# ── who owns what ────────────────────────────────────────────────────────────────────────────────


class Owned(BaseModel):
    """A character that a user earned, by which scan. The job itself is the record, kept for good: one per user and character."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    character: Short
    scan: Short


users = Pipeline(
    "users",
    input=Owned,
    version=1,
    title={"en": "Keep a character", "ko": "캐릭터 저장"},
    key=lambda owned: rewards.key_of(owned.character),
    keep_jobs=True,
    examples=[{"character": "glass", "scan": "00000000-0000-7000-8000-000000000000"}],
)


@users.stage(time_limit="30s", retry=Retry(5, wait="1s", factor=2), batch=50, within="5s")
def save_character(request: list[Owned]) -> list[str | Permanent]:
    """Checks that there are such characters, up to fifty in one call, and keeps each for its user."""
    return [rewards.checked(one.character) for one in request]
