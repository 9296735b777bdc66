"""Forty made-up résumés of different fields, and files made of them."""

import io
import json
from pathlib import Path
from typing import Any

import docx
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate

import stagepass
from stagepass.pipelines.resume.models import Profile
from stagepass.pipelines.resume.parsing.profile import read_profile
from stagepass.pipelines.resume.request import ResumeRequest
from stagepass.pipelines.resume.stages.parse import today

DATA: list[dict[str, Any]] = json.loads((Path(__file__).parent / "resumes.json").read_text("utf-8"))
"""Each with its language, field, skills that are in it (`has`) and some that are not (`has_not`)."""

ONE_LINE = "3년차 백엔드 개발자, Spring Boot/MSA/Python 기반 커머스 서비스 개발, AWS EC2 운영 경험"


def profile_of(text: str, **request: Any) -> Profile:
    """What is read from a text."""
    return read_profile(text, ResumeRequest(resume_text=text, **request), today())


def pdf(text: str, pages: int = 2, password: str = "") -> bytes:
    """The text over that many pages, in the Korean font that comes with Stagepass."""
    font = _font()
    out = io.BytesIO()
    canvas = Canvas(out, encrypt=StandardEncryption(password) if password else None)
    lines = [line[at : at + 60] for line in text.splitlines() for at in range(0, len(line) or 1, 60)]
    share = -(-len(lines) // pages)
    for page in range(pages):
        canvas.setFont(font, 9)
        for row, line in enumerate(lines[page * share : (page + 1) * share]):
            canvas.drawString(40, 800 - 16 * row, line)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def flowing(lines: list[str]) -> bytes:
    """A PDF as a word processor makes it: each line a paragraph that breaks where the page ends."""
    out = io.BytesIO()
    style = ParagraphStyle("plain", fontName=_font(), fontSize=10, leading=15)
    SimpleDocTemplate(out).build([Paragraph(line, style) for line in lines])
    return out.getvalue()


def _font() -> str:
    font = Path(stagepass.__file__).parent / "assets" / "fonts" / "NanumGothicBold.ttf"
    pdfmetrics.registerFont(TTFont("Nanum", str(font)))
    return "Nanum"


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(out, "JPEG")
    return out.getvalue()


def scan() -> bytes:
    """A PDF that holds a picture and no text."""
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.drawImage(ImageReader(io.BytesIO(picture())), 0, 0, 500, 700)
    canvas.save()
    return out.getvalue()


def word(text: str) -> bytes:
    """A Word document: the first line as a heading, the last as a table, the rest as paragraphs."""
    document = docx.Document()
    first, *rest = text.splitlines()
    document.add_heading(first)
    for line in rest[:-1]:
        document.add_paragraph(line)
    if rest:
        document.add_table(1, 2).cell(0, 1).text = rest[-1]
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()
