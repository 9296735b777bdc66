"""What a reader of a file sees: columns, turned pages, tables, headers, text boxes, tracked text; and files that only seem to be one."""

import io
import zipfile

import docx
import pytest
from docx.oxml import parse_xml
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from stagepass.pipelines.resume.reading.extract import Unreadable, extract
from tests.support.resume import _font, picture, profile_of

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
LINES = [
    "Experience",
    "Acme Inc, Developer, Mar 2019 - Feb 2021",
    "Built REST services for 300 shops",
    "Cut the nightly run from 8 to 2 hours",
]


def page(*parts: tuple[float, float, str], rotate: int = 0, turn: int = 0, size: float = 10) -> bytes:
    """Texts at their places; `rotate` is the page's own turn, `turn` that of the text, in degrees."""
    out = io.BytesIO()
    canvas = Canvas(out)
    if rotate:
        canvas.setPageRotation(rotate)
    canvas.setFont(_font(), size)
    if turn:
        canvas.translate(*{90: (A4[0], 0), 180: A4, 270: (0, A4[1])}[turn])
        canvas.rotate(turn)
    for x, y, text in parts:
        canvas.drawString(x, y, text)
    canvas.save()
    return out.getvalue()


def down(x: float, lines: list[str], top: float = 500, step: float = 20) -> list[tuple[float, float, str]]:
    return [(x, top - step * row, line) for row, line in enumerate(lines) if line]


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_page_is_read_from_the_top_of_its_text_however_it_is_turned(rotate: int, turn: int) -> None:
    assert extract(page(*down(60, LINES), rotate=rotate, turn=turn)).splitlines() == LINES


def test_lines_that_a_file_wrote_from_the_bottom_up_are_read_from_the_top() -> None:
    assert extract(page(*reversed(down(60, LINES)))).splitlines() == LINES


SIDE = ["SKILLS", "Java", "Spring Boot", "PostgreSQL", "", "LANGUAGES", "English", "Korean"]
MAIN = ["EXPERIENCE", "Northwind Labs - Backend Engineer", "Mar 2019 - Feb 2023", "Built the order API for 3 million users", "Cut the nightly batch from 8 hours to 2 hours", "", "PROJECTS", "Parcel tracker, 2020"]  # fmt: skip


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("shift", [0, 7])
def test_columns_are_read_one_after_the_other(left: bool, shift: int) -> None:
    side, main = (40, 220) if left else (430, 60)
    parts = [(40, 760, "Jane Doe"), *down(side, SIDE, 700), *down(main, MAIN, 700 + shift)]
    text = extract(page(*sorted(parts, key=lambda part: -part[1]), size=9))
    assert [line for line in text.splitlines() if line in MAIN] == [line for line in MAIN if line]
    assert [line for line in text.splitlines() if line in SIDE] == [line for line in SIDE if line]
    found = profile_of(text)
    assert [(e.name, e.start) for e in found.employers] == [("Northwind Labs", "2019-03")]
    assert {"Built the order API for 3 million users", "Cut the nightly batch from 8 hours to 2 hours"} <= {
        d.text for d in found.deeds
    }


def test_a_date_beside_its_employer_and_the_cells_of_a_table_stay_in_their_row() -> None:
    rows = [
        ("Northwind Labs", "Mar 2019 - Feb 2023"),
        ("Bluefin Inc", "Jul 2016 - Feb 2019"),
        ("Harbor Ltd", "Jan 2014 - Jun 2016"),
    ]
    parts = [
        part
        for number, (name, dates) in enumerate(rows)
        for part in ((60, 700 - 40 * number, name), (400, 700 - 40 * number, dates))
    ]
    found = profile_of(extract(page((60, 740, "Experience"), *parts)))
    assert [(e.name, e.start, e.end) for e in found.employers] == [
        ("Northwind Labs", "2019-03", "2023-02"), ("Bluefin Inc", "2016-07", "2019-02"), ("Harbor Ltd", "2014-01", "2016-06"),
    ]  # fmt: skip


