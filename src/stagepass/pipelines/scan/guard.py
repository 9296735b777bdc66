"""Makes any writer's answer respect the safety advice: the warning comes first, and nothing contradicts it."""

import re

from stagepass.pipelines.scan.local.reply import say
from stagepass.pipelines.scan.models import AnswerText, Danger
from stagepass.pipelines.scan.safety import contradicts, state_names

MOST_SENTENCES = 3


def held(answer: AnswerText, danger: Danger | None, language: str) -> AnswerText:
    """The answer as it may be shown.

    In an acute danger the advice replaces all of it: a model's wording is not worth a hand. Otherwise the warning
    is put first, and steps, faults and sentences that contradict it are taken out.
    """
    if danger is None:
        return answer
    if danger.acute:
        return advice(danger, language)
    return AnswerText(
        disposal_steps=[
            *warnings(danger, language),
            *(step for step in answer.disposal_steps if not _repeats(step, danger) and not contradicts(step, danger)),
        ],
        insufficiencies=[fault for fault in answer.insufficiencies if not contradicts(fault, danger)],
        user_answer=_reply(answer.user_answer, danger),
    )


def advice(danger: Danger, language: str) -> AnswerText:
    """The answer in an acute danger."""
    said = [*sentences(danger.warning), sentences(danger.steps[-1])[0]]
    return AnswerText(
        disposal_steps=[*warnings(danger, language), *danger.steps],
        insufficiencies=[
            say("answer.fault", language, tag=names, fix=danger.warning) for names in _states(danger, language)
        ],
        user_answer=" ".join(said[:MOST_SENTENCES]),
    )


def warnings(danger: Danger, language: str) -> list[str]:
    """The warnings as steps."""
    return [say("answer.warning", language, warning=warning) for warning in (danger.warning, *danger.more)]


def sentences(text: str) -> list[str]:
    """A text in its sentences; at least one."""
    return [part for part in re.split(r"(?<=[.!?])\s+", text.strip()) if part] or [""]


def _states(danger: Danger, language: str) -> list[str]:
    return [state_names(danger, language)] if danger.states else []


def _repeats(step: str, danger: Danger) -> bool:
    return any(warning in step for warning in (danger.warning, *danger.more))


def _reply(text: str, danger: Danger) -> str:
    first = sentences(danger.warning)[0]
    rest = [part for part in sentences(text) if part not in danger.warning and not contradicts(part, danger)]
    return " ".join([first, *rest][:MOST_SENTENCES])
