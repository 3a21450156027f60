"""Payloads: what is refused, in which words, and that the check agrees with JSON Schema."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from interhost.bus.catalogue import canonical_intents, payload_schema
from interhost.bus.payload import MAX_BYTES, check_payload, parse_payload
from interhost.errors import InputError, PayloadError

# Reading the text -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON: Expecting value at line 1, column 1"),
        ("hello", "not JSON: Expecting value at line 1, column 1"),
        ('{"a": 1,\n "b"}', "not JSON: .* at line 2, column 5"),
        ('{"a": 1} {"b": 2}', "not JSON: Extra data"),
        ("{'a': 1}", "not JSON"),
        ('{"a": 1,}', "not JSON"),
        ('{"a": 01}', "not JSON"),
        ('{"a": "\t"}', "not JSON: Invalid control character"),
        ("\ufeff{}", "not JSON"),
        ("[]", "expected a JSON object, got array"),
        ('"text"', "expected a JSON object, got string"),
        ("1", "expected a JSON object, got integer"),
        ("1.5", "expected a JSON object, got number"),
        ("true", "expected a JSON object, got boolean"),
        ("null", "expected a JSON object, got null"),
        ('{"a": 1, "b": 2, "a": 1}', "key 'a' stands twice"),
        ('{"a": {"b": [{"c": 1, "c": 2}]}}', "key 'c' stands twice"),
        ('{"a": 1, "\\u0061": 2}', "key 'a' stands twice"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": [Infinity]}', "Infinity is not JSON"),
        ('{"a": -Infinity}', "-Infinity is not JSON"),
        ('{"a": 1e999}', "number 1e999 is too large"),
        ('{"a": {"b": -1e999}}', "number -1e999 is too large"),
        ('{"a": ' + "9" * 5000 + "}", "number"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply"),
        ('{"a": "\ud83d"}', "not valid UTF-8 at character 7"),
    ],
    ids=range(27),
)
def test_text_that_is_no_payload_is_refused(text: str, words: str) -> None:
    """One line says what is wrong and, where it can be told, where."""
    with pytest.raises(InputError, match=f"^payload: .*{words}") as caught:
        parse_payload(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250
    assert caught.value.exit_code == 65


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        (' \r\n{ "a" : 1 }\n', {"a": 1}),
        ('{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}', {"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}),
        ('{"a": "\\ud83d"}', {"a": "\ud83d"}),
        ('{"a": "\\u0000"}', {"a": "\0"}),
        ('{"": 1}', {"": 1}),
        ('{"a": 1e-999}', {"a": 0.0}),
        ('{"a": 123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
        ('{"a": ' + "[" * 100 + "]" * 100 + "}", None),
    ],
)
def test_unusual_but_valid_text_is_taken(text: str, value: dict[str, Any] | None) -> None:
    """Escaped lone surrogates, the same key in different objects, big integers, moderate nesting: all JSON."""
    parsed = parse_payload(text)
    assert parsed == (json.loads(text) if value is None else value)


def test_the_limit_is_exact_and_counts_bytes() -> None:
    """A payload of exactly 1 MiB is taken, one byte more is refused; a character may be several bytes."""
    head, tail = '{"text": "', '"}'
    room = MAX_BYTES - len(head) - len(tail)
    assert MAX_BYTES == 1024 * 1024
    assert parse_payload(f"{head}{'x' * room}{tail}") == {"text": "x" * room}
    assert parse_payload(f"{head}{'é' * (room // 2)}{tail}")
    for text in (f"{head}{'x' * (room + 1)}{tail}", f"{head}{'é' * (room // 2 + 1)}{tail}"):
        with pytest.raises(InputError, match=r"1,048,57\d bytes, the limit is 1,048,576") as caught:
            parse_payload(text)
        assert "--artifact" in caught.value.hint


def test_the_limit_can_be_set() -> None:
    """Whoever calls decides how much is too much."""
    assert parse_payload('{"a":1}', limit=7) == {"a": 1}
    with pytest.raises(InputError, match=r"8 bytes, the limit is 7$"):
        parse_payload('{"a":1} ', limit=7)


# Holding it against its class -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("intent", "payload", "problem"),
    [
        ("notify@1.0", {}, ("text", "non-empty string", "")),
        ("notify@1.0", {"text": ""}, ("text", "non-empty string", 'string ""')),
        ("notify@1.0", {"text": None}, ("text", "non-empty string", "null null")),
        ("notify@1.0", {"text": 1}, ("text", "non-empty string", "integer 1")),
        ("notify@1.0", {"text": "x", "title": ["y"]}, ("title", "string or null", 'array ["y"]')),
        ("notify@1.9", {"text": True}, ("text", "non-empty string", "boolean true")),
        ("discover_work@1.0", {"action": "x", "title": "y", "rank": True}, ("rank", "integer or null", "boolean true")),
        ("discover_work@1.0", {"action": "x", "title": "y", "rank": 1.5}, ("rank", "integer or null", "number 1.5")),
        (
            "discover_work@1.0",
            {"action": "x", "title": "y", "score": False},
            ("score", "number or null", "boolean false"),
        ),
        ("discover_work@1.0", {"action": "x", "title": "y", "stale": 0}, ("stale", "boolean or null", "integer 0")),
        ("gate_result@1.0", {"outcome": "maybe", "tier": "hard"}, ("outcome", "one of pass, warn", 'string "maybe"')),
        ("gate_result@1.0", {"outcome": "pass", "tier": None}, ("tier", "one of hard, soft, none", "null null")),
        (
            "gate_result@1.0",
            {"outcome": "pass", "tier": "hard", "evidence": [{}, 1]},
            ("evidence[1]", "object", "integer 1"),
        ),
        ("review_pass@1.0", {"counts": {}}, ("verdict", "one of safe, needs-changes, risky, error, null", "")),
        ("review_pass@1.0", {"verdict": "ok", "counts": {}}, ("verdict", "one of safe", 'string "ok"')),
        ("review_pass@1.0", {"verdict": None, "counts": {"P0": "1"}}, ("counts.P0", "integer", 'string "1"')),
        ("review_pass@1.0", {"verdict": None, "counts": [1]}, ("counts", "object", "array [1]")),
        ("review_pass@1.0", {"verdict": None, "counts": {}, "inputs": ["a", 2]}, ("inputs[1]", "string", "integer 2")),
        (
            "review_pass@1.0",
            {"verdict": None, "counts": {}, "top": [{"severity": "P0", "title": "t"}, {"severity": "P1"}]},
            ("top[1].title", "non-empty string", ""),
        ),
        (
            "review_pass@1.0",
            {"verdict": None, "counts": {}, "top": [{"severity": "P0", "title": "t", "agents": [None]}]},
            ("top[0].agents[0]", "string", "null null"),
        ),
        (
            "coordination@1.0",
            {"resource": "bead", "resource_id": "iv-1", "action": "claim", "holder": {"id": 7}},
            ("holder.id", "string or null", "integer 7"),
        ),
    ],
    ids=str,
)
def test_a_problem_names_key_expected_and_given(
    intent: str, payload: dict[str, Any], problem: tuple[str, str, str]
) -> None:
    """Each is data for programs and one readable line for people, which also says where to read more."""
    with pytest.raises(PayloadError) as caught:
        check_payload(intent, payload)
    ((key, expected, given),) = caught.value.problems
    assert (key, given) == (problem[0], problem[2])
    assert expected.startswith(problem[1])
    text = str(caught.value)
    assert text == f"payload of {intent}: key {key!r}: " + (
        f"expected {expected}, got {given}" if given else f"missing, expected {expected}"
    )
    assert caught.value.hint == f"'interbus catalog {intent.partition('@')[0]}' shows every key"


def test_every_problem_is_kept_and_five_are_shown() -> None:
    """Nobody has to mend them one publish at a time; the line stays readable."""
    payload = {"action": "", "title": 1, "priority": "x", "rank": "x", "score": "x", "phase": 1, "stale": "x"}
    with pytest.raises(PayloadError, match=r"; and 2 more$") as caught:
        check_payload("discover_work@1.0", payload)
    assert [key for key, _, _ in caught.value.problems] == list(payload)


def test_a_long_value_is_shown_shortened() -> None:
    """The message stays one short line however large the value is, however deeply it is nested."""
    deep: list[Any] = []
    for _ in range(900):
        deep = [deep]
    for value in ({"x": "y" * 1000}, deep):
        with pytest.raises(PayloadError) as caught:
            check_payload("notify@1.0", {"text": value})
        assert len(str(caught.value)) < 120


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
def test_no_depth_gets_past_the_errors_of_ours(opening: str, closing: str) -> None:
    """Around the depth at which reading ends, a payload is refused in one way or the other, never by a crash."""
    for depth in range(700, 1010):
        with pytest.raises(InputError):
            check_payload("notify@1.0", parse_payload(f'{{"text": {opening * depth} 1 {closing * depth}}}'))


@pytest.mark.parametrize(
    ("intent", "payload"),
    [
        ("tool.used@1.0", {"anything": [1]}),
        ("notify@2.0", {}),
        ("notify@1.0", {"text": "x", "unknown": {"deep": [True]}}),
        ("notify@1.0", {"text": " "}),
        ("notify@1.0", {"text": "x", "title": ""}),
        ("review_pass@1.0", {"verdict": None, "counts": {"P0": 1, "IMP": 2.0}}),
        ("review_pass@1.0", {"verdict": "needs-changes", "counts": {}, "top": []}),
        ("review_pass@1.0", {"verdict": "safe", "counts": {}, "top": None, "mode": None}),
        ("discover_work@1.0", {"action": "x", "title": "y", "score": 1, "rank": -3}),
    ],
    ids=str,
)
def test_what_the_class_leaves_open_passes(intent: str, payload: dict[str, Any]) -> None:
    """Unknown intents, other majors and unknown keys are kept; whole numbers may be written with a point."""
    check_payload(intent, payload)


# The check against JSON Schema ----------------------------------------------------------------------------------------

SCHEMAS = {intent: payload_schema(intent.rpartition(".")[0]) for intent in canonical_intents().values()}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def fitting(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema was made for."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return st.one_of([of_type(name, schema) for name in types])


def of_type(name: str, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    simple: dict[str, st.SearchStrategy[Any]] = {
        "string": st.text(min_size=schema.get("minLength", 0), max_size=3),
        "integer": st.integers(),
        "number": st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
        "boolean": st.booleans(),
        "null": st.none(),
    }
    if name in simple:
        return simple[name]
    if name == "array":
        return st.lists(nearly(schema["items"]), max_size=2)
    if "properties" in schema:
        required = {key: nearly(schema["properties"][key]) for key in schema["required"]}
        optional = {key: nearly(inner) for key, inner in schema["properties"].items() if key not in required}
        return st.fixed_dictionaries(required, optional=optional)
    rest = schema.get("additionalProperties")
    return st.dictionaries(st.text(max_size=3), nearly(rest) if rest else ANYTHING, max_size=2)


def nearly(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Mostly what fits, now and then something else: another type, another word, an empty text."""
    return st.integers(0, 19).flatmap(lambda dice: fitting(schema) if dice else ANYTHING | st.just(""))


@st.composite
def near_payloads(draw: st.DrawFn) -> tuple[str, Any]:
    """A payload of some intent that is right, or wrong in a few places."""
    intent = draw(st.sampled_from(sorted(SCHEMAS)))
    payload = draw(of_type("object", dict(SCHEMAS[intent] or {})))
    for key in draw(st.lists(st.sampled_from(sorted(payload)), max_size=1)) if payload else []:
        if draw(st.booleans()):
            del payload[key]
    if draw(st.booleans()):
        payload[draw(st.text(max_size=3))] = draw(ANYTHING)
    return intent, payload


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(near_payloads())
def test_the_check_accepts_exactly_what_json_schema_accepts(case: tuple[str, Any]) -> None:
    """Our few lines and the reference library agree on every payload, whole and in part."""
    intent, payload = case
    schema = SCHEMAS[intent]
    assert schema is not None
    refusal = nullcontext() if Draft202012Validator(schema).is_valid(payload) else pytest.raises(PayloadError)
    with refusal:
        check_payload(intent, parse_payload(json.dumps(payload)))
