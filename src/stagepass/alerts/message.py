"""The text of an alert, as Slack's incoming webhooks take it (mrkdwn)."""

from functools import cache

from stagepass.alerts.facts import Facts
from stagepass.content.catalogue import Catalogue

MOST_LINES = 20
"""Maximum number of lines per kind; the rest is a count."""


def message(facts: Facts, missed: int, language: str) -> str:
    """The facts as a text for people.

    Args:
        missed: earlier messages that could not be delivered; what they had to tell is in the facts.
        language: ``en`` or ``ko``.
    """

    def text(code: str, **parameters: object) -> str:
        return _catalogue().text(code, language, **parameters)

    lines = [text("title")]
    for provider in sorted({name.split(" ")[0] for name in facts.keys}):
        queues = {name.split(" ")[1]: count for name, count in facts.keys.items() if name.split(" ")[0] == provider}
        lines.append(text("key", provider=provider, stages=", ".join(sorted(queues)), count=sum(queues.values())))
    if facts.dead:
        lines.append(text("dead", count=sum(facts.dead.values())))
        lines += _items(facts.dead)
        lines.append(text("dead.next"))
    if facts.held:
        lines.append(text("held", count=sum(facts.held.values())))
        lines += _items(facts.held)
        lines.append(text("held.next"))
    for name, parked in sorted(facts.closed.items()):
        provider, reason = name.split(" ")
        lines.append(text(f"closed.{reason}", provider=provider, count=parked))
    if facts.lost:
        lines.append(text("lost", count=facts.lost))
    for queue, count in sorted(facts.unserved.items()):
        lines.append(text("unserved", queue=queue, count=count))
    if missed:
        lines.append(text("missed", count=missed))
    return "\n".join(lines)


def _items(counts: dict[str, int]) -> list[str]:
    found = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"• {count} × {' — '.join(name.split(' '))}" for name, count in found[:MOST_LINES]]
    return [*lines, f"• … {len(found) - MOST_LINES}"] if len(found) > MOST_LINES else lines


@cache
def _catalogue() -> Catalogue:
    return Catalogue.load("stagepass.alerts")
