"""Why a file gives no text; each text (locale, ``file.*``) names the fix."""

from typing import Any

from stagepass.pipelines.resume.texts import texts


class Unreadable(Exception):
    """A file gives no text; the message says why, and what to do.

    Args:
        code: of its text, without ``file.``.
        params: the text's parameters.
    """

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params

    def __str__(self) -> str:
        return self.told("en")

    def told(self, language: str) -> str:
        """The text in a language."""
        return texts().text(f"file.{self.code}", language, **self.params)
