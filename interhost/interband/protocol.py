"""The rules of the protocol: names, documents, payloads, envelopes.

This module and :mod:`interhost.interband.store` are also what ``interband.sh`` runs, from here or from copies beside
it: so they import little, nothing else of interhost, and work with Python 3.8.

Source: specification "Interband Sideband Protocol (v1)"; design section 10.12; section 1.2 of the reference on wave 2.
docs/interband.md has the decisions on odd files, with their reasons.
"""

from __future__ import annotations

import json
import math
import re
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, NoReturn

VERSION = "1.0.0"
MAX_BYTES = 1 << 20
MAX_DIGITS = 4300
TEMPORARY = ".interband-tmp."
FIELDS = ("version", "namespace", "type", "session_id", "timestamp", "payload")
PHASES = (
    *("brainstorm", "brainstorm-reviewed", "strategized", "planned"),
    *("plan-reviewed", "executing", "shipping", "done"),
)
LEVELS = ("green", "yellow", "orange", "red")

_TEXT = "a string that is not blank"
_NUMBER = "a number"
_COUNT = "a number >= 0"
_PERCENT = "a number from 0 to 100"
_TIME = "an RFC 3339 time in UTC, such as 2026-02-17T12:00:00Z"
_PHASE = f"one of {', '.join(PHASES)}"
_LEVEL = f"one of {', '.join(LEVELS)}"
KNOWN: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("interphase", "bead_phase"): {"id": _TEXT, "phase": _PHASE, "reason": _TEXT, "ts": _NUMBER},
    ("clavain", "dispatch"): {
        "name": _TEXT,
        "workdir": _TEXT,
        "started": _NUMBER,
        "activity": _TEXT,
        "turns": _NUMBER,
        "commands": _NUMBER,
        "messages": _NUMBER,
    },
    ("interlock", "coordination_signal"): {
        "layer": _TEXT,
        "icon": _TEXT,
        "text": _TEXT,
        "priority": _COUNT,
        "ts": _TIME,
    },
    ("intercheck", "context_pressure"): {"level": _LEVEL, "pressure": _COUNT, "est_tokens": _COUNT, "ts": _NUMBER},
    ("intercheck", "checkpoint_needed"): {"trigger": _TEXT, "ts": _NUMBER},
    ("interstat", "budget_alert"): {
        "pct_consumed": _PERCENT,
        "total_tokens": _COUNT,
        "session_id": _TEXT,
        "ts": _NUMBER,
    },
}
"""Keys that the payload of a known namespace and type must have, each with its rule; the rule is also its text."""

_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
# Compiled when first used: most calls never need it, and it would be a tenth of a shell's call.
_RFC3339 = r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]+)?(Z|[+-]00:00)"


class ProtocolError(ValueError):
    """What was given or found does not keep the protocol; ``str()`` says in one line why.

    Attributes:
        problems: For a payload, each problem as (key, rule, value).
    """

    def __init__(self, message: str, problems: Sequence[tuple[str, str, str]] = ()) -> None:
        """Keep the problems as data."""
        super().__init__(message)
        self.problems = list(problems)


# Names ---------------------------------------------------------------------------------------------------------------


def is_name(text: str) -> bool:
    """Whether a text can be a namespace or channel: a plain file name that is neither hidden nor a way out."""
    return text != "" and text[0] not in ".-" and _SAFE.issuperset(text)


def safe_key(key: str) -> str:
    """A key as a file name: everything outside ``[A-Za-z0-9._-]`` becomes ``_``, one per character."""
    return "".join(one if one in _SAFE else "_" for one in key) or "default"


def is_temporary(name: str) -> bool:
    """Whether a file is another writer's unfinished work: ours, the published library's, or the kernel's."""
    return name.startswith(TEMPORARY) or ".json.tmp." in name


# Documents -----------------------------------------------------------------------------------------------------------


def decode(data: bytes) -> dict[str, Any]:
    """One JSON object in UTF-8.

    Raises:
        ProtocolError: Anything else; more than 1 MiB; a key that stands twice; a number that is not finite or has more
            than 4,300 digits; half of a surrogate pair.
    """
    if len(data) > MAX_BYTES:
        raise ProtocolError(f"more than {MAX_BYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig")
        value = _decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise ProtocolError(f"not UTF-8 at byte {error.start}") from None
    except UnicodeEncodeError:
        raise ProtocolError("a string has half of a surrogate pair") from None
    except RecursionError:
        raise ProtocolError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ProtocolError(_not_json(text, error)) from None
    if not isinstance(value, dict):
        raise ProtocolError(f"expected a JSON object, got {show(value)}")
    return value