def test_labels_with_their_texts_beside_them_are_rows() -> None:
    rows = [
        ("경력", "나루상사 영업 담당 2019.03 ~ 2022.11"),
        ("", "신규 거래처 30곳 확보"),
        ("학력", "가람대학교 2012 - 2016"),
        ("자격증", "운전면허 1종 2011.05"),
    ]
    parts = [
        part for n, (a, b) in enumerate(rows) for part in ((60, 700 - 24 * n, a), (200, 700 - 24 * n, b)) if part[2]
    ]
    text = extract(page(*parts))
    assert text.index("나루상사") < text.index("신규 거래처") < text.index("학력") < text.index("가람대학교")


def test_headers_footers_and_page_numbers_come_once_or_not_at_all() -> None:
    out = io.BytesIO()
    canvas = Canvas(out)
    for number in range(3):
        canvas.drawString(40, 810, "Mina Seo - Curriculum Vitae")
        canvas.drawString(280, 20, f"Page {number + 1} of 3")
        canvas.drawString(60, 700, f"Company{number} Inc, Developer, Mar 201{number} - Feb 201{number + 1}")
        canvas.drawString(60, 680, f"Built {number + 3} payment services")
        canvas.showPage()
    canvas.save()
    text = extract(out.getvalue())
    assert text.count("Curriculum Vitae") == 1
    assert "Page 2" not in text
    assert [f"Company{n}" in text and f"Built {n + 3} payment" in text for n in range(3)] == [True] * 3


@pytest.mark.parametrize(
    "footer", ["", "Scanned with CamScan app 1.0", "Created by ScanTool - www.example.com - page 1"]
)
def test_a_scan_with_a_programs_footer_is_a_scan(footer: str) -> None:
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.drawImage(ImageReader(io.BytesIO(picture())), 0, 60, 595, 780)
    canvas.drawString(40, 20, footer)
    canvas.save()
    with pytest.raises(Unreadable, match="OCR"):
        extract(out.getvalue())


def test_a_photo_and_a_little_text_is_no_scan() -> None:
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.drawImage(ImageReader(io.BytesIO(picture())), 400, 600, 120, 160)
    canvas.drawString(60, 700, "Built REST services for 300 shops")
    canvas.save()
    assert extract(out.getvalue()) == "Built REST services for 300 shops"


# ── Word ─────────────────────────────────────────────────────────────────────────────────────────


def word(*blocks: str, header: str = "") -> bytes:
    """A document with these pieces of XML as its body."""
    document = docx.Document()
    if header:
        document.sections[0].header.paragraphs[0].text = header
    for number, block in enumerate(blocks):
        document.element.body.insert(number, parse_xml(block))
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def run(text: str) -> str:
    return f"<w:r><w:t xml:space='preserve'>{text}</w:t></w:r>"


def test_what_word_shows_is_read_and_what_was_deleted_is_not() -> None:
    found = extract(
        word(
            f"<w:p {W}>{run('Built ')}<w:del w:id='1'><w:r><w:delText>nothing </w:delText></w:r></w:del><w:ins w:id='2'>{run('an API')}</w:ins></w:p>",
            f"<w:sdt {W}><w:sdtContent><w:p>{run('Acme Inc, Developer')}</w:p></w:sdtContent></w:sdt>",
            f"<w:p {W}>{run('Skills: ')}<w:sdt><w:sdtContent>{run('Kafka')}</w:sdtContent></w:sdt></w:p>",
            f"<w:p {W}><w:hyperlink>{run('Portfolio of 12 apps')}</w:hyperlink></w:p>",
            f"<w:p {W}><w:smartTag>{run('Seoul')}</w:smartTag>{run(' office')}</w:p>",
            f"<w:p {W}><w:moveFrom w:id='3'>{run('gone')}</w:moveFrom><w:moveTo w:id='4'>{run('Moved here')}</w:moveTo></w:p>",
            header="Jane Doe, nurse",
        )
    ).splitlines()
    assert [line for line in found if line] == [
        "Jane Doe, nurse", "Built an API", "Acme Inc, Developer", "Skills: Kafka", "Portfolio of 12 apps", "Seoul office", "Moved here",
    ]  # fmt: skip


