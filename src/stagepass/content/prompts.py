"""Prompts for models: one Markdown file per stage and language, with its variables declared.

    ---
    version: 1
    variables: name, details
    ---
    Write about <name>{{ name }}</name>. ...

What is put in is data, not instructions: control and invisible characters are dropped, and ``<`` and
``>`` become ``‹`` and ``›``, so that no text can close the tags that the file sets around it.
"""

import re
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Self

from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from stagepass.content.catalogue import FALLBACK, match
from stagepass.content.particles import attach
from stagepass.errors import DeclarationError
from stagepass.text import clean

_FRONT = re.compile(r"---\n(?P<head>.*?)\n---\n(?P<body>.*)", re.DOTALL)
_BRACKETS = str.maketrans("<>", "‹›")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt file, checked.

    Attributes:
        name: the stage it is for (``lyric``).
        language: the language it is written in (``ko``).
        version: what its file says; kept with each answer.
        variables: the names that `render` takes: all of them, and no others.
        file: its path inside its package, for messages.
    """

    name: str
    language: str
    version: str
    variables: frozenset[str]
    file: str
    _template: Template = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str, file: str) -> Self:
        """Read a prompt's text; `file` ends in ``<name>.<language>.md``.

        Raises:
            DeclarationError: names the file and the variable or line at fault.
        """
        head, body = _split(text, file)
        declared = frozenset(name for name in re.split(r"[,\s]+", head["variables"]) if name)
        template, used = _compile(body, file)
        for name in sorted(declared - used):
            raise DeclarationError(f"{file}: variable {name!r} is declared and not used")
        for name in sorted(used - declared):
            raise DeclarationError(f"{file}: variable {name!r} is used and not declared; add it to 'variables:'")
        name, language = file.rsplit("/", 1)[-1].removesuffix(".md").rsplit(".", 1)
        return cls(name, language, head["version"], declared, file, template)

    @classmethod
    def load(cls, package: str, name: str, language: str, folder: str = "prompts") -> Self:
        """Read ``folder/<name>.<language>.md`` of a package; in English where that language has none."""
        place = files(package) / folder
        have = {
            file.name.removesuffix(".md").rsplit(".", 1)[-1]
            for file in (place.iterdir() if place.is_dir() else ())
            if file.name.startswith(f"{name}.") and file.name.endswith(".md")
        }
        chosen = match(language, have) or match(FALLBACK, have)
        if chosen is None:
            raise DeclarationError(f"{package}/{folder} has no {name}.{language}.md and no {name}.{FALLBACK}.md")
        file = f"{name}.{chosen}.md"
        return cls.parse((place / file).read_text("utf-8"), f"{package}/{folder}/{file}")

    def render(self, **variables: Any) -> str:
        """The prompt with its variables in place.

        Raises:
            DeclarationError: a variable is missing, or is not one of the file's.
        """
        for name in sorted(self.variables - variables.keys()):
            raise DeclarationError(f"{self.file}: variable {name!r} was not given")
        for name in sorted(variables.keys() - self.variables):
            raise DeclarationError(f"{self.file}: has no variable {name!r}")
        try:
            return self._template.render(variables).strip() + "\n"
        except TemplateError as error:
            raise DeclarationError(f"{self.file}: {error.message}") from None


def _split(text: str, file: str) -> tuple[dict[str, str], str]:
    parts = _FRONT.fullmatch(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    if not parts:
        raise DeclarationError(f"{file}: must begin with '---', a 'version:' and a 'variables:' line, and '---'")
    head: dict[str, str] = {}
    for line in parts["head"].splitlines():
        key, colon, value = line.partition(":")
        if not colon or key.strip() not in ("version", "variables") or key.strip() in head:
            raise DeclarationError(f"{file}: {line!r} is not a 'version:' or 'variables:' line, or comes twice")
        head[key.strip()] = value.strip()
    for key in ("version", "variables"):
        if key not in head or (key == "version" and not head[key]):
            raise DeclarationError(f"{file}: no {key!r} line between the '---' lines")
    return head, parts["body"]


def _compile(body: str, file: str) -> tuple[Template, set[str]]:
    try:
        return _ENVIRONMENT.from_string(body), meta.find_undeclared_variables(_ENVIRONMENT.parse(body))
    except TemplateError as error:
        raise DeclarationError(f"{file}: {error.message}") from None


def _as_data(value: Any) -> str:
    """Formatting of every value, after any filter."""
    return clean(str(value), lines=True).translate(_BRACKETS)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, finalize=_as_data, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    # Only what a file declares may be used: Jinja's own range, dict and lipsum would look declared.
    environment.globals.clear()
    environment.filters["particle"] = attach
    return environment


_ENVIRONMENT = _environment()