def encode(document: Mapping[str, Any]) -> bytes:
    """A document as one line of JSON in ASCII, which no locale can spoil; what it gives, :func:`decode` takes.

    Raises:
        ProtocolError: It cannot be written as JSON, or breaks a rule of :func:`decode`.
    """
    try:
        text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"cannot be written as JSON: {error}") from None
    data = text.encode("ascii") + b"\n"
    decode(data)
    return data


def show(value: object) -> str:
    """A value for an error message, on one line of at most 60 characters."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."


def _not_json(text: str, error: json.JSONDecodeError) -> str:
    if not text.strip():
        return "empty"
    if error.msg == "Extra data":
        return f"more than one JSON document: the second begins at line {error.lineno}, column {error.colno}"
    return f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ProtocolError(f"key {twice!r} stands twice in one object")
    return result


def _integer(text: str) -> int:
    # Python refuses longer ones by itself, for reading them takes quadratic time, but does not say which number it was.
    if len(text) > MAX_DIGITS:
        raise ProtocolError(f"a number has {len(text):,} digits; at most {MAX_DIGITS:,} are read")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ProtocolError(f"number {text[:40]} is too large to be finite")
    return value


def _not_finite(text: str) -> NoReturn:
    raise ProtocolError(f"{text} is not JSON; numbers must be finite")


_decode = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_finite, parse_constant=_not_finite
).decode


# Payloads ------------------------------------------------------------------------------------------------------------


def payload_problems(
    namespace: str, kind: str, payload: Mapping[str, Any], *, any_phase: bool = False
) -> list[tuple[str, str, str]]:
    """What is wrong with a payload, each as (key, rule, value); nothing for an unknown namespace and type.

    Args:
        namespace: Of the envelope.
        kind: ``type`` of the envelope.
        payload: The payload.
        any_phase: Accept every phase that is not blank: kernel and sprints write more than the published eight.
    """
    problems = []
    for key, rule in KNOWN.get((namespace, kind), {}).items():
        rule = _TEXT if any_phase and rule is _PHASE else rule
        if key not in payload:
            problems.append((key, rule, "nothing"))
        elif not _FITS[rule](payload[key]):
            problems.append((key, rule, show(payload[key])))
    return problems


def check_payload(namespace: str, kind: str, payload: Mapping[str, Any], *, any_phase: bool = False) -> None:
    """Refuse a payload that has problems.

    Raises:
        ProtocolError: Names each key, its rule and the value.
    """
    if problems := payload_problems(namespace, kind, payload, any_phase=any_phase):
        told = "; ".join(f"key '{key}': expected {rule}, got {value}" for key, rule, value in problems)
        raise ProtocolError(f"{namespace}/{kind}: {told}", problems)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_FITS: Mapping[str, Callable[[Any], bool]] = {
    _TEXT: lambda value: isinstance(value, str) and bool(value.strip()),
    _NUMBER: _is_number,
    _COUNT: lambda value: _is_number(value) and value >= 0,
    _PERCENT: lambda value: _is_number(value) and 0 <= value <= 100,
    _TIME: lambda value: isinstance(value, str) and re.fullmatch(_RFC3339, value) is not None,
    _PHASE: lambda value: isinstance(value, str) and value in PHASES,
    _LEVEL: lambda value: isinstance(value, str) and value in LEVELS,
}


# Envelopes -----------------------------------------------------------------------------------------------------------


def compose(
    namespace: str, kind: str, session_id: str, payload: Mapping[str, Any], *, now: float | None = None
) -> dict[str, Any]:
    """A new envelope, its fields in the order of the specification."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    return dict(zip(FIELDS, (VERSION, namespace, kind, session_id, moment, payload)))  # noqa: B905 - runs on 3.8, too


def check_envelope(document: Mapping[str, Any]) -> None:
    """Refuse what no reader of version 1 may use; only version and payload are looked at.

    Raises:
        ProtocolError: Says what is wrong; of a later version, that the reader is too old for it.
    """
    version = document.get("version")
    if not isinstance(version, str) or not version.startswith("1."):
        if isinstance(version, str) and (later := re.match(r"(\d+)\.", version)):
            raise ProtocolError(f"an envelope of version {later[1]}, and this reader knows version 1: update interhost")
        raise ProtocolError(_wrong(document, "version", 'a string that starts with "1."'))
    if not isinstance(document.get("payload"), dict):
        raise ProtocolError(_wrong(document, "payload", "an object"))


def _wrong(document: Mapping[str, Any], key: str, rule: str) -> str:
    if key in document:
        return f"key '{key}': expected {rule}, got {show(document[key])}"
    like = [other for other in document if other.lower() == key]
    return f"no key '{key}'" + (f"; {like[0]!r} is not the same" if like else "")
