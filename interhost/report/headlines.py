"""One sentence for each fact, in words a person would use. A payload may hold anything; what is odd is left out.

Source: the catalogue (design section 5).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from types import MappingProxyType

from interhost_hookspecs.reading import first_line, one_line

from interhost.bus.envelope import Envelope

Payload = Mapping[str, object]


def headline(envelope: Envelope, payload: Payload) -> str:
    """What happened, in one line; a module's own intent is shown by its name and payload."""
    tell = _TELL.get(envelope.name)
    if tell is None:
        return one_line(f"{envelope.name} {json.dumps(payload, ensure_ascii=False)}") or envelope.name
    return one_line(tell(payload, envelope)) or envelope.name


def _text(payload: Payload, *keys: str) -> str:
    return first_line(payload, *keys) or ""


def _more(text: str, before: str = ": ") -> str:
    """Something that may be there, behind what stands before it."""
    return f"{before}{text}" if text else ""


def _file(envelope: Envelope) -> str:
    return PurePath(envelope.artifact_path).name if envelope.artifact_path else ""


def _work(payload: Payload, envelope: Envelope) -> str:
    verb = "chosen" if payload.get("selected") is True else "found"
    return f"work {verb}: {_text(payload, 'title')}{_more(_text(payload, 'action'), ', next: ')}"


def _sprint(payload: Payload, envelope: Envelope) -> str:
    return f"sprint began ({_text(payload, 'trigger')}){_more(_text(payload, 'goal'))}"


def _phase(payload: Payload, envelope: Envelope) -> str:
    came = _more(_text(payload, "from"), " from ")
    return f"moved{came} to {_text(payload, 'to')}{_more(_text(payload, 'reason'))}"


def _artifact(payload: Payload, envelope: Envelope) -> str:
    verb = {"removed": "removed", "updated": "changed"}.get(_text(payload, "change"), "ready")
    return f"{_text(payload, 'kind')} {verb}{_more(_text(payload, 'title') or _file(envelope))}"


def _review(payload: Payload, envelope: Envelope) -> str:
    verdict = _text(payload, "verdict") or "a report that could not be read"
    counts = ", ".join(_counts(payload))
    subject = f" of {_file(envelope)}" if envelope.artifact_path else ""
    return f"review{subject} finished: {verdict}{f' ({counts})' if counts else ''}"


def _counts(payload: Payload) -> Iterator[str]:
    counts = payload.get("counts")
    for name, count in counts.items() if isinstance(counts, Mapping) else ():
        if isinstance(count, int) and count:
            yield f"{count} {name}"


def _gate(payload: Payload, envelope: Envelope) -> str:
    target = _more(_text(payload, "target"), " to ")
    return f"gate{target}: {_text(payload, 'outcome').replace('_', ' ')}{_more(_text(payload, 'reason'))}"


_COORDINATION = MappingProxyType(
    {
        "claim": "claimed",
        "reserve": "reserved",
        "release": "released",
        "expire": "no longer held",
        "conflict": "wanted by two",
        "blocked": "blocked",
        "negotiate": "asked for",
        "commit": "committed",
    }
)


def _coordination(payload: Payload, envelope: Envelope) -> str:
    action = _text(payload, "action")
    who = _text(payload, "holder.name", "holder.session_id", "holder.id")
    wants = _text(payload, "requester.name", "requester.session_id", "requester.id")
    said = f"{_text(payload, 'resource_id')} {_COORDINATION.get(action, action)}"
    return f"{said}{_more(who, ', held by ')}{_more(wants, ', for ')}{_more(_text(payload, 'reason'))}"


def _drift(payload: Payload, envelope: Envelope) -> str:
    subject = _more(_file(envelope), " of ")
    return f"drift{subject} ({_text(payload, 'kind')}){_more(_text(payload, 'detail', 'actual', 'signal'))}"


def _health(payload: Payload, envelope: Envelope) -> str:
    signal = _text(payload, "signal").replace("_", " ")
    return f"{signal} is {_text(payload, 'level')}{_more(_text(payload, 'detail'))}"


def _release(payload: Payload, envelope: Envelope) -> str:
    what = " ".join(filter(None, [_text(payload, "module"), _text(payload, "version")]))
    trial = " (dry run)" if payload.get("dry_run") is True else ""
    return f"release {_text(payload, 'state')}{trial}{_more(what)}{_more(_text(payload, 'reason'), ', ')}"


def _notify(payload: Payload, envelope: Envelope) -> str:
    return f"to be told{_more(_text(payload, 'recipient'), ' to ')}: {_text(payload, 'title', 'text')}"


_TELL: Mapping[str, Callable[[Payload, Envelope], str]] = MappingProxyType(
    {
        "discover_work": _work,
        "start_sprint": _sprint,
        "phase_transition": _phase,
        "artifact_ready": _artifact,
        "review_pass": _review,
        "gate_result": _gate,
        "coordination": _coordination,
        "drift_detected": _drift,
        "health_signal": _health,
        "release_status": _release,
        "notify": _notify,
    }
)
