"""Puts the commands' help into another language.

English help stands beside the code that it describes. ``help/<language>.json`` has its translation: by command
(``jobs list``), by option or argument (``jobs list.before``, or ``*.json`` where several commands share it), and by
Typer's own English sentences. The lines of examples are not translated.
"""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import typer

from stagepass.cli.texts import language

if TYPE_CHECKING:
    from stagepass.content.catalogue import Catalogue

EXAMPLES = "[bold]Example"


def translate(root: Any) -> None:
    """Replace the help texts of `root` and of the commands below it, where the language is not English."""
    if language() == "en":
        return
    for path, command in commands(root):
        help_text, examples, rest = (command.help or "").partition(EXAMPLES)
        command.help = _text(path or "stagepass", help_text.rstrip()) + (f"\n\n{examples}{rest}" if examples else "")
        command.epilog = command.epilog and _text(command.epilog, command.epilog)
        panel = getattr(command, "rich_help_panel", None)
        if isinstance(panel, str):
            command.rich_help_panel = _text(panel, panel)
        for parameter in _parameters(command):
            if getattr(parameter, "help", None):
                parameter.help = _text(f"{path}.{parameter.name}", _text(f"*.{parameter.name}", parameter.help))
        usage = command.get_usage
        command.get_usage = lambda context, usage=usage: usage(context).replace("Usage:", _text("Usage:", "Usage:"), 1)
    _translate_typer()


def commands(root: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command with its path: ``""`` for the root, ``jobs``, ``jobs list``."""
    yield path, root
    for name, command in getattr(root, "commands", {}).items():
        yield from commands(command, f"{path} {name}".strip())


def _parameters(command: Any) -> list[Any]:
    asked = command.get_help_option(typer.Context(command, help_option_names=["-h", "--help"]))
    return [*command.params, *([asked] if asked else [])]


def _translate_typer() -> None:
    from typer import core, rich_utils

    for name, value in vars(rich_utils).items():
        if name.isupper() and isinstance(value, str) and value in _catalogue().codes(language()):
            setattr(rich_utils, name, _text(value, value))
    vars(core)["_"] = lambda message: _text(message, message)
    show = rich_utils.rich_format_error

    def show_translated(error: Any) -> None:
        said = _usage_error(error)
        error.format_message = lambda: said
        show(error)

    rich_utils.rich_format_error = show_translated  # type: ignore[assignment]


def _usage_error(error: Any) -> str:
    """Typer's sentence about a wrong command line; Typer builds it from parts, so the type of the error chooses it."""
    from stagepass.content.translate import translated

    kind, parameter = type(error).__name__, getattr(error, "param", None)
    facts = {
        "name": getattr(error, "option_name", None) or error.__dict__.get("param_hint") or "",
        "message": translated(error.message or "", language()),
        "others": ", ".join(getattr(error, "possibilities", None) or ()),
    }
    if parameter is not None and not facts["name"]:
        facts["name"] = parameter.get_error_hint()
    code = f"{kind}.others" if facts["others"] else kind
    found = _catalogue().codes(language())
    return _catalogue().text(code, language(), **facts) if code in found else str(error.format_message())


def _text(code: str, english: str) -> str:
    return _catalogue().text(code, language()) if code in _catalogue().codes(language()) else english


@cache
def _catalogue() -> "Catalogue":
    from stagepass.content.catalogue import Catalogue

    return Catalogue.load("stagepass.cli", "help")
