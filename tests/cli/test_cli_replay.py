"""``interbus replay`` and ``interbus catalog``: what is printed of what is stored and known."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

if TYPE_CHECKING:
    from tests.conftest import Shell


@pytest.fixture
def stream(shell: Shell) -> Shell:
    """Six facts: one a minute, of two producers, about two contexts."""
    shell.publish("notify", '{"text": "1"}', "--context", "wid-1")
    shell.publish("review_pass", '{"verdict": "safe", "counts": {}, "n": "2"}', "--context", "wid-1")
    shell.run(
        *("interbus", "publish", "notify", "--payload", '{"text": "3"}', "--context", "wid-2"),
        env={"INTERBUS_PRODUCER": "interphase"},
    )
    shell.publish("notify@2.0", '{"text": "4"}', "--context", "wid-2", "--allow-unknown")
    shell.change("UPDATE event SET ts = 1700000000000000 + seq * 60000000")
    return shell


def _found(shell: Shell, *arguments: str) -> list[int]:
    done = shell.run("interbus", "replay", *arguments)
    return [one["seq"] for one in done.records]


def test_every_filter_narrows(stream: Shell) -> None:
    """Each condition alone, and all of them together; always oldest first."""
    second = datetime.fromtimestamp(1700000120).astimezone().isoformat()
    assert _found(stream) == [1, 2, 3, 4]
    assert _found(stream, "--intent", "notify") == [1, 3, 4]
    assert _found(stream, "--intent", "notify@1.0") == [1, 3]
    assert _found(stream, "--intent", "review_*", "--intent", "*@2.0") == [2, 4]
    assert _found(stream, "--context", "wid-1") == [1, 2]
    assert _found(stream, "--producer", "interphase") == [3]
    assert _found(stream, "--after", "2") == [3, 4]
    assert _found(stream, "--after", second) == [2, 3, 4]
    assert _found(stream, "--since", second) == [2, 3, 4]
    assert _found(stream, "--until", second) == [1]
    assert _found(stream, "--until", "1d") == [1, 2, 3, 4]
    assert _found(stream, "--since", "999999999w") == [1, 2, 3, 4]
    assert _found(stream, "--last", "2") == [3, 4]
    assert _found(stream, "--last", "1", "--intent", "notify@1.0", "--context", "wid-1", "--producer", "cli") == [1]


@pytest.mark.parametrize(
    "arguments",
    [["--context", "wid-9"], ["--producer", "nobody"], ["--since", "1h"], ["--after", "4"], ["--after", "9" * 40]],
)
def test_nothing_found_is_an_expected_negative(stream: Shell, arguments: list[str]) -> None:
    """Exit code 1, nothing on standard output in every format, and a word on standard error."""
    for form in ("ndjson", "table", "cloudevents"):
        done = stream.run("interbus", "replay", *arguments, "--format", form, code=1)
        assert (done.out, done.err) == ("", "nothing on the bus matches\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--last", "0"], "number of events"),
        (["--last", "9" * 20], "number of events"),
        (["--last", "two"], "number of events"),
        (["--since", "soon"], "RFC 3339"),
        (["--until", "5 minutes"], "30m, 2h, 7d"),
        (["--format", "xml"], "invalid choice: 'xml'"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(shell: Shell, arguments: list[str], said: str) -> None:
    """64, and what was expected."""
    assert said in shell.run("interbus", "replay", *arguments, code=64).err


def test_more_facts_than_a_page(shell: Shell) -> None:
    """Everything is printed however much it is, each line whole, in order."""
    shell.publish()
    shell.change(
        "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1234) "
        "INSERT INTO event(seq, event_id, ts, intent, context_id, producer, meta, payload) "
        "SELECT i, 'x' || i, ts, intent, context_id, producer, meta, payload FROM n, event WHERE seq = 1"
    )
    assert _found(shell) == list(range(1, 1235))
    assert len(shell.run("interbus", "subscribe", "notify").records) == 1234


def test_cloudevents_have_what_the_standard_requires(stream: Shell) -> None:
    """CloudEvents 1.0: the four required attributes, well formed, and everything else inside ``data``."""
    plain = stream.run("interbus", "replay").records
    events = stream.run("interbus", "replay", "--format", "cloudevents").records
    for event, record in zip(events, plain, strict=True):
        jsonschema.validate(event, _CLOUDEVENT)
        assert event["id"] == record["event_id"]
        assert event["type"] == record["intent"]
        assert event["source"] == f"/interbus/{record['producer']}"
        assert event["subject"] == record["context_id"]
        assert event["time"] == record["extensions"]["occurred_at"]
        assert datetime.fromisoformat(event["time"]).tzinfo is not None
        inside = {"payload", "artifact_path", "severity", "consumers", "source_hook", "extensions"}
        assert event["data"] == {key: record[key] for key in inside}


_CLOUDEVENT = {
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "minLength": 1},
        "type": {"type": "string", "minLength": 1},
        "subject": {"type": "string", "minLength": 1},
        "datacontenttype": {"const": "application/json"},
        "time": {"type": "string"},
        "data": {"type": "object"},
    },
    # Attribute names are lower-case letters and digits.
    "propertyNames": {"pattern": "^[a-z0-9]+$"},
    "additionalProperties": False,
}


def test_a_table_has_a_row_for_each_fact(stream: Shell) -> None:
    """--table in a pipe: a header, then one row each, with what a person needs to tell them apart."""
    header, *rows = stream.run("interbus", "replay", "--table").out.splitlines()
    assert header.split() == ["SEQ", "STORED", "INTENT", "CONTEXT", "FROM", "SEVERITY", "PAYLOAD"]
    assert len(rows) == 4
    assert all(word in rows[2] for word in ("3", "notify@1.0", "wid-2", "interphase", "info", '{"text": "3"}'))
    assert stream.run("interbus", "replay", "--format", "table").out.splitlines() == [header, *rows]


# The catalogue ------------------------------------------------------------------------------------------------------


def _catalog(shell: Shell) -> dict[str, dict[str, Any]]:
    return {one["intent"]: one for one in shell.run("interbus", "catalog").records}


def test_the_catalogue_lists_eleven_intents(shell: Shell) -> None:
    """One record each, with required keys and who produces and consumes it here; nothing is created."""
    catalog = _catalog(shell)
    assert len(catalog) == 11
    assert catalog["notify@1.0"]["required"] == ["text"]
    assert "interflux" in catalog["review_pass@1.0"]["producers"]
    assert "interphase" in catalog["review_pass@1.0"]["consumers"]
    assert all(set(one["required"]) <= set(one["keys"]) for one in catalog.values())
    table = shell.run("interbus", "catalog", "--table").out
    assert all(intent in table for intent in catalog)
    assert not shell.root.exists()


def test_one_intent_is_explained(shell: Shell) -> None:
    """Every key with its type and meaning, and an example that the bus takes."""
    record = shell.run("interbus", "catalog", "review_pass").records[0]
    assert record == _catalog(shell)["review_pass@1.0"]
    text = shell.run("interbus", "catalog", "review_pass", "--table").out
    assert all(key in text and value["means"] in text for key, value in record["keys"].items())
    assert re.search(r"^consumed by  .*\binterphase\b", text, re.MULTILINE)
    for intent, explained in _catalog(shell).items():
        shell.publish(intent, json.dumps(explained["example"]))


def test_a_mistyped_intent_gets_the_nearest(shell: Shell) -> None:
    """65, a guess, and where the list is; no advice that belongs to publishing."""
    done = shell.run("interbus", "catalog", "revew_pass", code=65)
    assert "did you mean review_pass?" in done.err
    assert "interbus catalog" in done.err
    assert "--allow-unknown" not in done.err
    assert "expected name@major.minor" in shell.run("interbus", "catalog", "", code=65).err


def test_the_schema_fits_what_is_printed(shell: Shell) -> None:
    """--schema prints a JSON Schema that the envelopes of replay pass."""
    shell.publish("review_pass", '{"verdict": "safe", "counts": {"P0": 0}}')
    schema = json.loads(shell.run("interbus", "catalog", "--schema").out)
    envelope = shell.run("interbus", "replay").records[0]
    for key in ("seq", "stored_at"):
        del envelope[key]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(envelope, schema)
