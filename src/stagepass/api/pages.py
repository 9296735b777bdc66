"""Pages that a person opens by a signed link: no script, no cookie, nothing from elsewhere."""

from functools import cache
from importlib.resources import files
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FunctionLoader, StrictUndefined, Template

from stagepass.api.problems import texts
from stagepass.content.catalogue import negotiate

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
}


def page(template: str, wanted: str | None, *, status: int = 200, **shown: Any) -> HTMLResponse:
    """A page in the language that is liked best.

    Args:
        wanted: as in Accept-Language.
        shown: what the template needs, beside `language` and `text`.
    """
    language = negotiate(wanted, texts().languages)

    def text(code: str, **parameters: Any) -> str:
        return texts().text(code, language, **parameters)

    content = _template(template).render(language=language, text=text, **shown)
    return HTMLResponse(content, status, {**HEADERS, "Content-Language": language})


@cache
def _template(name: str) -> Template:
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    folder = files("stagepass.api").joinpath("templates")
    loader = FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8"))
    return Environment(autoescape=True, undefined=StrictUndefined, loader=loader)
