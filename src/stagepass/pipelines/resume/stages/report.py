"""The result, of what the other stages found."""

from datetime import UTC, datetime

from stagepass import Context
from stagepass.pipelines.resume import rulebook
from stagepass.pipelines.resume.local.questions import LEAST
from stagepass.pipelines.resume.models import Analysis, Paths, Profile, Questions, ResumeReport
from stagepass.pipelines.resume.parsing.profile import skill_name
from stagepass.pipelines.resume.request import ResumeRequest
from stagepass.pipelines.resume.texts import texts

STRENGTHS = 4


def report(ctx: Context, request: ResumeRequest, profile: Profile, questions: Questions, paths: Paths) -> ResumeReport:
    """Put it together, with what it cost."""
    made = {"questions": questions.made, "learning_path": paths.made}
    return ResumeReport(
        session_id=request.session_id,
        resume_profile_id=ctx.job_id,
        created_at=datetime.now(UTC),
        language=profile.language,
        analysis=Analysis(
            field=rulebook.fields()[profile.field].name[profile.language],
            role=profile.role,
            years=profile.years,
            skills=profile.skills,
            employers=profile.employers,
            strengths=profile.deeds[:STRENGTHS],
            gaps=[skill_name(skill, profile.language) for skill in profile.missing],
            unsaid=_unsaid(profile),
        ),
        interview_questions=questions.questions,
        learning_paths=paths.learning_paths,
        made=made,
        tokens=sum(each.tokens_in + each.tokens_out for each in made.values()),
        usd=round(sum(each.usd for each in made.values()), 6),
    )


def _unsaid(profile: Profile) -> list[str]:
    """Missing information of the résumé, worded so that it can be added."""
    if len(profile.deeds) >= LEAST:
        return []
    codes = ["unsaid.deeds", *(["unsaid.periods"] if not profile.employers else [])]
    return [texts().text(code, profile.language) for code in codes]
