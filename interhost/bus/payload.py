"""Payloads: JSON text in, a checked object out, and errors that name key, rule and value.

The producer's text is what is stored; what is parsed here only decides whether it may be.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import Any

from interhost.bus.catalogue import payload_schema
from interhost.errors import InputError, PayloadError

MAX_BYTES = 1 << 20
"""Default limit of a payload's text, in bytes."""

_KINDS = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
    dict: "object",
    type(None): "null",
}
_SHOWN = 5
Problem = tuple[str, str, str]


def parse_payload(text: str, *, limit: int = MAX_BYTES) -> dict[str, Any]:
    """Parse a payload's text.

    Args:
        text: JSON, which must be one object.
        limit: Most bytes it may have in UTF-8.

    Raises:
        InputError: Too large, not UTF-8, not JSON, not an object, a duplicate key, a number that is not finite.
    """
    try:
        size = len(text) if text.isascii() else len(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise InputError(f"payload: not valid UTF-8 at character {error.start}") from None
    if size > limit:
        raise InputError(
            f"payload: {size:,} bytes, the limit is {limit:,}",
            hint="put the content into a file and publish its path with --artifact",
        )
    try:
        value = _decode(text)
    except json.JSONDecodeError as error:
        raise InputError(f"payload: not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise InputError("payload: nested too deeply") from None
    except ValueError:  # an integer beyond the interpreter's limit of digits
        raise InputError(f"payload: a number has more than {sys.get_int_max_str_digits():,} digits") from None
    if not isinstance(value, dict):
        raise InputError(
            f"payload: expected a JSON object, got {_KINDS[type(value)]}", hint="""such as '{"kind": "plan"}'"""
        )
    return value


def check_payload(intent: str, payload: Mapping[str, Any]) -> None:
    """Hold a payload against its intent's class. Unknown intents and unknown keys pass.

    Raises:
        PayloadError: A required key is missing, or a known key has a wrong type or value.
    """
    schema = payload_schema(intent.rpartition(".")[0])
    problems: list[Problem] = []
    if schema:
        _check(payload, schema, "", problems)
    if not problems:
        return
    lines = [
        f"key {key!r}: missing, expected {expected}" if not given else f"key {key!r}: expected {expected}, got {given}"
        for key, expected, given in problems[:_SHOWN]
    ]
    more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    name = intent.partition("@")[0]
    raise PayloadError(
        f"payload of {intent}: {'; '.join(lines + more)}", problems, hint=f"'interbus catalog {name}' shows every key"
    )


def _check(value: Any, schema: Mapping[str, Any], path: str, problems: list[Problem]) -> None:
    """Note every way in which a value misses the part of JSON Schema that the catalogue's document uses."""
    if not _matches(value, schema):
        problems.append((path, _expected(schema), _show(value)))
    elif type(value) is dict:
        properties: Mapping[str, Any] = schema.get("properties", {})
        for key in schema.get("required", ()):
            if key not in value:
                problems.append((_join(path, key), _expected(properties[key]), ""))
        rest = schema.get("additionalProperties")
        for key, item in value.items():
            if inner := properties.get(key, rest):
                _check(item, inner, _join(path, key), problems)
    elif type(value) is list and "items" in schema:
        for index, item in enumerate(value):
            _check(item, schema["items"], f"{path}[{index}]", problems)


def _matches(value: Any, schema: Mapping[str, Any]) -> bool:
    kind, types = _KINDS[type(value)], schema.get("type")
    if types is None:
        return kind in ("string", "null") and value in schema["enum"]
    # ``types`` is a name or a list of names; no name is part of another.
    if kind in types:
        return kind != "string" or len(value) >= schema.get("minLength", 0)
    return (kind == "integer" and "number" in types) or (kind == "number" and "integer" in types and value.is_integer())


def _expected(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join("null" if option is None else option for option in schema["enum"])
    types = schema["type"]
    text = types if isinstance(types, str) else " or ".join(types)
    return f"non-empty {text}" if schema.get("minLength") else text


def _show(value: Any) -> str:
    try:
        text = json.dumps(value)
    except RecursionError:  # just shallow enough to be read
        text = "nested too deeply to show"
    return f"{_KINDS[type(value)]} {text if len(text) <= 40 else text[:37] + '...'}"


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        for twice, _ in pairs:
            if twice in seen:
                break
            seen.add(twice)
        raise InputError(f"payload: key {twice!r} stands twice in one object")
    return result


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise InputError(f"payload: number {text} is too large to be finite")
    return value


def _not_finite(text: str) -> float:
    raise InputError(f"payload: {text} is not JSON; numbers must be finite")


# One decoder for all payloads: json.loads would make a new one for each.
_decode = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_not_finite, parse_float=_finite).decode
