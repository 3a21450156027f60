"""Whether a payload is of its class: the host refuses one that is not, and with it the whole look."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from interhost_hookspecs.intent import Draft


def list_misfits(drafts: Iterable[Draft]) -> Iterator[str]:
    """What is wrong with drafts, one line each."""
    for draft in drafts:
        if isinstance(draft.payload, Mapping):
            if not draft.intent:
                yield f"told {dict(draft.payload)!r:.80} without 'intent'; a plain mapping needs one"
            continue
        cls: type[Any] = type(draft.payload)
        hints = typing.get_type_hints(cls)
        for one in attrs.fields(cls):
            value = getattr(draft.payload, one.name)
            if not _is(value, hints[one.name]) or (value == "" and one.default is attrs.NOTHING):
                yield f"told a {cls.__name__} whose {one.name!r} is {value!r:.60}; the host refuses it"


def _is(value: object, hint: object) -> bool:
    """Whether a value is of a type that a payload class may have."""
    origin, arguments = typing.get_origin(hint) or hint, typing.get_args(hint)
    if isinstance(hint, types.UnionType):
        return any(_is(value, one) for one in arguments)
    if origin is tuple:
        return isinstance(value, tuple | list) and all(_is(one, arguments[0]) for one in value)
    if isinstance(value, bool):
        return hint in (bool, object)
    if hint is float:
        return isinstance(value, int | float)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(_is(one, arguments[1]) for one in value.values())
    return isinstance(origin, type) and isinstance(value, origin)
