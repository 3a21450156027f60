"""From the parts of a fact to an envelope: what is completed, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from interhost.bus.compose import compose
from interhost.bus.envelope import Envelope
from interhost.bus.ids import is_id, new_id
from interhost.errors import InputError, PayloadError, UnknownIntentError

PAYLOAD = '{ "text":  "é\\u00e9"\n}'
fact = partial(compose, intent="notify", payload=PAYLOAD, context_id="iv-a1", producer="cli", door="cli")


def test_what_is_left_out_is_filled_in() -> None:
    """An id, the full intent, the time, and the parts that nobody gave as empty; the payload stays as it was typed."""
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    envelope = fact()
    assert is_id(envelope.event_id)
    assert envelope._replace(event_id="", extensions={}) == Envelope(
        event_id="",
        intent="notify@1.0",
        context_id="iv-a1",
        artifact_path=None,
        severity="info",
        producer="cli",
        consumers=(),
        source_hook=None,
        payload=PAYLOAD,
        extensions={},
    )
    assert set(envelope.extensions) == {"occurred_at", "project_dir", "door"}
    assert (envelope.extensions["door"], envelope.extensions["project_dir"]) == ("cli", None)
    occurred_at = envelope.extensions["occurred_at"]
    assert isinstance(occurred_at, str)
    assert occurred_at.endswith("Z")
    assert before <= datetime.fromisoformat(occurred_at) <= datetime.now(UTC)


def test_what_is_given_is_kept() -> None:
    """Every part in its place, and each consumer once, in the order given."""
    event_id = new_id()
    envelope = fact(
        intent="notify@1.2",
        artifact_path="/srv/plan.md",
        severity="warn",
        consumers=["beta", "alpha", "beta"],
        source_hook="PostToolUse:Write",
        occurred_at=datetime(2026, 11, 20, 13, 30, 0, 123_456, tzinfo=timezone(timedelta(hours=2))),
        project_dir=Path("/srv"),
        session_id="session-1",
        dedupe_key="ic:db:1",
        extensions={"caused_by": "x", "depth": 2},
        event_id=event_id,
    )
    assert envelope[:8] == (
        event_id, "notify@1.2", "iv-a1", "/srv/plan.md", "warn", "cli", ("beta", "alpha"), "PostToolUse:Write"
    )  # fmt: skip
    assert envelope.extensions == {
        "caused_by": "x",
        "depth": 2,
        "occurred_at": "2026-11-20T11:30:00.123Z",
        "project_dir": "/srv",
        "door": "cli",
        "session_id": "session-1",
        "dedupe_key": "ic:db:1",
    }
    assert (envelope.name, envelope.major, envelope.caused_by, envelope.depth) == ("notify", "notify@1", "x", 2)


def test_what_the_host_says_cannot_be_overridden() -> None:
    """Door, project and time are the host's, whatever the open map of a producer holds."""
    forged = {"door": "adapter", "project_dir": "/elsewhere", "occurred_at": "yesterday"}
    extensions = fact(extensions=forged, door="spool", project_dir=Path("/srv")).extensions
    assert (extensions["door"], extensions["project_dir"]) == ("spool", "/srv")
    assert extensions["occurred_at"] != "yesterday"


