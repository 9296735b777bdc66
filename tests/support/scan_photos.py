"""What the local eyes make of real photos: ``python -m tests.support.scan_photos FOLDER…``.

The photos come with packages, and are not copied here; `scan_photos.json` says where they are and what is
right. Prints each answer, then the table of what was taken for what. A photo that is not there is named.
"""

import io
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from tests.support.scan import ScanLab, scan_lab

LABELS: dict[str, str] = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))["photos"]


def found(folders: list[Path]) -> Iterator[tuple[str, bytes, list[str]]]:
    """Name, content as a JPEG on white, and the right groups."""
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    for part, groups in LABELS.items():
        path = next((path for path in files if path.as_posix().endswith("/" + part)), None)
        if path is None:
            sys.stderr.write(f"not there: {part}\n")
            continue
        yield part, on_white(path), groups.split()


def on_white(path: Path) -> bytes:
    """A cut-out lies on white; a photo stays as it is."""
    picture = Image.open(path).convert("RGBA")
    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture)
    out = io.BytesIO()
    ground.convert("RGB").save(out, "JPEG", quality=92)
    return out.getvalue()


def group_of(lab: ScanLab, out: dict[str, Any]) -> str:
    """The group that is said, "asks" with it in front when it is unsure, or "nothing"."""
    rules = [out["rule"]["rule"]] if out["rule"]["rule"] else out["rule"]["options"][:1]
    return rules[0]["id"].removeprefix("KR.") if rules else "nothing"


def main(folders: list[Path]) -> None:
    """Scan all, and tell."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    sure_and_wrong = []
    with scan_lab() as lab:
        for name, photo, right in found(folders):
            out = lab.scan(photo)
            said, sure = group_of(lab, out), not out["vision"]["meta"]["unsure"]
            good = said in right or (not right and said == "nothing")
            table[right[0] if right else "nothing"]["right, sure" if good and sure else "right" if good else said] += 1
            if sure and not good:
                sure_and_wrong.append(name)
            seen = out["vision"]
            item = seen["classification"]["minor_category"] or seen["classification"]["middle_category"]
            mark = "  " if good else "✗ "
            print(f"{mark}{name} | {item} | {seen['confidence']:.2f} | {out['answer']['user_answer']}")
    print()
    for group, counts in sorted(table.items(), key=lambda row: -sum(row[1].values())):
        print(f"| {group} | {sum(counts.values())} | {', '.join(f'{k} {n}' for k, n in counts.most_common())} |")
    print(f"sure and wrong: {sure_and_wrong}")


if __name__ == "__main__":
    main([Path(folder) for folder in sys.argv[1:]])
