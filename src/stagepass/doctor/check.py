"""Runs the rules over a snapshot: what was found, and what could not be looked at."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from stagepass.doctor.facts import UNASKED, Facts, NotSeen
from stagepass.doctor.rule import ORDER, Finding, catalogue

log = logging.getLogger("stagepass.doctor")


@dataclass(slots=True)
class Report:
    """What the rules say.

    Attributes:
        findings: the worst first.
        unseen: by part: why it could not be looked at.
        skipped: codes of rules that need such a part.
        rules: how many looked.
    """

    at: int
    findings: list[Finding] = field(default_factory=list)
    unseen: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    rules: int = 0

    def worst(self, level: str) -> bool:
        """Whether any finding is at least as bad as this level."""
        return any(ORDER.index(finding.severity) <= ORDER.index(level) for finding in self.findings)


def examine(facts: Facts, *, manifests: bool = False) -> Report:
    """Run the rules of live facts, or those of manifests. A rule whose part was not seen is named, never passed over."""
    report = Report(facts.at)
    for rule in catalogue():
        if rule.manifests != manifests:
            continue
        try:
            report.findings += rule.run(facts)
            report.rules += 1
        except NotSeen as problem:
            if problem.why != UNASKED:
                report.unseen[problem.name] = problem.why
                report.skipped.append(rule.code)
        except Exception:
            log.exception("the rule %s failed", rule.code)
            report.unseen[rule.code] = "the rule itself failed; this is a bug"
            report.skipped.append(rule.code)
    report.findings = in_order(_without_echoes(report.findings))
    return report


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda one: (ORDER.index(one.severity), one.code, one.subject))


ECHOES = {"SP102": ("SP101",), "SP405": ("SP104",), "SP350": (), "SP106": ()}
"""Rules that say nothing new about a subject that one of these has named."""


def _without_echoes(findings: Sequence[Finding]) -> list[Finding]:
    named = {(one.code, one.subject) for one in findings}
    return [one for one in findings if not any((other, one.subject) in named for other in ECHOES.get(one.code, ()))]
