"""The catalogue as data: which intents are known, and what their payloads must hold.

The document is generated from the classes of ``interhost_hookspecs`` (``make schema``; a test compares the two). It is
read here as data because attrs and the classes cost a publisher 30 ms that a 20 KB file does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from interhost.bus.envelope import INTENT
from interhost.errors import InputError, UnknownIntentError

SCHEMA = Path(__file__).with_name("interbus.schema.json")


@cache
def envelope_schema() -> Mapping[str, Any]:
    """The JSON Schema of the envelope; ``$defs`` has one payload per ``name@major``."""
    loaded: Mapping[str, Any] = json.loads(SCHEMA.read_bytes())
    return loaded


def payload_schema(major: str) -> Mapping[str, Any] | None:
    """JSON Schema of the payload of ``name@major``, or ``None`` when the catalogue does not have it."""
    schema: Mapping[str, Any] | None = envelope_schema()["$defs"].get(major)
    return schema


@cache
def canonical_intents() -> dict[str, str]:
    """Canonical name to the version this host knows, as ``name@major.minor``, in the order of the catalogue."""
    return {major.partition("@")[0]: schema["x-intent"] for major, schema in envelope_schema()["$defs"].items()}


def resolve_intent(text: str, *, allow_unknown: bool = False) -> str:
    """Complete and check an intent: ``review_pass`` becomes ``review_pass@1.0``.

    Args:
        text: Name, with or without version.
        allow_unknown: Accept names and majors that the catalogue does not have. They need a version.

    Raises:
        InputError: Malformed name or version.
        UnknownIntentError: Not in the catalogue and not allowed; names the nearest.
    """
    match = INTENT.fullmatch(text)
    if match is None:
        raise InputError(
            f"intent {text!r}: expected name@major.minor, such as review_pass@1.0",
            hint="names are lower case; there is no patch level",
        )
    name, major = match["name"], match["major"]
    known = canonical_intents().get(name)
    if major is None:
        if known:
            return known
        if allow_unknown:
            raise InputError(f"intent {text!r}: an unknown intent needs a version", hint=f"write {text}@1.0")
    elif allow_unknown or (known and payload_schema(f"{name}@{major}") is not None):
        return text
    raise _unknown(text, name, known)


def _unknown(text: str, name: str, known: str | None) -> UnknownIntentError:
    store = "--allow-unknown stores it as it is"
    if known:
        return UnknownIntentError(f"intent {text!r}: this host knows {known}", text, known, hint=store)
    import difflib

    nearest = next(iter(difflib.get_close_matches(name, canonical_intents(), 1, 0.5)), "")
    meant = f"; did you mean {nearest}?" if nearest else ""
    return UnknownIntentError(f"unknown intent {text!r}{meant}", text, nearest, hint=f"'interbus catalog'; {store}")
