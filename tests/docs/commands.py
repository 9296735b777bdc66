"""Takes shell lines apart, far enough to find the commands in them."""

import re
import shlex
from collections.abc import Iterator

OPERATORS = {"|", "||", "&&", ";", "&", "(", ")"}


def commands(line: str) -> Iterator[list[str]]:
    """The simple commands of a line, those in ``$(…)`` as well; assignments before them are left out."""
    inner = re.findall(r"\$\(([^()]*)\)", line)
    for part in inner:
        yield from commands(part)
    lexer = shlex.shlex(re.sub(r"\$\([^()]*\)", "VALUE", line), posix=True, punctuation_chars="|&;")
    lexer.whitespace_split = True
    current: list[str] = []
    skip = False
    for token in [*lexer, ";"]:
        if token in OPERATORS:
            if current:
                yield current
            current = []
        elif skip:
            skip = False
        elif token in ("<", ">", ">>"):
            skip = True
        elif not current and re.match(r"\w+=", token):
            continue
        else:
            current.append(token)
