"""A rule, what it finds, and the catalogue of all rules."""

import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, Literal

from stagepass.doctor.facts import Facts

Severity = Literal["error", "warning", "note"]

ORDER: tuple[Severity, ...] = ("error", "warning", "note")
"""The worst first."""

GROUPS = {"1": "wiring", "2": "configuration", "3": "services", "4": "work", "5": "manifests", "6": "security"}
"""By the first digit of a code."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file it is; `line` counts from 1."""

    file: str
    line: int = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        code: of the rule.
        subject: what it is about: a queue, a setting, a process, a file.
        fix: the exact command, or the line to write.
        where: file and line, of what is in a file.
        parameters: of the rule's text; also the evidence.
    """

    code: str
    severity: Severity
    subject: str
    fix: str
    where: Place | None = None
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def group(self) -> str:
        return GROUPS[self.code[2]]


Check = Callable[[Facts], Iterable[Finding]]


class Rule:
    """One rule. Its texts are ``CODE.title`` and ``CODE.text`` in the catalogue.

    Args:
        code: stable; never given to another rule.
        manifests: it reads manifests instead of live facts.
    """

    def __init__(self, code: str, severity: Severity, *, manifests: bool = False) -> None:
        self.code = code
        self.severity: Severity = severity
        self.manifests = manifests
        self.run: Check = lambda facts: ()

    def check(self, look: Check) -> Check:
        """Decorator: the function that yields what the rule finds."""
        self.run = look
        return look

    def found(
        self, subject: str, fix: str, *, where: Place | None = None, severity: Severity | None = None, **parameters: Any
    ) -> Finding:
        """A finding of this rule."""
        given = {"subject": subject, **parameters}
        return Finding(self.code, severity or self.severity, subject, fix, where, given)


@cache
def catalogue() -> tuple[Rule, ...]:
    """Every rule, by code. Each file of `stagepass.doctor.rules` holds one."""
    from stagepass.doctor import rules

    modules = (import_module(f"{rules.__name__}.{found.name}") for found in pkgutil.iter_modules(rules.__path__))
    return tuple(sorted((module.rule for module in modules), key=lambda rule: rule.code))
