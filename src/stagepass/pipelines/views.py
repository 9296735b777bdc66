"""The SQL views that pipelines bring: ``views/<dialect>.sql`` beside a `pipeline.py`, so that people can query by noun."""

import re
import sys
from importlib.resources import files

from stagepass.declare.registry import Registry

_NAME = re.compile(r"CREATE VIEW (\w+)")


def views(registry: Registry, dialect: str) -> dict[str, str]:
    """By name: the statement that makes it, for ``sqlite``, ``postgresql`` or ``mysql``."""
    found: dict[str, str] = {}
    for pipeline in registry:
        module = next(iter(pipeline.stages.values())).body.__module__
        package = module.rpartition(".")[0]
        if package not in sys.modules:
            continue
        source = files(package) / "views" / f"{dialect}.sql"
        if source.is_file():
            for statement in filter(str.strip, source.read_text("utf-8").split(";")):
                name = _NAME.search(statement)
                if name:
                    found[name[1]] = statement[statement.index("CREATE VIEW") :]
    return found
