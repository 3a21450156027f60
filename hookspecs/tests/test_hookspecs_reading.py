"""Values out of JSON and text that nobody promised anything about."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interhost_hookspecs.reading import (
    LINE,
    compact,
    fact_key,
    first_count,
    first_line,
    first_names,
    first_number,
    first_paths,
    is_bead,
    one_line,
    plain_line,
    read_front_matter,
    read_json,
    read_local_time,
    read_object,
    read_object_lines,
    read_objects,
    read_time,
    value_at,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "count"]), inner),
    max_leaves=8,
)


@given(JSON)
@settings(max_examples=200)
def test_every_reader_answers_whatever_it_is_given(value: object) -> None:
    """No value that JSON can say raises, and what comes out can be stored."""
    for read in (first_line, first_count, first_number, first_names, first_paths):
        for document in (value, {"a": value}):
            json.dumps(read(document, "a", "a.b", "")).encode("utf-8")
    assert is_bead(value) in (True, False)
    assert (one_line(value) or "").isprintable() or isinstance(value, str)
    read_time(value)
    read_local_time(value)
    compact(value)
    assert (plain_line(value) or "x").isprintable()


@pytest.mark.parametrize("text", ["", "no", None, b"\xff\xfe", "[" * 100_000, '{"a":'])
def test_what_is_no_json_is_nothing(text: str | bytes | None) -> None:
    """Damaged, missing, of another encoding, and nested past every limit."""
    assert (read_json(text), read_object(text), read_objects(text)) == (None, {}, [])


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("two\nlines\tand\r\nmore", "two lines and more"),
        ("\x1b]0;title\x07\x1b[31mred\u202e\u2028\x00", "]0;title [31mred"),
        ("left\u202eright\u200b\ufeff", "left right"),
        ("half \ud800\n\tline", "half line"),
        ("ümlaut 🙂", "ümlaut 🙂"),
        ("\x07", ""),
        ("word " * 20, "word word…"),
        (None, ""),
        (["text"], ""),
    ],
)
def test_a_plain_line_can_be_shown_to_anyone(value: object, line: str) -> None:
    """Line breaks, escapes, direction marks and the like become blanks; it is as long as was asked for."""
    assert plain_line(value, 10 if str(value).startswith("word") else 300) == line
    assert plain_line(value).isprintable()


def test_objects_are_told_from_other_values() -> None:
    """An object where one is wanted, the objects of an array where several are, the others passed over."""
    assert read_object('{"a": 1}') == {"a": 1}
    assert (read_object("[1]"), read_objects('{"a": 1}')) == ({}, [])
    assert read_objects('[{"a": 1}, 2, {}]') == [{"a": 1}, {}]
    assert list(read_object_lines(['{"a": 1}', "x", "[]"])) == [('{"a": 1}', {"a": 1})]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-20T12:00:00Z", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("2026-11-20T12:00:00", None),
        ("soon", None),
        (None, None),
        (1795170949, None),
    ],
)
def test_a_time_has_a_zone(value: object, expected: datetime | None) -> None:
    """One without is guessed only by whoever knows better."""
    assert read_time(value) == expected
    assert read_time("2026-11-20T12:00:00", UTC) == datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "hour"),
    [
        ("2026-07-20T12:00:00", 10),
        ("2026-11-20T12:00:00", 11),
        ("2026-11-20T12:00:00Z", 12),
        ("2026-11-20T12:00:00.5+05:00", 7),
    ],
)
def test_a_time_without_zone_can_be_a_local_one(value: str, hour: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Summer time included; a zone that is stated counts."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        found = read_local_time(value)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found is not None
    assert (found.tzinfo is None, found.astimezone(UTC).hour) == (False, hour)


@pytest.mark.parametrize("value", [None, 7, "", "soon", "12:00", "2026-13-01"])
def test_what_is_no_time_is_no_local_time_either(value: object) -> None:
    """Nothing is guessed."""
    assert read_local_time(value) is None


def test_a_number_is_finite() -> None:
    """What no envelope can hold is passed over."""
    document = {"n": float("nan"), "i": float("inf"), "h": 10**400, "s": 2}
    assert (first_number(document, "n", "i", "h", "s"), first_number(document, "n")) == (2.0, None)


def test_the_first_place_that_holds_something_counts() -> None:
    """Dots lead into objects; a value of another type is as good as absent."""
    document = {"a": 7, "m": {"b": " x\n y ", "n": ["p", "q"]}, "z": {"count": 3}, "t": True, "s": 0.5, "l": [1, "r"]}
    assert value_at(document, "m.b") == " x\n y "
    assert (value_at(document, "a.b"), value_at(document, "")) == (None, document)
    assert first_line(document, "a", "gone", "m.b") == "x y"
    assert (first_count(document, "t", "z"), first_count(document, "m.n"), first_count({"a": -1}, "a")) == (3, 2, None)
    assert (first_number(document, "t", "s"), first_number(document, "m")) == (0.5, None)
    assert (first_names(document, "l", "m.n"), first_names(document, "a")) == (("p", "q"), None)
    assert (first_paths({"i": "a.md, b.md,"}, "i"), first_paths(document, "a", "m.n")) == (("a.md", "b.md"), ("p", "q"))


def test_a_line_is_short_and_can_be_written() -> None:
    """Blanks are one, the end of a long text is said to be cut, half a character becomes a question mark."""
    assert (one_line(" a \n b "), one_line("  "), one_line(7)) == ("a b", None, None)
    assert one_line("x" * 400) == "x" * (LINE - 1) + "…"
    assert one_line("\ud800") == "?"
    assert (compact("a  b"), compact({"a": [1, 2]}), compact(None)) == ("a  b", '{"a":[1,2]}', None)


@pytest.mark.parametrize(
    ("text", "matter"),
    [
        ("---\na: 1\nb: 'x y'\nc:\n  - d: 2\ne-f: [1, 2]\n---\ng: 3\n", {"a": "1", "b": "x y", "e-f": "[1, 2]"}),
        ("\ufeff---\r\na: 1\r\n---\r\n", {"a": "1"}),
        ("---\n---\n", {}),
        ("# no\n---\na: 1\n---\n", None),
        ("---\na: 1\n", None),
        ("", None),
        ("\ufffd\ufffd", None),
    ],
)
def test_front_matter_is_read_without_trust(text: str, matter: dict[str, str] | None) -> None:
    """Plain keys only; what is nested, open or not there is left out."""
    assert read_front_matter(text) == matter


@pytest.mark.parametrize("value", ["x" + " " * 300_000 + "y", "x" + "\n" * 300_000 + "y", "---  x\n" * 50_000])
def test_huge_front_matter_takes_no_time(value: str) -> None:
    """A generous bound, where a careless pattern takes an hour."""
    before = time.monotonic()
    read_front_matter(f"---\na: {value}\n---\n")
    assert time.monotonic() - before < 10


@pytest.mark.parametrize(
    ("value", "expected"), [("iv-a1", True), ("iv-a1.2", True), ("project:x", False), ("iv-a1\n", False), (7, False)]
)
def test_a_bead_is_known_by_its_id(value: object, expected: bool) -> None:
    """Dots of child beads included."""
    assert is_bead(value) is expected


def test_a_key_is_of_its_owner_and_its_parts() -> None:
    """The same parts make the same key; no two lists of parts run together."""
    assert fact_key("jot", "a", 1) == fact_key("jot", "a", 1)
    assert len({fact_key("jot", "a", "b"), fact_key("jot", "ab"), fact_key("jot", ["a", "b"]), fact_key("x", "a")}) == 4
    assert fact_key("jot", "a").startswith("jot:")