def test_the_newer_of_two_forms_of_a_text_box_is_read_once() -> None:
    inside = f"<w:txbxContent><w:p>{run('Terraform for 40 services')}</w:p></w:txbxContent>"
    spaces = f'{W} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" xmlns:v="urn:schemas-microsoft-com:vml" xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
    both = f"<mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wps:txbx>{inside}</wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox>{inside}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent>"
    text = extract(word(f"<w:p {spaces}>{run('Summary of a cook')}<w:r>{both}</w:r></w:p>"))
    assert text.count("Terraform for 40 services") == 1


def cells(*texts: str) -> str:
    return "".join(
        "<w:tc>" + "".join(f"<w:p>{run(line)}</w:p>" for line in text.split("/")) + "</w:tc>" for text in texts
    )


def test_a_row_is_a_line_and_a_cell_of_many_lines_keeps_them() -> None:
    table = (
        f"<w:tbl {W}><w:tr>{cells('기간', '회사', '업무')}</w:tr>"
        f"<w:tr>{cells('2019.03 ~ 2022.11', '나루상사', '신규 거래처 30곳 확보/반품률 9%에서 4%로 감소')}</w:tr>"
        f"<w:sdt><w:sdtContent><w:tr>{cells('2016.01 ~ 2019.02', '다라물산', '재고 조사 월 2회 진행')}</w:tr></w:sdtContent></w:sdt></w:tbl>"
    )
    found = profile_of(extract(word(f"<w:p {W}>{run('경력')}</w:p>", table)))
    assert [employer.name for employer in found.employers] == ["나루상사", "다라물산"]
    assert {deed.text for deed in found.deeds} == {
        "신규 거래처 30곳 확보",
        "반품률 9%에서 4%로 감소",
        "재고 조사 월 2회 진행",
    }


# ── files that are not what they seem ────────────────────────────────────────────────────────────


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (rb"{\rtf1\ansi Experience\par Acme Inc}", "rtf"),
        (b"\xef\xbb\xbf{\\rtf1 x}", "rtf"),
        (b"%!PS-Adobe-3.0\n(Experience) show", "postscript"),
        (b'<?xml version="1.0"?><?mso-application progid="Word.Document"?><w:wordDocument/>', "word_xml"),
        (b"MIME-Version: 1.0\nContent-Type: multipart/related\n\n<html>", "web_archive"),
        (b"From: a@b.c\nSubject: my resume\nContent-Type: text/plain\n\nHello", "web_archive"),
        (b"<html><body>Experience</body></html>", "web_page"),
        (b"  <!DOCTYPE html><p>Experience", "web_page"),
        (b"% my resume\n\\documentclass{article}\n\\begin{document}", "latex"),
        (b"JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmo", "base64"),
        (b"data:application/pdf;base64,JVBERi0xLjQ", "base64"),
        (b"HWP Document File V3.00 \x1a\x01\x02\x03", "hwp"),
        (zipped("content.xml", "mimetype"), "odt"),
        (zipped("ppt/presentation.xml"), "powerpoint"),
        (zipped("xl/workbook.xml"), "excel"),
        (zipped("Index/Document.iwa"), "pages"),
        (zipped("META-INF/container.xml", "OEBPS/a.xhtml"), "ebook"),
        (zipped("photo.jpg"), "archive"),
        (b"word " * 300_000, "too_much_text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_text_is_refused_with_the_way_out(content: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        extract(content)
    assert refused.value.code == code
    assert len(str(refused.value)) > 30


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-16-le", "Nurse with 6 years in ICU. Kept compliance at 96%."),
        ("utf-16-be", "Nurse with 6 years in ICU. Kept compliance at 96%."),
        ("utf-32", "간호사 6년차, 환자 40명을 돌봤습니다"),
        ("cp1252", "Résumé: chef à Paris, 200 couverts par jour"),
        ("cp949", "똠방각하 식당 수셰프, 하루 200인분 조리"),
        ("utf-8", "Résumé: chef à Paris, 200 couverts par jour"),
    ],
)
def test_text_is_read_in_the_encoding_that_it_has(encoding: str, text: str) -> None:
    assert extract(text.encode(encoding)) == text
