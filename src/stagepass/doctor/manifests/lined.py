"""YAML whose mappings know the lines of their keys."""

from collections.abc import Iterator
from typing import Any

import yaml


class Lined(dict[str, Any]):
    """A mapping of a file, with the line of each key."""

    lines: dict[str, int]
    line: int


class _Loader(yaml.SafeLoader):
    pass


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Lined:
    loader.flatten_mapping(node)
    made = Lined()
    made.line = node.start_mark.line + 1
    made.lines = {}
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node, deep=True))
        made[key] = loader.construct_object(value_node, deep=True)
        made.lines[key] = key_node.start_mark.line + 1
    return made


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
for _tag in ("!reset", "!override"):  # compose's own
    _Loader.add_constructor(_tag, lambda loader, node: None)


def documents(text: str) -> Iterator[Lined]:
    """The mappings of a file. Raises `yaml.YAMLError`."""
    for document in yaml.load_all(text, _Loader):
        if isinstance(document, Lined):
            yield document


def child(parent: Any, *path: str) -> Lined:
    """A mapping below another one; an empty one where it is not there."""
    for name in path:
        parent = parent.get(name) if isinstance(parent, dict) else None
    if isinstance(parent, Lined):
        return parent
    empty = Lined()
    empty.line, empty.lines = 1, {}
    return empty
