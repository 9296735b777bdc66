"""The résumé's text, and what it shows."""

from datetime import UTC, date, datetime

from stagepass import Context, Permanent, Transient
from stagepass.errors import Unavailable
from stagepass.pipelines.resume.models import Profile
from stagepass.pipelines.resume.parsing.apart import read_apart
from stagepass.pipelines.resume.reading.extract import Unreadable, extract
from stagepass.pipelines.resume.request import ResumeRequest, check_text
from stagepass.sentences import sentence


def parse(ctx: Context, request: ResumeRequest) -> Profile:
    """Read the file, if there is one; then look for skills, years, employers and deeds."""
    text = request.text
    if request.resume_file is not None:
        with ctx.files.local(request.resume_file) as path:
            try:
                text = "\n".join(filter(None, (text, extract(path.read_bytes()))))
                check_text(text)
            except (Unreadable, ValueError) as problem:
                raise Permanent(str(problem), advice=sentence("send the résumé as text or as another file")) from None
            except Unavailable as problem:
                raise Transient(problem.message, retry_after=2.0) from None
    return read_apart(text, request, today())


def today() -> date:
    """End date for jobs that are still held."""
    return datetime.now(UTC).date()
