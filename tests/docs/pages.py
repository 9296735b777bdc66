"""Reads the pages: their code blocks, links, headings and prose."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>file|append): (?P<path>\S+) -->\n)?```(?P<kind>\w*)\n(?P<code>.*?)^```$", re.M | re.S
)
_COMMENT = re.compile(r"<!--.*?-->", re.S)


@dataclass(frozen=True)
class Block:
    """One fenced block; `mark` says that it is written to, or appended to, the file `path`."""

    kind: str
    code: str
    mark: str | None
    path: str | None


def pages() -> list[Path]:
    """Every page that a reader may open."""
    found = [ROOT / name for name in ("README.md", "README.ko.md", "CONTRIBUTING.md", "THIRD_PARTY_NOTICES.md")]
    for folder in ("docs", "examples", "src/stagepass/pipelines"):
        found += sorted((ROOT / folder).rglob("*.md"))
    return [page for page in found if "prompts" not in page.parts]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text(page: Path) -> str:
    return page.read_text("utf-8")


def blocks(page: Path) -> list[Block]:
    return [Block(m["kind"], m["code"], m["mark"], m["path"]) for m in _BLOCK.finditer(text(page))]


def prose(page: Path) -> str:
    """The page without its blocks, comments and inline code."""
    return re.sub(r"`[^`\n]*`", "", _COMMENT.sub("", _BLOCK.sub("", text(page))))


def headings(page: Path) -> list[str]:
    return re.findall(r"^(#+ .+)$", _BLOCK.sub("", text(page)), re.M)


def anchors(page: Path) -> set[str]:
    """What a link to a heading of this page may say after ``#``."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()) for heading in headings(page))
    return {heading.replace(" ", "-") for heading in plain}


def links(page: Path) -> list[str]:
    """Targets of the page's links, those to other sites left out."""
    found = re.findall(r"\]\(([^)\s]+)\)", _BLOCK.sub("", text(page)))
    return [target for target in found if not re.match(r"\w+:", target)]


def shell_commands() -> Iterator[tuple[str, str]]:
    """Each line of each shell block, with the page that it is on; continued lines are joined."""
    for page in pages():
        for block in blocks(page):
            if block.kind == "sh":
                for line in block.code.replace("\\\n", " ").splitlines():
                    if line.strip():
                        yield name(page), line.strip()
