"""How the formats write: YAML by PyYAML, everything else by a template; each file says where it comes from."""

import re
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from stagepass.errors import SettingsError
from stagepass.sentences import sentence

MADE_BY = "made by `stagepass deploy {format}`: change deploy.toml or the pipelines, then make it again"


def header(kind: str) -> str:
    """The comment at the top of a file."""
    return "# " + MADE_BY.format(format=kind) + "\n"


def yaml(kind: str, *documents: dict[str, Any]) -> str:
    """One file of YAML documents, keys in the given order."""
    import yaml as library

    class Block(library.SafeDumper):
        """Indents lists below their key, and writes no anchors: two services with equal settings stay apart."""

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def many_lines(dumper: Any, text: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    Block.add_representer(str, many_lines)
    text = library.dump_all(documents, Dumper=Block, sort_keys=False, width=1000, allow_unicode=True)
    return header(kind) + text


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("stagepass.deploy"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  (no HTML: each value is checked by `description`)
    )
    made.filters |= {"systemd": systemd_quoted, "ini": ini_quoted, "dotenv": dotenv_quoted, "argv": shell_words}
    return made


def template(name: str, kind: str, /, **values: Any) -> str:
    """A file from its template."""
    return header(kind) + _templates().get_template(name).render(version=version("stagepass"), **values)


def systemd_quoted(value: str) -> str:
    """For `Environment=`: in double quotes, with `%` doubled."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def ini_quoted(value: str) -> str:
    """For supervisor's `environment=`, which knows no escapes inside quotes. Raises `SettingsError`."""
    if "'" in value and '"' in value:
        raise SettingsError(sentence("supervisor cannot hold {value}: it has both kinds of quotes", value=f"{value!r}"))
    quote = "'" if '"' in value else '"'
    return quote + value.replace("%", "%%") + quote


def dotenv_quoted(value: str) -> str:
    """For a `.env` file: in single quotes where something in it has a meaning."""
    return value if re.fullmatch(r"[A-Za-z0-9_./:,=@+-]*", value) else "'" + value.replace("'", "\\'") + "'"


def shell_words(command: Sequence[str]) -> str:
    """A command line."""
    import shlex

    return shlex.join(command)
