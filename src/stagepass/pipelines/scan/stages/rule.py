"""The rule: of the object, of the others on the photo, and of what the object could be instead."""

from collections.abc import Sequence

from stagepass.pipelines.scan import rulebook
from stagepass.pipelines.scan.models import Category, Classified, Danger, Found, Rule, ScanRequest
from stagepass.pipelines.scan.safety import assess

MOST = 3
"""Things that are named when it is not sure."""


def find(request: ScanRequest, seen: Classified) -> Found:
    """Looks the rules up. When unsure there is no rule, only what each reply would lead to."""
    language = request.speaks

    def rule_of(category: Category, tags: Sequence[str] = (), *, by_words: bool = False) -> Rule | None:
        return rulebook.find(category, request.region, language, tags, request.user_input, by_words=by_words)

    first = rule_of(seen.classification, seen.situation_tags, by_words=True)
    danger = _danger(request, seen)
    if first is None or seen.meta.unsure:
        categories = [seen.classification, *_guesses(seen)]
        options = [rule for category in categories if (rule := rule_of(category))]
        return Found(rule=None, options=options[:MOST], danger=danger)
    others = [rule for other in seen.objects[1:] if (rule := rule_of(other.classification, other.situation_tags))]
    return Found(rule=first, others=others, danger=danger)


def _danger(request: ScanRequest, seen: Classified) -> Danger | None:
    """Of everything that is surely there, and of what the person says."""
    objects = [] if seen.meta.unsure else [seen, *seen.objects[1:]]
    tags = {tag for one in (seen, *seen.objects) for tag in one.situation_tags}
    return assess([one.classification for one in objects], tags, request.user_input, request.speaks)


def _guesses(seen: Classified) -> list[Category]:
    """What else it could be, of other groups."""
    found = [other.classification for other in seen.alternatives]
    own = seen.classification.middle_category
    guesses = {guess.middle_category: guess for guess in found if guess.middle_category != own}
    return list(guesses.values())
