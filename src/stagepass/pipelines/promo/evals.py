"""Checks a text model on known businesses: ``python -m stagepass.pipelines.promo.evals [MODEL]``, as in ``TEXT_MODEL``.

Every check is deterministic: the language, the lines, the name in the chorus, the facts, words that the
trade cannot post, numbers that were not given. Nothing is judged by another model. Prints a scorecard;
the exit code is 1 when a lyric fails.
"""

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from stagepass.content.prompts import Prompt
from stagepass.errors import StageError
from stagepass.pipelines.promo import local_lyric  # noqa: F401  (registers the local writer)
from stagepass.pipelines.promo.lyric_check import check
from stagepass.pipelines.promo.lyric_reading import sung_name
from stagepass.pipelines.promo.lyric_trade import recognise
from stagepass.pipelines.promo.models import LyricText, language_tag
from stagepass.pipelines.promo.texts import texts
from stagepass.providers.ports import TextModel, TextRequest
from stagepass.providers.registry import Offer, make

PACKAGE = "stagepass.pipelines.promo"
CHECKS = ("answer", "language", "shape", "name", "facts", "invented", "forbidden")
"""What a lyric is checked for, in the order of the scorecard."""

_FEWEST, _MOST = 8, 16  # lines
_NUMBER_WORDS = re.compile(r"\d+")


def cases() -> list[dict[str, str]]:
    """The businesses of `rules/evals.json`: name, region, details, language."""
    found: list[dict[str, str]] = json.loads((files(PACKAGE) / "rules" / "evals.json").read_text("utf-8"))["cases"]
    return found


def problems(case: dict[str, str], model: TextModel) -> list[tuple[str, str]]:
    """What is wrong with the lyric that the model writes for one business, as (check, words); empty when all is well."""
    try:
        return list(_problems(case, _written(case, model)))
    except StageError as error:
        return [("answer", f"{error.code}: {error.message}")]


def _written(case: dict[str, str], model: TextModel) -> LyricText:
    tag = case["language"]
    trade = recognise(case["name"], case["details"])
    facts = {
        "customer_name": case["name"],
        "region": case["region"],
        "detail_region_info": case["details"],
        "language": {"ko": "Korean", "en": "English"}[tag],
        "genre": "pop",
        "tone": texts().text(f"lyric.tone.{trade.rules.register_}", tag),
        "limits": texts().text("lyric.limits.sober" if trade.rules.sober else "lyric.limits.any", tag),
    }
    prompt = Prompt.load(PACKAGE, "lyric", tag).render(**facts)
    return LyricText.model_validate(
        model.generate(TextRequest("promo.lyric", prompt, LyricText, facts, tag)).value.model_dump()
    )


def _problems(case: dict[str, str], lyric: LyricText) -> Iterator[tuple[str, str]]:
    tag, trade = case["language"], recognise(case["name"], case["details"])
    lines = [line for line in lyric.text.splitlines() if line.strip() and not line.startswith("[")]
    sung = "\n".join(lines)
    if (
        bool(re.search("[가-힣]", sung.replace(case["name"], ""))) != (tag == "ko")
        or language_tag(lyric.language) != tag
    ):
        yield "language", f"is not in {tag}"
    if not _FEWEST <= len(lines) <= _MOST:
        yield "shape", f"has {len(lines)} lines"
    if sung_name(case["name"], "") not in sung:
        yield "name", "does not name the business"
    found = check(lyric.text, case["details"], trade, tag)
    if found.poor:
        yield "facts", f"uses {len(found.used)} of {len(found.used) + len(found.unused)} facts"
    given = f"{case['name']} {case['region']} {case['details']}"
    invented = sorted(set(_NUMBER_WORDS.findall(sung)) - set(_NUMBER_WORDS.findall(given)))
    if invented:
        yield "invented", f"invents {', '.join(invented)}"
    if found.forbidden:
        yield "forbidden", f"says {', '.join(found.forbidden)}"


def scorecard(model: TextModel) -> tuple[list[str], int]:
    """The lines to be printed, and the number of lyrics that failed."""
    failed, wrong, out = 0, Counter[str](), []
    for case in cases():
        found = problems(case, model)
        failed += bool(found)
        wrong.update({kind for kind, _ in found})
        said = "; ".join(f"{kind}: {words}" for kind, words in found)
        out.append(f"{'FAIL' if found else 'ok  '} {case['name']}{': ' if found else ''}{said}")
    count = len(cases())
    out += [
        "",
        *(f"{kind:<10} {count - wrong[kind]}/{count}" for kind in CHECKS),
        f"{'all':<10} {count - failed}/{count}",
    ]
    return out, failed


def main() -> int:
    """Check the model that the command line names, or the local writer, and tell."""
    folder = Path(".stagepass") / "providers" / "textmodel" / "evals"
    name = sys.argv[1] if len(sys.argv) > 1 else "local"
    model: Any = make(TextModel, name, Offer("", folder, os.environ))
    lines, failed = scorecard(model)
    sys.stdout.write("\n".join([*lines, ""]))
    return 1 if failed else 0


if __name__ == "__main__":
    from stagepass.providers import builtin  # noqa: F401  (registers the models)

    sys.exit(main())
