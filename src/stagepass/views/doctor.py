"""What the doctor found as JSON, in the reader's language."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, JsonValue

from stagepass.doctor.check import Report
from stagepass.doctor.rule import Finding
from stagepass.doctor.texts import text
from stagepass.views.times import at


class PlaceView(BaseModel):
    """Where in a file it is."""

    file: str
    line: int = Field(ge=1)


class FindingView(BaseModel):
    """One thing that is wrong."""

    code: str = Field(description="stable; `stagepass doctor --explain CODE` tells of it", examples=["SP101"])
    severity: Literal["error", "warning", "note"]
    group: str = Field(examples=["wiring"])
    subject: str = Field(description="what it is about: a queue, a setting, a process, a file")
    title: str
    text: str
    fix: str = Field(description="the command or the line that mends it", examples=["stagepass worker promo.song"])
    where: PlaceView | None = None
    evidence: dict[str, JsonValue] = Field(description="the figures in the text")


class DoctorView(BaseModel):
    """Everything that was found, the worst first."""

    looked_at: datetime
    healthy: bool = Field(description="nothing was found, and everything could be looked at")
    rules: int = Field(description="rules that looked")
    findings: list[FindingView]
    unseen: dict[str, str] = Field(description="by part: why it could not be looked at; nothing is known of it")
    skipped: list[str] = Field(description="rules that need such a part")


def doctor_view(report: Report, language: str) -> DoctorView:
    return DoctorView(
        looked_at=at(report.at),
        healthy=not report.findings and not report.unseen,
        rules=report.rules,
        findings=[finding_view(finding, language) for finding in report.findings],
        unseen=report.unseen,
        skipped=report.skipped,
    )


def finding_view(finding: Finding, language: str) -> FindingView:
    return FindingView(
        code=finding.code,
        severity=finding.severity,
        group=finding.group,
        subject=finding.subject,
        title=text(f"{finding.code}.title", language, **finding.parameters),
        text=text(f"{finding.code}.text", language, **finding.parameters),
        fix=finding.fix,
        where=PlaceView(file=finding.where.file, line=finding.where.line) if finding.where else None,
        evidence={name: value for name, value in finding.parameters.items() if name != "subject"},
    )
