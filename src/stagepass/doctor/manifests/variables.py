"""Files with variables alone: ``.env`` and ``env_file``."""

import re

_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$")


def read_lines(text: str) -> list[tuple[int, str, str]]:
    """(line, name, value) of each variable; quotes are taken off, and a comment behind an unquoted value."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if match := _LINE.match(line):
            found.append((number, match[1], unquoted(match[2])))
    return found


def unquoted(value: str) -> str:
    """A value without its quotes or its comment."""
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return re.sub(r"\s+#.*$", "", value)
