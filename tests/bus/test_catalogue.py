"""The catalogue as data: in step with the classes, valid as a schema, and helpful about wrong names."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from interhost_hookspecs import BEAD_ID, CATALOGUE, schema
from jsonschema import Draft202012Validator

from interhost.bus.catalogue import SCHEMA, canonical_intents, envelope_schema, payload_schema, resolve_intent
from interhost.bus.compose import DOORS, compose
from interhost.bus.envelope import SEVERITIES
from interhost.bus.resolve import BEAD
from interhost.errors import InputError, UnknownIntentError

fact = partial(compose, intent="notify", payload='{"text": "x"}', context_id="iv-a1", producer="cli", door="cli")


def test_the_document_is_what_the_classes_say() -> None:
    """The file that the bus carries is generated; ``make schema`` writes it anew."""
    assert json.loads(SCHEMA.read_text("utf-8")) == schema.envelope_schema()


def test_the_document_is_a_json_schema() -> None:
    """It is valid itself, so that other programs can use it."""
    document = dict(envelope_schema())
    Draft202012Validator.check_schema(document)
    assert document["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


def test_words_that_stand_in_two_places_are_the_same() -> None:
    """What is repeated here, because importing the classes costs a hook too much, agrees with them."""
    properties = schema.envelope_schema()["properties"]
    assert isinstance(properties, dict)
    assert BEAD.pattern == BEAD_ID
    assert list(SEVERITIES) == properties["severity"]["enum"]
    assert list(DOORS) == properties["extensions"]["properties"]["door"]["enum"]


def test_every_intent_of_the_catalogue_is_known_in_its_order() -> None:
    """Names map to the version of their class, and each major to a payload schema."""
    assert list(canonical_intents().items()) == [(name, cls.INTENT) for name, cls in CATALOGUE.items()]
    for cls in CATALOGUE.values():
        assert payload_schema(cls.INTENT.rpartition(".")[0]) is not None
    assert payload_schema("notify@2") is None
    assert payload_schema("tool.used@1") is None


# Envelopes against the document ---------------------------------------------------------------------------------------


def document(**changes: Any) -> dict[str, Any]:
    """An envelope as other programs see it."""
    loaded: dict[str, Any] = json.loads(fact(**changes).to_json())
    return loaded


def is_valid(envelope: dict[str, Any]) -> bool:
    return Draft202012Validator(dict(envelope_schema())).is_valid(envelope)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"artifact_path": "/srv/a.md", "severity": "error", "consumers": ("alpha",), "source_hook": "file:x"},
        {"session_id": "s", "dedupe_key": "k", "project_dir": Path("/srv"), "extensions": {"depth": 1, "more": []}},
        {"intent": "notify@1.3"},
        {"intent": "tool.used@4.0", "payload": "{}", "allow_unknown": True},
        {"intent": "review_pass", "payload": '{"verdict": null, "counts": {"P0": 0}}'},
    ],
    ids=str,
)
def test_a_composed_envelope_fits_the_document(changes: dict[str, Any]) -> None:
    """Whatever the host lets onto the bus, other programs can check against the published schema."""
    assert is_valid(document(**changes))


@pytest.mark.parametrize(
    "broken",
    [
        {"event_id": "01K9ZZZZZZ000000000000000"},
        {"event_id": "81K9ZZZZZZ0000000000000000"},
        {"event_id": "01k9zzzzzz0000000000000000"},
        {"intent": "notify"},
        {"intent": "notify@1"},
        {"intent": "notify@1.0.0"},
        {"intent": "Notify@1.0"},
        {"context_id": ""},
        {"context_id": "a\nb"},
        {"artifact_path": "relative.md"},
        {"severity": "fatal"},
        {"producer": "Alpha"},
        {"consumers": "alpha"},
        {"consumers": [""]},
        {"payload": []},
        {"payload": {}},
        {"payload": {"text": ""}},
        {"extensions": {}},
        {"extensions": {"occurred_at": "x", "project_dir": None, "door": "window"}},
        {"more": 1},
    ],
    ids=str,
)
def test_a_broken_envelope_does_not(broken: dict[str, Any]) -> None:
    """One wrong field is enough."""
    assert not is_valid({**document(), **broken})


@pytest.mark.parametrize("field", list(document()))
def test_every_field_of_the_envelope_is_required(field: str) -> None:
    """Nine fields and the open map, always all of them."""
    envelope = document()
    del envelope[field]
    assert not is_valid(envelope)


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("review_pass", "review_pass@1.0"),
        ("review_pass@1.0", "review_pass@1.0"),
        ("review_pass@1.12", "review_pass@1.12"),
    ],
)
def test_a_known_name_is_completed(text: str, expected: str) -> None:
    """Without a version it gets the one this host knows; a newer minor is no other intent."""
    assert resolve_intent(text) == resolve_intent(text, allow_unknown=True) == expected


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("reviewpass", "review_pass"),
        ("phase_transitions@1.0", "phase_transition"),
        ("notification", "notify"),
        ("artefact_ready", "artifact_ready"),
        ("zzz", ""),
        ("tool.used@1.0", ""),
        ("review_pass@2.0", "review_pass@1.0"),
        ("review_pass@0.9", "review_pass@1.0"),
    ],
)
def test_an_unknown_intent_names_the_nearest(text: str, nearest: str) -> None:
    """The suggestion is data and stands in the message; nothing is guessed where nothing is near."""
    with pytest.raises(UnknownIntentError) as caught:
        resolve_intent(text)
    error = caught.value
    assert (error.intent, error.nearest, error.exit_code) == (text, nearest, 65)
    assert text in str(error)
    assert nearest in str(error)
    assert ("did you mean" in str(error)) is bool(nearest and "@" not in nearest)
    assert "--allow-unknown" in error.hint


@pytest.mark.parametrize("text", ["tool.used@1.0", "mine@12.3", "review_pass@2.0", "a.b-c_d@0.0"])
def test_unknown_intents_are_stored_when_asked_for(text: str) -> None:
    """Also a later major of a known one: a newer module must not be stopped by an older host."""
    assert resolve_intent(text, allow_unknown=True) == text


def test_an_unknown_intent_needs_a_version() -> None:
    """There is nothing to complete it from."""
    with pytest.raises(InputError, match=r"tool\.used.*needs a version") as caught:
        resolve_intent("tool.used", allow_unknown=True)
    assert "tool.used@1.0" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@1.0",
        "Review",
        "review pass",
        "review@1",
        "review@1.0.0",
        "review@01.0",
        "review@1.-1",
        "1review",
        "a.b.c@1.0",
        "a.@1.0",
        "review_pass@1.0\n",
        "review@1234567.0",
        "x" * 65,
        "é",
    ],
)
@pytest.mark.parametrize("allow_unknown", [False, True])
def test_a_malformed_name_is_refused_everywhere(text: str, allow_unknown: bool) -> None:
    """No option lets it through; the message shows the form."""
    with pytest.raises(InputError, match=r"name@major\.minor"):
        resolve_intent(text, allow_unknown=allow_unknown)