@pytest.mark.parametrize(
    ("given", "project", "expected"),
    [
        ("docs/plan.md", "/srv/widgets", "/srv/widgets/docs/plan.md"),
        ("./docs/../plan.md", "/srv/widgets", "/srv/widgets/plan.md"),
        ("/etc/plan.md", "/srv/widgets", "/etc/plan.md"),
        ("plan.md", None, "{cwd}/plan.md"),
        ("plan.md", "below", "{cwd}/below/plan.md"),
        ("~/plan.md", "/srv", "/srv/~/plan.md"),
        (" plan é.md", "/srv", "/srv/ plan é.md"),
    ],
)
def test_an_artifact_path_is_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, project: str | None, expected: str
) -> None:
    """Relative ones begin in the project, else in the working directory; nothing is expanded."""
    monkeypatch.chdir(tmp_path)
    envelope = fact(artifact_path=given, project_dir=Path(project) if project else None)
    assert envelope.artifact_path == expected.format(cwd=tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"intent": "Notify"}, "intent 'Notify'"),
        ({"payload": "[]"}, "payload: expected a JSON object"),
        ({"payload": '{"text": "xx"}', "limit": 10}, "payload: 14 bytes"),
        ({"severity": "fatal"}, "severity 'fatal': expected one of info, warn, error"),
        ({"severity": "INFO"}, "severity 'INFO'"),
        ({"producer": ""}, "adapter name ''"),
        ({"producer": "Alpha"}, "adapter name 'Alpha'"),
        ({"producer": "al_pha"}, "adapter name 'al_pha'"),
        ({"producer": "alpha\n"}, "adapter name"),
        ({"producer": "a" * 65}, "adapter name"),
        ({"consumers": ["alpha", "1beta"]}, "adapter name '1beta'"),
        ({"context_id": ""}, "context: expected text"),
        ({"context_id": " \t"}, "context: expected text"),
        ({"context_id": "a\x1b[31m"}, r"context 'a\\x1b\[31m': control character '\\x1b' at 1"),
        ({"context_id": "a\nb"}, "context .*control character"),
        ({"context_id": "a\x7f"}, "context .*control character"),
        ({"context_id": "a\x9b31m"}, "context .*control character .* at 1"),
        ({"context_id": "ab\u202ecd"}, "context .*control character .* at 2"),
        ({"source_hook": "a\u2028b"}, "source hook .*control character"),
        ({"context_id": "\ud83d"}, r"context '\\ud83d': .* 0$"),
        ({"context_id": "é" * 129}, "context .*258 bytes, the limit is 256"),
        ({"artifact_path": ""}, "artifact path: expected text"),
        ({"artifact_path": "a\0b"}, "artifact path .*control character"),
        ({"artifact_path": "x" * 4097}, "artifact path .*the limit is 4096"),
        ({"source_hook": "a\nb"}, "source hook .*control character"),
        ({"source_hook": "x" * 1025}, "source hook .*the limit is 1024"),
        ({"session_id": "a\rb"}, "session id .*control character"),
        ({"dedupe_key": "\t"}, "dedupe key: expected text"),
        ({"occurred_at": datetime(2026, 11, 20, 12)}, "occurred_at 2026-11-20T12:00:00: expected a time zone"),
        ({"extensions": {"x": float("nan")}}, "extensions: not JSON"),
        ({"extensions": {"x": Path("/srv")}}, "extensions: not JSON"),
    ],
    ids=str,
)  # fmt: skip
def test_a_part_that_is_not_valid_is_named(changes: dict[str, Any], words: str) -> None:
    """One printable line with the part and the value; nothing gets onto the bus that could forge a terminal's line."""
    with pytest.raises(InputError, match=f"^{words}") as caught:
        fact(**changes)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250


def test_every_refusal_keeps_its_kind() -> None:
    """Callers can tell an unknown intent from a payload that does not fit, and both are bad input."""
    with pytest.raises(UnknownIntentError):
        fact(intent="tool.used@1.0")
    with pytest.raises(PayloadError):
        fact(payload="{}")
    assert fact(intent="tool.used@1.0", payload="{}", allow_unknown=True).intent == "tool.used@1.0"


def test_longest_values_are_taken() -> None:
    """A limit is the last value that is right."""
    envelope = fact(context_id="é" * 128, producer="a" * 64, source_hook="x" * 1024, session_id="s" * 1024)
    assert (len(envelope.context_id), len(envelope.producer)) == (128, 64)


# As JSON -------------------------------------------------------------------------------------------------------------


def test_json_is_one_line_with_the_producers_own_words() -> None:
    """Line breaks between tokens become spaces, everything else of the payload stays, and it reads back the same."""
    envelope = fact(payload='{\r\n "text": "é\\n\\u00e9", "n": 1.50\n}', severity="error")
    text = envelope.to_json(seq=7)
    assert "\n" not in text
    assert "\r" not in text
    assert '{   "text": "é\\n\\u00e9", "n": 1.50 }' in text
    loaded = json.loads(text)
    assert next(iter(loaded)) == "seq"
    assert loaded["payload"] == {"text": "é\né", "n": 1.5}
    assert loaded["severity"] == "error"
    assert set(loaded) == {"seq", *Envelope._fields}


def test_a_cloudevent_has_the_envelope_inside() -> None:
    """Type, source, id, subject and time are the envelope's; the rest is in its data."""
    envelope = fact(consumers=("alpha",), artifact_path="/srv/x")
    event = json.loads(envelope.to_cloudevent())
    data = event.pop("data")
    assert event == {
        "specversion": "1.0",
        "id": envelope.event_id,
        "type": "notify@1.0",
        "source": "/interbus/cli",
        "subject": "iv-a1",
        "time": envelope.extensions["occurred_at"],
        "datacontenttype": "application/json",
    }
    assert data == {
        "artifact_path": "/srv/x",
        "severity": "info",
        "consumers": ["alpha"],
        "source_hook": None,
        "extensions": envelope.extensions,
        "payload": json.loads(PAYLOAD),
    }
