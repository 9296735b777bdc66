"""Files of every kind: what is in them, and what is said of those that cannot be read."""

import io
import itertools
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from stagepass.errors import Unavailable
from stagepass.pipelines.resume.reading import extract as reading
from stagepass.pipelines.resume.reading.extract import Unreadable, extract
from tests.support.resume import DATA, ONE_LINE, flowing, pdf, picture, scan, word

WRAPPED = (
    "창고 네 곳에서 오는 재고 이벤트를 모아 주문 서비스와 동기화하고 실패한 이벤트를 다시 처리하는 절차를 세워 "
    "재고 불일치를 월 340건에서 9건으로 줄임"
)
LONG = DATA[-1]["text"]


def letters(text: str) -> str:
    return "".join(text.split())


def test_a_pdf_of_two_pages_keeps_its_korean() -> None:
    assert letters(extract(pdf(LONG))) == letters(LONG)


def test_lines_that_a_page_broke_are_joined_and_others_are_not() -> None:
    found = extract(flowing(["경력", f"• {WRAPPED}", "• 주문 API 개발", "기술", "Java, Redis"])).splitlines()
    assert found == ["경력", f"• {WRAPPED}", "• 주문 API 개발", "기술", "Java, Redis"]
    short = ["정산 배치를 다시 작성함", "결제 개발", "주문 개발"]
    assert extract(flowing(short)).splitlines() == short


def test_a_word_document_with_a_table_keeps_its_order() -> None:
    assert letters(extract(word(LONG))) == letters(LONG)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_text_in_the_encodings_of_korean_computers(encoding: str) -> None:
    assert extract(LONG.encode(encoding)) == LONG


def test_markdown_is_text() -> None:
    assert extract(f"# 이력서\n\n- {ONE_LINE}\n".encode()).endswith(ONE_LINE)


def zipped(name: str, content: bytes = b"x") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b" \n\0 ", "empty"),
        (b"....  ...\n", "no text"),
        (scan(), "OCR"),
        (pdf(LONG, password="secret"), "password"),
        (pdf("\n".join(["한 줄"] * 31), pages=31), "31 pages"),
        (b"%PDF-1.7\nnot really", "damaged"),
        (picture(), "a JPEG"),
        (zipped("a.txt"), "ZIP"),
        (zipped("word/document.xml"), "damaged"),
        (zipped("word/document.xml", b"0" * 101 * 2**20), "too large after unpacking"),
        (zipped("Contents/section0.xml"), "HWPX"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "save it as DOCX or PDF"),
        (b"PK\x03\x04" + b"\1" * 40, "damaged"),
        (bytes(range(128, 256)) * 9, "cannot be read"),
        (b"a" * (10 * 2**20 + 1), "larger than 10 MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_gives_no_text_is_told_with_what_to_do(content: bytes, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        extract(content)


def remade(change: Callable[[str], str]) -> bytes:
    """A Word document whose XML was changed by hand."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(word(f"{ONE_LINE}\n둘째 줄"))) as source, zipfile.ZipFile(out, "w") as made:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename == "word/document.xml":
                content = change(content.decode().partition("?>")[2]).encode()
            made.writestr(entry.filename, content)
    return out.getvalue()


def test_entities_are_neither_unfolded_nor_fetched(tmp_path: Path) -> None:
    names = "abcdefgh"
    bomb = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in itertools.pairwise(names))
    with pytest.raises(Unreadable, match="damaged"):
        extract(
            remade(lambda xml: f'<!DOCTYPE w [<!ENTITY a "{"x" * 999}">{bomb}]>' + xml.replace("<w:t>", "<w:t>&h;", 1))
        )
    secret = tmp_path / "secret"
    secret.write_text("줄무늬고래")
    entity = f'<!DOCTYPE w [<!ENTITY a SYSTEM "{secret.as_uri()}">]>'
    assert "줄무늬고래" not in extract(remade(lambda xml: entity + xml.replace("<w:t>", "<w:t>&a;", 1)))


def test_a_table_in_a_table_in_a_table_without_end_is_a_damaged_file() -> None:
    deep = 400
    open_, close = "<w:tbl><w:tr><w:tc>" * deep, "</w:tc></w:tr></w:tbl>" * deep
    with pytest.raises(Unreadable, match="damaged"):
        extract(remade(lambda xml: xml.replace("<w:body>", f"<w:body>{open_}<w:p/>{close}", 1)))


def test_only_so_many_files_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_room", threading.BoundedSemaphore(1))
    with reading._room, pytest.raises(Unavailable, match="try again in a minute"):
        extract(pdf(LONG), time_limit=0.01)
    assert extract(pdf(LONG))


def test_reading_ends_when_its_time_is_up() -> None:
    with pytest.raises(Unreadable, match=r"could not be read within 0\.01 seconds"):
        extract(pdf(LONG), time_limit=0.01)


def test_a_child_that_dies_is_a_damaged_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Unreadable, match="damaged"):
        extract(pdf(LONG))
