"""List the intents of the catalogue, or explain one: its keys, who produces it, who consumes it.

interbus catalog
interbus catalog review_pass
interbus catalog --schema        the envelope's JSON Schema
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any

from interhost.bus.catalogue import SCHEMA, canonical_intents, payload_schema, resolve_intent
from interhost.cli.output import add_format_options, print_json, print_table, wants_table
from interhost.errors import UnknownIntentError
from interhost.host.registry import AdapterEntry, list_adapters


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("name", nargs="?", help="explain this intent")
    parser.add_argument("--schema", action="store_true", help="print the envelope's JSON Schema, payloads included")
    add_format_options(parser)


def run(args: argparse.Namespace) -> int:
    """Show the catalogue."""
    if args.schema:
        print(SCHEMA.read_text("utf-8"), end="")
        return 0
    adapters = list_adapters()
    if args.name is not None:
        record = explain_intent(find_intent(args.name), adapters)
        _explain(record) if wants_table(args) else print_json(record)
        return 0
    records = [explain_intent(intent, adapters) for intent in canonical_intents().values()]
    if wants_table(args):
        print_table(
            ("INTENT", "REQUIRED", "PRODUCED BY", "CONSUMED BY", "SAYS"),
            [
                (one["intent"], *(", ".join(one[key]) for key in ("required", "producers", "consumers")), one["says"])
                for one in records
            ],
        )
    else:
        for record in records:
            print_json(record)
    return 0


def find_intent(name: str) -> str:
    """The intent of the catalogue that a name, with or without version, means.

    Raises:
        InputError: It can be none.
        UnknownIntentError: The catalogue does not have it.
    """
    try:
        return resolve_intent(name)
    except UnknownIntentError as error:
        error.hint = "'interbus catalog' lists every intent"  # there is nothing to store here
        raise


def explain_intent(intent: str, adapters: list[AdapterEntry]) -> dict[str, Any]:
    """Everything about one canonical intent: what it says, its keys, and who of the installed has to do with it."""
    major = intent.rpartition(".")[0]
    schema = payload_schema(major) or {}
    offers = [(entry.name, entry.interbus) for entry in adapters if entry.interbus]
    return {
        "intent": intent,
        "says": schema["description"],
        "required": schema["required"],
        "keys": dict(_keys(schema)),
        "producers": [name for name, offer in offers if any(one.startswith(f"{major}.") for one in offer.produces)],
        "consumers": [name for name, offer in offers if major in offer.consumes or "*" in offer.consumes],
        "example": {key: _example(schema["properties"][key]) for key in schema["required"]},
    }


def _keys(schema: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, object]]]:
    """Every key with its type and meaning, those of nested objects included."""
    for key, value in schema["properties"].items():
        name, required = prefix + key, key in schema["required"]
        yield name, {"type": _type(value), "required": required, "means": value["description"]}
        inner = value.get("items", value)
        if "properties" in inner:
            yield from _keys(inner, f"{name}[]." if "items" in value else f"{name}.")


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join("null" if option is None else option for option in schema["enum"])
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    names = [f"list of {_type(schema['items'])}" if name == "array" else name for name in types]
    return " | ".join(names)


def _example(schema: Mapping[str, Any]) -> object:
    """A value that fits, for showing."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    return {"string": "…", "integer": 1, "number": 1.5, "boolean": True, "array": [], "object": {}}[kind]


def _explain(record: Mapping[str, Any]) -> None:
    print(f"{record['intent']}\n{record['says']}\n")
    print_table(
        ("KEY", "TYPE", "REQUIRED", "MEANS"),
        [
            (key, value["type"], "yes" if value["required"] else "", value["means"])
            for key, value in record["keys"].items()
        ],
    )
    print(f"\nproduced by  {', '.join(record['producers']) or 'nobody here'}")
    print(f"consumed by  {', '.join(record['consumers']) or 'nobody here'}")
    example = json.dumps(record["example"], ensure_ascii=False)
    print(f"example      interbus publish {record['intent'].partition('@')[0]} --payload '{example}'")
