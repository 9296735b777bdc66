"""A scan in a few lines for a person at a terminal: what was seen, by which rule, what to do, the reward."""

from collections.abc import Iterator
from typing import Any

from stagepass.pipelines.scan.local.reply import say


def card(outputs: dict[str, Any], language: str) -> Iterator[tuple[str, str]]:
    """Rows of a name and a text of one line or several, from the outputs of all stages."""
    seen, rule, answer = outputs["vision"], outputs["rule"]["rule"], outputs["answer"]
    kind = [name for name in seen["classification"].values() if name]
    facts = {"what": " / ".join(kind), "percent": round(seen["confidence"] * 100), "model": seen["meta"]["model"]}
    yield say("card.seen", language), say("card.sure", language, **facts)
    if rule is not None:
        source = rule["sources"][-1]
        facts = {"id": rule["id"], "title": source["title"], "version": source["version"], "date": source["date"]}
        yield say("card.rule", language), say("card.source", language, **facts)
    yield say("card.steps", language), "\n".join(f"{n}. {step}" for n, step in enumerate(answer["disposal_steps"], 1))
    if answer["insufficiencies"]:
        yield say("card.faults", language), "\n".join(answer["insufficiencies"])
    yield say("card.answer", language), answer["user_answer"]
    if reward := outputs["reward"]["reward"]:
        yield say("card.reward", language), f"{reward['name']}: {reward['dialog']}"
