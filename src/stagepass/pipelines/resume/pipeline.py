"""resume: a résumé becomes interview questions made for it, and a plan of what to learn next."""

from stagepass import Again, Context, Pipeline, Retry
from stagepass.pipelines.resume.grounding import known_links, paths_problems, questions_problems
from stagepass.pipelines.resume.local import paths as _paths  # noqa: F401  (registers the local writer)
from stagepass.pipelines.resume.local import questions as _questions  # noqa: F401  (the same)
from stagepass.pipelines.resume.models import Paths, PathSet, Profile, Questions, ResumeReport, question_set
from stagepass.pipelines.resume.request import ResumeRequest
from stagepass.pipelines.resume.stages.ask import ask
from stagepass.pipelines.resume.stages.parse import parse as read
from stagepass.pipelines.resume.stages.report import report as put_together
from stagepass.providers.ports import TextModel

resume = Pipeline(
    "resume",
    input=ResumeRequest,
    version=1,
    title={"en": "Interview questions from a résumé", "ko": "이력서로 만드는 면접 질문"},
    examples=[
        {"resume_text": "3년차 백엔드 개발자, Spring Boot/MSA/Python 기반 커머스 서비스 개발, AWS EC2 운영 경험"},
        {
            "resume_text": "Registered nurse with 5 years of experience in a 24-bed ICU. "
            "Reduced catheter infections by 30% with a checklist; precepted 6 new nurses.",
            "target_role": "Charge nurse",
            "hours_per_week": 4,
        },
    ],
)

_RETRY = Retry(2, wait="2s", factor=3, special={"invalid_output": Again(times=0)})
"""A rate limit says itself when to come back; an answer that does not hold was repaired once already."""


@resume.stage(time_limit="1m", retry=Retry(3, wait="2s", factor=2), weight=1)
def parse(ctx: Context, request: ResumeRequest) -> Profile:
    """Reads the résumé: skills, years, employers, and what was done."""
    return read(ctx, request)


@resume.stage(after=parse, needs=TextModel, time_limit="2m", retry=_RETRY, weight=2)
def questions(ctx: Context, request: ResumeRequest, parse: Profile, model: TextModel) -> Questions:
    """Asks for five questions, and holds them against the résumé."""
    value, made = ask(
        ctx, model, "questions", question_set(parse), parse, request, lambda v: questions_problems(v, parse)
    )
    return Questions(questions=value.questions, made=made)


@resume.stage(after=parse, needs=TextModel, time_limit="2m", retry=_RETRY, weight=2)
def learning_path(ctx: Context, request: ResumeRequest, parse: Profile, model: TextModel) -> Paths:
    """Asks for three to five learning paths; links that are not in the catalogue are left out."""
    value, made = ask(ctx, model, "learning_path", PathSet, parse, request, lambda v: paths_problems(v, parse))
    return Paths(learning_paths=known_links(value).learning_paths, made=made)


@resume.stage(after=(questions, learning_path), weight=1)
def report(
    ctx: Context, request: ResumeRequest, parse: Profile, questions: Questions, learning_path: Paths
) -> ResumeReport:
    """Puts the result together."""
    return put_together(ctx, request, parse, questions, learning_path)
