"""Hook events and intents that an adapter must survive: as documented, damaged, and hostile."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import attrs

from interhost_hookspecs.catalogue import Payload
from interhost_hookspecs.intent import Intent
from interhost_hookspecs.testing.hook_events import HOOK_EVENTS, TOOL_EVENTS, TOOLS, hook_payload
from interhost_hookspecs.testing.intents import make_intent

HOSTILE = "a'b\"c\n$(touch x)`x`;\x1b]0;x\x07\x00../../é"
"""A text that breaks quoting, lines, terminals and paths."""

ODD = "a'b\"c $(touch x) ../é"
"""The oddest context that the bus lets in: without control characters."""

WRONG: tuple[object, ...] = (None, True, 7, 1.5, "", HOSTILE, "x" * 5000, [], [None], {}, {"x": [{}]})
"""Values that stand where a document has something else."""


def list_documents() -> Iterator[tuple[str, dict[str, object]]]:
    """Every event, of every tool; then each with one key away or wrong, also within tool input and response.

    Yields:
        What is special about it, and the document from standard input.
    """
    for event in HOOK_EVENTS:
        for tool in TOOLS if event in TOOL_EVENTS else (None,):
            label = f"{event}:{tool}" if tool else event
            whole = hook_payload(event, tool_name=tool)
            yield label, whole
            for path in _list_paths(whole):
                yield f"{label} without {'.'.join(path)}", _change(whole, path)
                for value in WRONG:
                    yield f"{label} with {'.'.join(path)} = {value!r:.40}", _change(whole, path, value)
    yield "an unknown event", hook_payload("BrandNewEvent")
    yield "an empty document", {}


def list_intents(cls: type[Payload] | None, own: list[str], home: Path) -> Iterator[tuple[str, Intent[object]]]:
    """Intents with as little in them as can be, in every wording of their enumerations; then with hostile texts.

    Args:
        cls: The payload class; ``None`` for what arrives in ``on_intent``.
        own: Names with majors that arrive there.
        home: The empty home, in which no file exists.
    """
    payloads: list[object] = [{}, {"text": HOSTILE}] if cls is None else list(_list_payloads(cls))
    paths = (None, home / "gone.md", home, home / ("x" * 5000), home / HOSTILE.replace("/", "-").replace("\0", ""))
    for payload in payloads:
        for path in paths:
            for context in ("project:widgets", "iv-abc1", ODD):
                intent = make_intent(payload, context_id=context, artifact_path=path)
                label = f"{payload!r:.200} about {context!r:.20} with {str(path)!r:.60}"
                yield label, intent
                yield label, attrs.evolve(intent, project_dir=home)
    for name in own if cls is None else []:
        yield name, attrs.evolve(make_intent({}), name=name.partition("@")[0], version=f"{name.partition('@')[2]}.0")


def _list_paths(document: Mapping[str, object]) -> Iterator[tuple[str, ...]]:
    for key, value in document.items():
        if key == "hook_event_name":
            continue
        yield (key,)
        if isinstance(value, dict):
            yield from ((key, inner) for inner in value)


_GONE = object()


def _change(document: Mapping[str, object], path: tuple[str, ...], value: object = _GONE) -> dict[str, object]:
    key, *rest = path
    changed = dict(document)
    if rest:
        inner = document[key]
        changed[key] = _change(inner if isinstance(inner, dict) else {}, tuple(rest), value)
    elif value is _GONE:
        del changed[key]
    else:
        changed[key] = value
    return changed


def _list_payloads(cls: type[Any]) -> Iterator[Payload]:
    """Payloads with the required keys only; each value of an enumeration once, texts plain and hostile."""
    hints = typing.get_type_hints(cls)
    required = [one.name for one in attrs.fields(cls) if one.default is attrs.NOTHING]
    fields = {name: hints[name] for name in required}
    for text in ("x", HOSTILE):
        plain = {name: sample(hint, text)[0] for name, hint in fields.items()}
        yield cls(**plain)
        for name, hint in fields.items():
            yield from (cls(**{**plain, name: value}) for value in sample(hint, text)[1:])


def sample(hint: object, text: str) -> list[object]:
    """Values of a type."""
    if isinstance(hint, types.UnionType):
        return [value for one in typing.get_args(hint) for value in sample(one, text)]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return list(hint)
    samples: dict[object, list[object]] = {str: [text], types.NoneType: [None], int: [0], float: [0.0], bool: [True]}
    origin = typing.get_origin(hint) or hint
    return samples.get(origin, [() if origin is tuple else {}])
