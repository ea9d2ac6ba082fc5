"""The few words of JSON Schema that our files need.

The package `jsonschema` takes longer to import than a small command runs. A word that is not known
here is an error, so that none is ignored.

Tests hold this against the package `jsonschema`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
_LEAST = {str: "minLength", list: "minItems"}
_ABOUT = {"$schema", "$id", "$defs", "title", "description"}
_WORDS = {
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "minimum",
    "maximum", "minItems", "minLength", "oneOf", "pattern", "$ref",
}  # fmt: skip


@cache
def load(package: str, file: str) -> Mapping[str, Any]:
    """The schema that lies in a package of ours: `load("unweave.core", "report.schema.json")`."""
    schema: Mapping[str, Any] = json.loads(
        (resources.files(package) / file).read_text(encoding="utf-8")
    )
    return schema


def fault(data: object, schema: Mapping[str, Any]) -> str | None:
    """The first fault that keeps `data` from being as in `schema`, in words; None: there is none.

    NaN and infinity count as numbers, as Python's JSON has them.
    """
    return next(_faults(data, schema, schema, "the document"), None)


def _faults(data: Any, schema: Any, root: Mapping[str, Any], at: str) -> Iterator[str]:
    unknown = set(schema) - _WORDS - _ABOUT
    if unknown:
        raise ValueError(f"the schema says {', '.join(sorted(unknown))}, which is not known here")
    if "$ref" in schema:
        yield from _faults(data, _definition(schema["$ref"], root), root, at)
    if "type" in schema:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(_is(data, kind) for kind in kinds):
            yield f"{at} is not {' or '.join(kinds)}"
            return
    if "const" in schema and data != schema["const"]:
        yield f"{at} is {data!r}, not {schema['const']!r}"
    if "enum" in schema and data not in schema["enum"]:
        yield f"{at} is {data!r}, not one of {', '.join(map(str, schema['enum']))}"
    if "minimum" in schema and _is(data, "number") and data < schema["minimum"]:
        yield f"{at} is {data}, below {schema['minimum']}"
    if "maximum" in schema and _is(data, "number") and data > schema["maximum"]:
        yield f"{at} is {data}, above {schema['maximum']}"
    if "pattern" in schema and isinstance(data, str) and not re.search(schema["pattern"], data):
        yield f"{at} is {data!r}"
    if isinstance(data, (str, list)) and len(data) < schema.get(_LEAST[type(data)], 0):
        yield f"{at} is too short"
    if "oneOf" in schema:
        found = [next(_faults(data, one, root, at), None) for one in schema["oneOf"]]
        if found.count(None) != 1:
            yield next((words for words in found if words), f"{at} is more than one thing")
    if isinstance(data, dict):
        yield from _object_faults(data, schema, root, at)
    if isinstance(data, list) and "items" in schema:
        for n, item in enumerate(data):
            yield from _faults(item, schema["items"], root, f"{at}[{n}]")


def _object_faults(
    data: dict[str, Any], schema: Any, root: Mapping[str, Any], at: str
) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in data:
            yield f"{at} has no {name!r}"
    known = schema.get("properties", {})
    for name, value in data.items():
        more = known.get(name, schema.get("additionalProperties", {}))
        if more is False:
            yield f"{at} has {name!r}, which is unknown"
        elif more is not True:
            yield from _faults(value, more, root, name)


def _is(data: object, kind: str) -> bool:
    if isinstance(data, bool) and kind != "boolean":
        return False
    return isinstance(data, _TYPES[kind])


def _definition(reference: str, root: Mapping[str, Any]) -> Any:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found
