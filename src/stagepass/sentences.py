"""Sentences for people that keep their template and parameters, so that an edge can give them in another language.

English stands where the sentence is made; ``content/sentences/ko.json`` has the Korean by template.
"""

from typing import Any, Self

from stagepass.text import clean


class Sentence(str):
    """An English sentence: a plain string for all that log or store it.

    Attributes:
        template: the sentence with its ``{parameters}`` unfilled; a Pydantic message has ``pydantic.<type>``.
        parameters: by name; a value may be a sentence itself.
    """

    template: str
    parameters: dict[str, Any]

    def __new__(cls, text: str, template: str = "", parameters: dict[str, Any] | None = None) -> Self:
        self = super().__new__(cls, text)
        self.template, self.parameters = template or text, parameters or {}
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.template, self.parameters)


def sentence(template: str, /, **parameters: Any) -> Sentence:
    """Fill a template: ``sentence("there is no job {job}", job=job_id)``. Its parameters are ``{names}`` only."""
    return Sentence(template.format(**parameters), template, parameters)


def cleaned(text: str, *, most: int) -> str:
    """`clean`, after which a sentence still is one."""
    short = clean(text, most=most)
    return Sentence(short, text.template, text.parameters) if isinstance(text, Sentence) else short


def of_pydantic(error: Any) -> Sentence:
    """The sentence of one entry of `ValidationError.errors()`: a validator's own one, or Pydantic's."""
    context = error.get("ctx") or {}
    own = context.get("error")
    if isinstance(own, Exception) and own.args and isinstance(own.args[0], Sentence):
        return own.args[0]
    parameters = {name: value for name, value in context.items() if not isinstance(value, Exception)}
    return Sentence(error["msg"].removeprefix("Value error, "), f"pydantic.{error['type']}", parameters)


def as_stored(text: str) -> list[Any] | None:
    """A sentence's template and parameters as JSON; None for a plain string."""
    return [text.template, _plain(text.parameters)] if isinstance(text, Sentence) else None


def _plain(parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        name: as_stored(value)
        if isinstance(value, Sentence)
        else value
        if isinstance(value, int | float)
        else str(value)
        for name, value in parameters.items()
    }


def from_stored(text: str, stored: Any) -> str:
    """The sentence again, for a text that was stored with `as_stored`."""
    match stored:
        case [str(template), dict(parameters)]:
            return Sentence(text, template, {name: _inner(value) for name, value in parameters.items()})
    return text


def _inner(value: Any) -> Any:
    match value:
        case [str(template), dict(parameters)]:
            return from_stored("", [template, parameters])
    return value
