"""Forty made-up résumés of many trades (`trades.json`), written out as text, Word or PDF in the layouts that people use."""

import io
import json
from pathlib import Path
from typing import Any

import docx
from docx.oxml import parse_xml
from reportlab.pdfgen.canvas import Canvas

from tests.support.resume import _font

DATA: list[dict[str, Any]] = json.loads((Path(__file__).parent / "trades.json").read_text("utf-8"))
"""Each with its deeds, certificates, and the skills that it shows in whatever words (`knows`)."""

_WORDS = {
    "ko": ("경력", "자격증", "기술", "회사", "직책", "근무 기간", "담당 업무"),
    "en": ("Experience", "Certifications", "Skills", "Company", "Position", "Period", "Responsibilities"),
}
_NS = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:v="urn:schemas-microsoft-com:vml"'


def file_of(resume: dict[str, Any]) -> bytes:
    """The résumé in its layout: a text file, a Word document or a PDF."""
    return {"table": _table, "text_box": _text_box, "two_columns": _two_columns}.get(resume["layout"], _text)(resume)


def deeds_of(resume: dict[str, Any]) -> list[str]:
    """Everything that was done, as it is written in it."""
    return [deed for job in resume["jobs"] for deed in job["deeds"]]


def _text(resume: dict[str, Any]) -> bytes:
    work, certs, *_ = _WORDS[resume["language"]]
    lines = [resume["name"], resume["headline"], "", work]
    for job in resume["jobs"]:
        lines += {"inline": _inline, "cells": _cells, "labels": _labels}.get(resume["layout"], _bullets)(job, resume)
    return "\n".join([*lines, "", certs, *resume["certs"]]).encode()


def _inline(job: dict[str, Any], resume: dict[str, Any]) -> list[str]:
    first, *rest = job["deeds"]
    return [job["company"], f"{job['role']} ({job['period']}): {first}", *rest]


def _cells(job: dict[str, Any], resume: dict[str, Any]) -> list[str]:
    return [f"{job['period']} | {job['company']} | {job['role']} | {job['deeds'][0]}", *job["deeds"][1:]]


def _labels(job: dict[str, Any], resume: dict[str, Any]) -> list[str]:
    *_, company, role, period, tasks = _WORDS[resume["language"]]
    head = [f"{company}: {job['company']}", f"{role}: {job['role']}", f"{period}: {job['period']}"]
    return [*head, f"{tasks}: {job['deeds'][0]}", *(f"- {deed}" for deed in job["deeds"][1:])]


def _bullets(job: dict[str, Any], resume: dict[str, Any]) -> list[str]:
    return [f"{job['company']}, {job['role']}, {job['period']}", *(f"• {deed}" for deed in job["deeds"])]


def _table(resume: dict[str, Any]) -> bytes:
    work, certs, _, *heads = _WORDS[resume["language"]]
    document = docx.Document()
    document.add_heading(resume["name"])
    document.add_paragraph(resume["headline"])
    document.add_paragraph(work)
    table = document.add_table(1, 4)
    for cell, text in zip(table.rows[0].cells, heads, strict=True):
        cell.text = text
    for job in resume["jobs"]:
        row = table.add_row().cells
        row[0].text, row[1].text, row[2].text = job["company"], job["role"], job["period"]
        row[3].text = job["deeds"][0]
        for deed in job["deeds"][1:]:
            row[3].add_paragraph(deed)
    document.add_paragraph(certs)
    for cert in resume["certs"]:
        document.add_paragraph(cert)
    return _saved(document)


def _text_box(resume: dict[str, Any]) -> bytes:
    """A sidebar in a text box, and the work in a content control, as templates have them."""
    work, certs, *_ = _WORDS[resume["language"]]
    document = docx.Document()
    document.add_heading(resume["name"])
    body = document.element.body
    side = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in (certs, *resume["certs"]))
    box = f"<w:p {_NS}><w:r><w:pict><v:shape><v:textbox><w:txbxContent>{side}</w:txbxContent></v:textbox></v:shape></w:pict></w:r></w:p>"
    lines = [resume["headline"], work, *(line for job in resume["jobs"] for line in _bullets(job, resume))]
    told = "".join(f"<w:p><w:ins w:id='1' w:author='a'><w:r><w:t>{line}</w:t></w:r></w:ins></w:p>" for line in lines)
    control = f"<w:sdt {_NS}><w:sdtContent>{told}</w:sdtContent></w:sdt>"
    for at, xml in enumerate((control, box)):
        body.insert(1 + at, parse_xml(xml))
    return _saved(document)


def _saved(document: Any) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _two_columns(resume: dict[str, Any]) -> bytes:
    """A sidebar with certificates and skills beside the work, row by row as many templates write them."""
    work, certs, skills, *_ = _WORDS[resume["language"]]
    side = [
        resume["name"],
        "",
        certs,
        *resume["certs"],
        "",
        skills,
        *(["엑셀", "영어"] if resume["language"] == "ko" else ["Excel", "English"]),
    ]
    main = [resume["headline"], work]
    for job in resume["jobs"]:
        main += [f"{job['company']} - {job['role']}", job["period"], *job["deeds"], ""]
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.setFont(_font(), 8)
    for row in range(max(len(side), len(main))):
        for x, lines in ((40, side), (220, main)):
            if row < len(lines) and lines[row]:
                canvas.drawString(x, 780 - 18 * row, lines[row])
    canvas.save()
    return out.getvalue()
