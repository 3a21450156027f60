"""Documents, payload rules and envelopes: what is accepted, what is refused, and in which words."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from interhost.errors import InputError
from interhost.interband.protocol import (
    KNOWN,
    PHASES,
    ProtocolError,
    check_envelope,
    check_payload,
    compose,
    decode,
    encode,
    payload_problems,
)
from interhost.interband.read import read_sideband

DOCS = Path(__file__).resolve().parents[2] / "docs" / "interband.md"
PLAIN: dict[str, Any] = {
    "version": "1.0.0",
    "namespace": "a",
    "type": "b",
    "session_id": "s",
    "timestamp": "2026-02-17T12:00:00Z",
    "payload": {"n": 1},
}


def with_(**fields: object) -> bytes:
    """The plain envelope with other fields."""
    return json.dumps({**PLAIN, **fields}).encode()


def without(*names: str) -> bytes:
    """The plain envelope without some fields."""
    return json.dumps({key: value for key, value in PLAIN.items() if key not in names}).encode()


def payload(text: str) -> bytes:
    """An envelope whose payload is this text."""
    return b'{"version":"1.0.0","payload":' + text.encode() + b"}"


ACCEPTED = {
    "unknown fields": with_(added={"by": ["a", "later"]}),
    "pretty-printed over several lines": json.dumps(PLAIN, indent=4).encode() + b"\r\n",
    "a number as timestamp": with_(timestamp=1771329600),
    "no timestamp": without("timestamp"),
    "no session_id": without("session_id"),
    "a number as session_id": with_(session_id=7),
    "no namespace, no type": without("namespace", "type"),
    "a namespace other than the folder's": with_(namespace="interpulse"),
    "a byte-order mark": b"\xef\xbb\xbf" + with_(),
    "a phase of the kernel": with_(
        namespace="interphase", type="bead_phase", payload={"id": "a", "phase": "reflect", "reason": "r", "ts": 1}
    ),
    "an integer of 40 digits": payload('{"n":' + "7" * 40 + "}"),
}
REFUSED = {
    "two documents in one file": (with_() + b"\n" + with_(), "more than one JSON document"),
    "keys in another case": (b'{"Version":"1.0.0","Payload":{}}', "no key 'version'; 'Version' is not the same"),
    "a number as version": (with_(version=1.0), "key 'version': expected a string that starts with \"1.\", got 1.0"),
    "a version without a dot": (with_(version="1"), "expected a string that starts with"),
    "a version 2 envelope": (with_(version="2.0.0"), "version 2, and this reader knows version 1: update interhost"),
    "no version": (without("version"), "no key 'version'"),
    "a bare payload": (b'{"id":"iv-1","phase":"planned"}', "no key 'version'"),
    "a payload that is no object": (with_(payload=["x"]), "key 'payload': expected an object, got [\"x\"]"),
    "no payload": (without("payload"), "no key 'payload'"),
    "a list instead of an object": (b"[1]", "expected a JSON object, got [1]"),
    "a key that stands twice": (payload('{"a":{"n":1,"n":2}}'), "key 'n' stands twice in one object"),
    "NaN or Infinity": (payload('{"n":NaN}'), "NaN is not JSON; numbers must be finite"),
    "a number beyond all floats": (payload('{"n":1e400}'), "number 1e400 is too large to be finite"),
    "an integer of 5,000 digits": (payload('{"n":' + "7" * 5000 + "}"), "a number has 5,000 digits"),
    "half of a surrogate pair": (payload('{"s":"\\ud83d"}'), "half of a surrogate pair"),
    "Latin-1": (payload('{"s":"X"}').replace(b"X", b"\xe9"), "not UTF-8 at byte"),
    "UTF-16": (with_().decode().encode("utf-16"), "not UTF-8 at byte 0"),
    "an empty file": (b"", "empty"),
    "a torn file": (with_()[:-5], "not JSON"),
    "zero bytes at the end": (with_() + b"\0\0", "more than one JSON document"),
    "nesting without end": (payload('{"n":' + "[" * 100_000), "nested too deeply"),
    "more than a mebibyte": (with_(payload={"s": "x" * 1_048_576}), "more than 1,048,576 bytes"),
}


def test_every_odd_file_of_the_docs_is_tested() -> None:
    """The table of docs/interband.md has exactly the files of these tests, each with the answer that they expect."""
    section = DOCS.read_text("utf-8").partition("## Odd files")[2]
    answers = dict(re.findall(r"^\| ([^|]+) \| (accepted|refused)\b", section, re.MULTILINE))
    assert answers == {**dict.fromkeys(ACCEPTED, "accepted"), **dict.fromkeys(REFUSED, "refused")}


@pytest.mark.parametrize("name", ACCEPTED)
def test_odd_file_is_accepted(name: str, tmp_path: Path) -> None:
    """What only looks odd is read, and its payload is what stands there."""
    path = tmp_path / "odd.json"
    path.write_bytes(ACCEPTED[name])
    found = read_sideband(path, check=True)
    assert found
    assert found.envelope.payload == json.loads(ACCEPTED[name].decode("utf-8-sig"))["payload"]


@pytest.mark.parametrize("name", REFUSED)
def test_odd_file_is_refused(name: str, tmp_path: Path) -> None:
    """What cannot be trusted is refused in one line that names the file and the reason."""
    data, reason = REFUSED[name]
    path = tmp_path / "odd.json"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_sideband(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_odd_fields_are_taken_for_absent(tmp_path: Path) -> None:
    """Envelope fields of another type say nothing; a number as timestamp is kept as it is."""
    path = tmp_path / "odd.json"
    path.write_bytes(with_(session_id=7, namespace=None, type=[], timestamp=1.5))
    found = read_sideband(path)
    assert found
    assert found.envelope[1:5] == ("", "", "", 1.5)
    path.write_bytes(with_(timestamp=True))
    again = read_sideband(path)
    assert again
    assert again.envelope.timestamp is None


# Round trips ---------------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=5)


@settings(deadline=None)
@given(OBJECTS)
@example({"n": 10**4299})
@example({"n": -(2**63) - 1, "m": 2**53 + 1})
@example({"text": "\x00\x7f\u2028\U0001f512", "": {"deep": [[], {}]}})
def test_what_is_written_is_read(document: dict[str, Any]) -> None:
    """Every object survives, integers of any size and every character included, as one line of ASCII."""
    data = encode(document)
    assert data.isascii()
    assert data.count(b"\n") == 1
    assert decode(data) == document


@pytest.mark.parametrize(
    ("value", "reason"),
    [(math.nan, "not JSON compliant"), (math.inf, "not JSON compliant"), (10**4300, "4300 digits"), ({1}, "set"),
     ("\ud800", "half of a surrogate pair"), ("x" * 1_048_576, "more than 1,048,576 bytes"),
     ({1: "a", "1": "b"}, "key '1' stands twice")],
    ids=lambda value: str(type(value).__name__),
)  # fmt: skip
def test_what_could_not_be_read_is_not_written(value: object, reason: str) -> None:
    """NaN, Infinity, too long a number, half characters, and keys that would become the same are refused."""
    with pytest.raises(ProtocolError, match=reason):
        encode({"value": value})


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_an_object_or_a_reason(data: bytes) -> None:
    """Whatever a file holds, the answer is an object or an error in one line."""
    try:
        answer: object = decode(data)
    except ProtocolError as error:
        answer = str(error)
    assert isinstance(answer, dict) or (isinstance(answer, str) and answer and "\n" not in answer)


# Known payloads ------------------------------------------------------------------------------------------------------

GOOD: dict[tuple[str, str], dict[str, Any]] = {
    ("interphase", "bead_phase"): {"id": "iv-1", "phase": "planned", "reason": "r", "ts": 1.5},
    ("clavain", "dispatch"): {
        "name": "n", "workdir": "/w", "started": 1, "activity": "starting", "turns": 0, "commands": 0, "messages": 0,
    },
    ("interlock", "coordination_signal"): {
        "layer": "coordination", "icon": "lock", "text": "t", "priority": 3, "ts": "2026-02-17T12:00:00Z",
    },
    ("intercheck", "context_pressure"): {"level": "red", "pressure": 0, "est_tokens": 2000, "ts": 1},
    ("intercheck", "checkpoint_needed"): {"trigger": "orange_pressure", "ts": 1},
    ("interstat", "budget_alert"): {"pct_consumed": 99.5, "total_tokens": 10**30, "session_id": "s", "ts": 1},
}  # fmt: skip
BAD = [
    ("interphase", "bead_phase", "phase", "reflect", "one of brainstorm, "),
    ("interphase", "bead_phase", "phase", ["planned"], "one of brainstorm, "),
    ("interphase", "bead_phase", "id", " \t\n", "a string that is not blank"),
    ("interphase", "bead_phase", "id", "\u2003", "a string that is not blank"),
    ("interphase", "bead_phase", "ts", True, "a number"),
    ("interphase", "bead_phase", "ts", "1", "a number"),
    ("interphase", "bead_phase", "reason", None, "a string that is not blank"),
    ("clavain", "dispatch", "turns", False, "a number"),
    ("interlock", "coordination_signal", "priority", -1, "a number >= 0"),
    ("interlock", "coordination_signal", "ts", 1771329600, "an RFC 3339 time in UTC"),
    ("interlock", "coordination_signal", "ts", "2026-02-17T12:00:00+01:00", "an RFC 3339 time in UTC"),
    ("intercheck", "context_pressure", "level", "drift:3", "one of green, yellow, orange, red"),
    ("intercheck", "context_pressure", "est_tokens", -0.5, "a number >= 0"),
    ("intercheck", "checkpoint_needed", "trigger", "", "a string that is not blank"),
    ("interstat", "budget_alert", "pct_consumed", 100.5, "a number from 0 to 100"),
    ("interstat", "budget_alert", "session_id", "", "a string that is not blank"),
]


def test_every_known_type_has_an_example() -> None:
    """The rules below are those of all known types, and every example keeps them, with further keys or without."""
    assert GOOD.keys() == KNOWN.keys()
    for (namespace, kind), good in GOOD.items():
        assert payload_problems(namespace, kind, good) == []
        assert payload_problems(namespace, kind, {**good, "later": [None]}) == []


@pytest.mark.parametrize(("namespace", "kind"), GOOD)
def test_every_listed_key_is_required(namespace: str, kind: str) -> None:
    """Without one of its keys a payload is refused, and the error names the key."""
    good = GOOD[namespace, kind]
    for key in good:
        problems = payload_problems(namespace, kind, {other: good[other] for other in good if other != key})
        assert [(name, value) for name, _, value in problems] == [(key, "nothing")]


@pytest.mark.parametrize(("namespace", "kind", "key", "value", "rule"), BAD)
def test_broken_rule_is_named(namespace: str, kind: str, key: str, value: object, rule: str) -> None:
    """An error names key, rule and value."""
    with pytest.raises(ProtocolError) as caught:
        check_payload(namespace, kind, {**GOOD[namespace, kind], key: value})
    [(named, told, shown)] = caught.value.problems
    assert (named, shown) == (key, json.dumps(value))
    assert told.startswith(rule)
    assert f"key '{key}': expected {told}, got {shown}" in str(caught.value)


@pytest.mark.parametrize("phase", ["reflect", "review", "polish", "strategy-reviewed", *PHASES])
def test_any_phase_is_accepted_where_asked(phase: str) -> None:
    """Readers, and lenient writers, take every phase that is not blank."""
    good = {**GOOD["interphase", "bead_phase"], "phase": phase}
    check_payload("interphase", "bead_phase", good, any_phase=True)
    with pytest.raises(ProtocolError):
        check_payload("interphase", "bead_phase", {**good, "phase": " "}, any_phase=True)


@settings(deadline=None)
@given(TEXTS, TEXTS, OBJECTS)
def test_unknown_type_is_not_judged(namespace: str, kind: str, document: dict[str, Any]) -> None:
    """Of what nobody has specified, any object will do."""
    if (namespace, kind) not in KNOWN:
        assert payload_problems(namespace, kind, document) == []


def test_new_envelope_has_the_fields_of_the_specification() -> None:
    """In its order, with the time in UTC to the second."""
    made = compose("a", "b", "s", {"n": 1}, now=1771329600.9)
    assert list(made.items()) == list(PLAIN.items())
    check_envelope(made)


def test_long_values_are_cut_in_errors() -> None:
    """An error stays on one short line, whatever the value is."""
    with pytest.raises(ProtocolError) as caught:
        check_payload("intercheck", "checkpoint_needed", {"trigger": ["x" * 500], "ts": 1})
    assert len(str(caught.value)) < 200
