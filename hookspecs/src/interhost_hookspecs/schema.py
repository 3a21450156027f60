"""The envelope and the payloads as JSON Schema, generated from the classes.

``python -m interhost_hookspecs.schema`` prints the document that the bus carries and checks payloads against.
"""

from __future__ import annotations

import json
import sys
import types
import typing
from collections.abc import Mapping
from enum import StrEnum

import attrs

from interhost_hookspecs.catalogue import CATALOGUE, Payload
from interhost_hookspecs.intent import Severity

Schema = dict[str, object]

ULID = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
INTENT = r"^[a-z][a-z0-9_]{0,63}(\.[a-z][a-z0-9_-]{0,63})?@(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})$"
CONTEXT = r"^[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]{1,256}$"
ADAPTER = "^[a-z][a-z0-9-]{0,63}$"


def json_key(attribute: attrs.Attribute[object]) -> str:
    """The key that an attribute has in JSON."""
    return str(attribute.metadata.get("key", attribute.name))


def payload_schema(cls: type) -> Schema:
    """JSON Schema of one payload class, or of a class nested in one. Unknown keys are allowed: they are kept."""
    hints = typing.get_type_hints(cls)
    properties: dict[str, object] = {}
    required: list[str] = []
    for attribute in attrs.fields(cls):
        must = attribute.default is attrs.NOTHING
        schema = _type_schema(hints[attribute.name])
        if must and schema.get("type") == "string":
            schema["minLength"] = 1
        properties[json_key(attribute)] = {**schema, "description": attribute.metadata["doc"]}
        if must:
            required.append(json_key(attribute))
    return {"type": "object", "description": summary(cls), "required": required, "properties": properties}


def summary(cls: type) -> str:
    """First line of a class's docstring."""
    return (cls.__doc__ or "").strip().splitlines()[0]


def envelope_schema() -> Schema:
    """JSON Schema (2020-12) of the envelope; ``$defs`` holds one payload per ``name@major``."""
    text: Schema = {"type": "string"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Interbus envelope",
        "description": "One intent on the Interbus.",
        "type": "object",
        "required": [
            "event_id",
            "intent",
            "context_id",
            "artifact_path",
            "severity",
            "producer",
            "consumers",
            "source_hook",
            "payload",
            "extensions",
        ],
        "additionalProperties": False,
        "properties": {
            "event_id": {"type": "string", "pattern": ULID},
            "intent": {"type": "string", "pattern": INTENT},
            "context_id": {"type": "string", "pattern": CONTEXT},
            "artifact_path": {"type": ["string", "null"], "pattern": "^/"},
            "severity": {"enum": [level.value for level in Severity]},
            "producer": {"type": "string", "pattern": ADAPTER},
            "consumers": {"type": "array", "items": {"type": "string", "pattern": ADAPTER}},
            "source_hook": {"type": ["string", "null"]},
            "payload": {"type": "object"},
            "extensions": {
                "type": "object",
                "required": ["occurred_at", "project_dir", "door"],
                "properties": {
                    "occurred_at": {"type": "string"},
                    "project_dir": {"type": ["string", "null"]},
                    "door": {"enum": ["adapter", "hook", "cli", "spool"]},
                    "depth": {"type": "integer", "minimum": 0},
                    **{
                        key: dict(text)
                        for key in ("session_id", "prompt_id", "tool_use_id", "caused_by", "dedupe_key", "signature")
                    },
                },
            },
        },
        "allOf": [
            {
                "if": {"properties": {"intent": {"pattern": f"^{key}\\."}}},
                "then": {"properties": {"payload": {"$ref": f"#/$defs/{key}"}}},
            }
            for key in map(_key, CATALOGUE.values())
        ],
        "$defs": {_key(cls): {"x-intent": cls.INTENT, **payload_schema(cls)} for cls in CATALOGUE.values()},
    }


def _key(cls: type[Payload]) -> str:
    """``name@major``: what a consumer subscribes to."""
    return cls.INTENT.rpartition(".")[0]


def _type_schema(hint: object) -> Schema:
    """JSON Schema of one annotation; the handful of shapes that payload classes use."""
    simple = {str: "string", int: "integer", float: "number", bool: "boolean"}
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, type) and hint in simple:
        return {"type": simple[hint]}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"enum": [member.value for member in hint]}
    if isinstance(hint, type) and attrs.has(hint):
        return payload_schema(hint)
    if origin in (types.UnionType, typing.Union) and len(args) == 2 and type(None) in args:
        return _nullable(_type_schema(next(arg for arg in args if arg is not type(None))))
    if origin is tuple and args[1:] == (Ellipsis,):
        return {"type": "array", "items": _type_schema(args[0])}
    if origin is Mapping and args[0] is str:
        return (
            {"type": "object"}
            if args[1] is object
            else {
                "type": "object",
                "additionalProperties": _type_schema(args[1]),
            }
        )
    raise TypeError(f"payload classes cannot use {hint!r}: extend interhost_hookspecs.schema first")


def _nullable(schema: Schema) -> Schema:
    if isinstance(options := schema.get("enum"), list):
        return {"enum": [*options, None]}
    return {**schema, "type": [schema["type"], "null"]}


if __name__ == "__main__":
    json.dump(envelope_schema(), sys.stdout, indent=1)
    print()
