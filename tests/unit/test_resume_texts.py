"""What people are told, in their language, without the machinery."""

import re

import pytest

from stagepass.pipelines.resume.reading.problems import Unreadable
from stagepass.pipelines.resume.request import check_text
from stagepass.pipelines.resume.texts import texts, translated

SLOTS = {
    "kind": "PDF",
    "least": "10",
    "count": "20,001",
    "megabytes": "10",
    "most": "30",
    "pages": "31",
    "seconds": "15",
}


@pytest.mark.parametrize("code", sorted(c for c in texts().codes("en") if c.startswith(("file.", "text."))))
def test_a_stored_text_is_told_in_the_readers_language(code: str) -> None:
    stored = texts().text(code, "en", **SLOTS)
    assert translated(stored, "ko") == texts().text(code, "ko", **SLOTS)
    assert translated(stored, "en") == stored
    assert re.search("[가-힣]", translated(stored, "ko") or "")
    assert translated("the provider is away", "ko") is None


@pytest.mark.parametrize("text", ["짧은 글", "a" * 20_001])
def test_what_is_said_of_a_text_is_known_to_the_catalogue(text: str) -> None:
    with pytest.raises(ValueError) as said:
        check_text(text)
    assert re.search("[가-힣]", translated(str(said.value), "ko") or "")


def test_a_file_is_refused_in_a_language() -> None:
    assert "스캔" in Unreadable("scan", kind="PDF").told("ko-KR")
    assert "OCR" in str(Unreadable("scan", kind="PDF"))


def test_no_text_for_people_names_a_setting_a_queue_or_a_command() -> None:
    for language in ("ko", "en"):
        for code in texts().codes(language):
            if not code.startswith("text."):  # those name the fields of the request
                assert not re.search(
                    r"[A-Z]{3,}_[A-Z]+|stagepass|worker|queue|워커|프로세스", texts().text(code, language)
                )
