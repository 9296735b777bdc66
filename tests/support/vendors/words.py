"""What the local text vendors answer: a value that fits the schema they were sent."""

import json
from typing import Any

LYRIC = {
    "title": "Harbor Light",
    "text": "[Verse]\nWarm bread in the morning light\nBoats come home out of the night\n\n"
    "[Chorus]\nHarbor Light, you call my name\nHarbor Light, I'm glad I came",
    "language": "en",
}

KNOWN = {frozenset(LYRIC): json.dumps(LYRIC)}
"""What is said where a schema has exactly these fields."""


def fitting(schema: Any) -> str:
    """JSON for a schema: what is known for its fields, else the emptiest value that fits."""
    known = KNOWN.get(frozenset(schema.get("properties", {})))
    return known or json.dumps(_value(schema, schema.get("$defs", {})))


def _value(schema: Any, defs: Any) -> Any:
    if "$ref" in schema:
        return _value(defs[schema["$ref"].rpartition("/")[2]], defs)
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _value(schema["anyOf"][0], defs)
    match schema.get("type"):
        case "object":
            return {name: _value(part, defs) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [_value(schema["items"], defs)]
        case "integer" | "number":
            return 1
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return "word"
