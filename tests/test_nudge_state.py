"""What is remembered about nudges: every spelling is read, one is written, and damage costs no more than it must."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interhost.interbase.nudge_state import (
    Entry,
    State,
    compose_count,
    compose_state,
    parse_count,
    parse_state,
)

SHAPE = re.compile(
    rb'\{\n(?:"[^"\\]+": \{"ignores": (?:0|[1-9][0-9]*), "dismissed": (?:true|false)\},\n)*'
    rb'(?:"[^"\\]+": \{"ignores": (?:0|[1-9][0-9]*), "dismissed": (?:true|false)\}\n)?\}\n'
)
NAMES = st.text("abzAZ09._-", min_size=1, max_size=20)
PAIRS = st.builds("{}:{}".format, NAMES, NAMES)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def entries(text: str) -> dict[str, Entry]:
    """What a sound file says."""
    state = parse_state(text.encode())
    assert state.damage == ""
    return state.entries


def test_the_written_shape_is_the_documented_one() -> None:
    """One line for each entry, in order, a comma between them, and a line each for the braces."""
    assert compose_state(State({}, {})) == b"{\n}\n"
    state = State({"b:c": Entry(3, True), "a:c": Entry(1)}, {})
    assert compose_state(state) == (
        b'{\n"a:c": {"ignores": 1, "dismissed": false},\n"b:c": {"ignores": 3, "dismissed": true}\n}\n'
    )
    assert compose_count(2) == b'{"count": 2}\n'


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(PAIRS, st.tuples(st.integers(0, 10**6), st.booleans()).map(lambda one: Entry(*one))))
def test_what_is_written_is_read_again(pairs: dict[str, Entry]) -> None:
    """And always has the shape that a shell reads."""
    data = compose_state(State(pairs, {}))
    assert SHAPE.fullmatch(data)
    assert list(json.loads(data)) == sorted(pairs, key=str.encode)
    assert parse_state(data) == State(pairs, {}, "")


@pytest.mark.parametrize(
    ("spelling", "entry"),
    [
        ('{"ignores":2,"dismissed":false}', Entry(2, False)),
        ('{ "dismissed" : true , "ignores" : 1 }', Entry(1, True)),
        ('{"ignores": "2", "dismissed": "false"}', Entry(2, False)),
        ('{"ignores": " 3 ", "dismissed": "True"}', Entry(3, True)),
        ('{"ignores": 2.0, "dismissed": 1}', Entry(2, True)),
        ('{"ignores": 1}', Entry(1, False)),
        ('{"dismissed": "no"}', Entry(0, False)),
        ("{}", Entry()),
        ('{"ignores": 99999999999999999999, "dismissed": 0}', Entry(1_000_000, False)),
        ('{"ignores": 1, "dismissed": false, "last": "2026-02-26"}', Entry(1, False, (("last", "2026-02-26"),))),
    ],
)
def test_every_spelling_is_read(spelling: str, entry: Entry) -> None:
    """Other implementations write numbers as text, other spaces, other orders, fewer keys and more."""
    assert entries(f'{{"a:b": {spelling}}}') == {"a:b": entry}


def test_keys_that_are_not_ours_are_kept() -> None:
    """In an entry behind the known ones, and beside the entries; with them a shell sees that the shape is not ours."""
    state = parse_state(b'{"version": 2, "a:b": {"first": [1], "ignores": 1, "dismissed": false, "z": "\\u00fc"}}')
    assert state.damage == ""
    data = compose_state(state)
    assert data == (b'{\n"a:b": {"ignores": 1, "dismissed": false, "first": [1], "z": "\\u00fc"},\n"version": 2\n}\n')
    assert not SHAPE.fullmatch(data)


@pytest.mark.parametrize(
    ("damaged", "entry"),
    [
        ('{"ignores": -1, "dismissed": true}', Entry(0, True)),
        ('{"ignores": true, "dismissed": true}', Entry(0, True)),
        ('{"ignores": [], "dismissed": true}', Entry(0, True)),
        ('{"ignores": 1.5, "dismissed": false}', Entry(0, False)),
        ('{"ignores": 1e999, "dismissed": false}', Entry(0, False)),
        ('{"ignores": 2, "dismissed": "perhaps"}', Entry(2, False)),
        ('{"ignores": 2, "dismissed": {}}', Entry(2, False)),
        ('{"ignores": "$(id)", "dismissed": true}', Entry(0, True)),
        ("2", Entry(2, False)),
        ('"3"', Entry(3, False)),
        ("true", Entry(0, True)),
    ],
)
def test_of_a_damaged_entry_is_kept_what_can_be(damaged: str, entry: Entry) -> None:
    """And the file is reported, so that it is set aside before it is written."""
    state = parse_state(f'{{"a:b": {damaged}, "c:d": {{"ignores": 1, "dismissed": false}}}}'.encode())
    assert state.entries == {"a:b": entry, "c:d": Entry(1)}
    assert state.damage == "key 'a:b': not an entry"


@pytest.mark.parametrize("damaged", ["null", "[]", '"text"', "[1, 2]"])
def test_an_entry_that_says_nothing_is_left_out(damaged: str) -> None:
    """The others stay."""
    state = parse_state(f'{{"a:b": {damaged}, "c:d": {{"ignores": 1}}}}'.encode())
    assert (state.entries, state.damage) == ({"c:d": Entry(1)}, "key 'a:b': not an entry")


WHOLE = compose_state(State({"a:b": Entry(1), "c:d": Entry(3, True)}, {}))


@pytest.mark.parametrize("end", range(len(WHOLE) - 2))
def test_of_a_file_that_was_cut_off_every_whole_entry_is_kept(end: int) -> None:
    """Wherever it was cut."""
    state = parse_state(WHOLE[:end])
    assert state.damage == "not JSON"
    wanted = {key: Entry(*one) for key, one in {"a:b": (1, False), "c:d": (3, True)}.items()}
    whole = [key for key, text in (("a:b", b"false}"), ("c:d", b"true}")) if text in WHOLE[:end]]
    assert state.entries == {key: wanted[key] for key in whole}


@pytest.mark.parametrize(
    "data",
    [b"", b"\0\0\0", b"\xff\xfe\xfd", b"null", b"[]", b"7", b'"a:b"', b"{" * 100_000, b"[" * 100_000, b'{"a:b": NaN}',
     b'{"a:b": {"ignores": NaN}}', b'{"a:b": ' + b"9" * 5000 + b"}", b"#!/bin/sh\nrm -rf ~\n"],
)  # fmt: skip
def test_garbage_is_no_state_and_no_error(data: bytes) -> None:
    """Empty, binary, of another type, without an end, with a number that cannot be read."""
    state = parse_state(data)
    assert state.entries == {}
    assert state.damage != ""
    assert parse_count(data) is None or data == b"7"


def test_other_encodings_of_json_are_read() -> None:
    """A mark at the beginning, or UTF-16 from a foreign editor."""
    for encoding in ("utf-8-sig", "utf-16"):
        assert parse_state('{"a:b": {"ignores": 2}}'.encode(encoding)).entries == {"a:b": Entry(2)}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_read_can_be_written(data: bytes) -> None:
    """Reading never raises, and what comes of it is valid JSON that says the same again."""
    state = parse_state(data)
    written = compose_state(state)

    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads(written, parse_constant=refuse)
    again = parse_state(written)
    assert (again.entries, again.damage) == (state.entries, "")
    assert compose_state(again) == written
    assert parse_count(data) is None or parse_count(data) in range(1_000_001)


@pytest.mark.parametrize(
    ("text", "count"),
    [('{"count": 1}\n', 1), ('{"count":"2"}', 2), ('{ "count" : 0, "more": [] }', 0), ('{"count": 1.0}', 1)],
)
def test_every_spelling_of_a_count_is_read(text: str, count: int) -> None:
    """As the published libraries write it, and others may."""
    assert parse_count(text.encode()) == count
    assert parse_count(None) == 0


@pytest.mark.parametrize("value", [-1, True, None, "two", 1.5, [], {}])
def test_a_count_that_says_nothing_is_none(value: Any) -> None:
    """Not 0: who cannot count must not suggest."""
    assert parse_count(json.dumps({"count": value}).encode()) is None
    assert parse_count(b"{}") is None


def test_three_ignored_tips_are_the_end() -> None:
    """Whether or not whoever counted them has said so."""
    assert [Entry(n).is_over for n in range(5)] == [False, False, False, True, True]
    assert Entry(0, True).is_over
