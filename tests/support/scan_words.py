"""A question to `scan` without a photo, a worker or a database: what the local models make of the words alone."""

from stagepass.pipelines.scan.local.reply import write_answer
from stagepass.pipelines.scan.local.sight import by_words
from stagepass.pipelines.scan.models import (
    Answer,
    AnswerText,
    Category,
    Classified,
    Found,
    Meta,
    ScanRequest,
    Seen,
)
from stagepass.pipelines.scan.stages import answer as answers
from stagepass.pipelines.scan.stages import rule as rules
from stagepass.pipelines.scan.vocabulary import vocabulary
from stagepass.providers.ports import TextRequest


def request_of(question: str, language: str | None = None) -> ScanRequest:
    """A request with a photo that nobody looks at."""
    return ScanRequest(image_url="https://example.com/a.jpg", user_input=question, language=language)  # type: ignore[arg-type]


def read(question: str, language: str | None = None) -> tuple[Classified, Found, Answer]:
    """What is seen, found and answered where the photo shows nothing."""
    request = request_of(question, language)
    sight = by_words(request.user_input)
    first = sight.objects[0]
    seen = Classified(
        **first.model_dump(),
        objects=sight.objects,
        alternatives=sight.alternatives,
        meta=Meta(
            user_input=question, provider="local", model="words", prompt_version="1", unsure=first.confidence < 0.6
        ),
    )
    found = rules.find(request, seen)
    return seen, found, answers.chosen(request, seen, found, lambda: _local(request, seen, found))


def _local(request: ScanRequest, seen: Classified, found: Found) -> Answer:
    shown, facts = answers.answer_facts(request.user_input, found, seen.situation_tags, request.speaks)
    text = write_answer(TextRequest("scan.answer", str(shown), AnswerText, facts, request.speaks))
    return Answer(**text.model_dump(), provider="local", model="rules-1", prompt_version="1")


def seen_as(item: str, tags: list[str], language: str) -> tuple[Found, Answer]:
    """What is found and answered where a photo surely shows this item in this state, and nothing is said."""
    group = vocabulary().group_of_item(item)
    assert group is not None, item
    category = Category(major_category=group.major, middle_category=group.middle, minor_category=item)
    request = request_of("?", language)
    one = Seen(classification=category, situation_tags=tags, confidence=0.9)
    meta = Meta(user_input="?", provider="local", model="eyes", prompt_version="1", unsure=False)
    seen = Classified(**one.model_dump(), objects=[one], meta=meta)
    found = rules.find(request, seen)
    return found, answers.chosen(request, seen, found, lambda: _local(request, seen, found))
