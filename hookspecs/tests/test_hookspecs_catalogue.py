"""Every class of the catalogue against the table of the design, section 5."""

from __future__ import annotations

import inspect
import re
from enum import StrEnum
from typing import Any

import attrs
import pytest
from interhost_hookspecs import CATALOGUE, Payload, catalogue, specs
from interhost_hookspecs.schema import envelope_schema, json_key, payload_schema, summary

REQUIRED = {
    "discover_work@1.0": {"action", "title"},
    "start_sprint@1.0": {"trigger"},
    "phase_transition@1.0": {"to", "phase_model"},
    "artifact_ready@1.0": {"kind"},
    "review_pass@1.0": {"verdict", "counts"},
    "gate_result@1.0": {"outcome", "tier"},
    "coordination@1.0": {"resource", "resource_id", "action"},
    "drift_detected@1.0": {"kind"},
    "health_signal@1.0": {"signal", "level"},
    "release_status@1.0": {"state"},
    "notify@1.0": {"text"},
}

CLOSED = {
    ("review_pass@1.0", "verdict"): ["safe", "needs-changes", "risky", "error", None],
    ("gate_result@1.0", "outcome"): ["pass", "warn", "block", "skip", "bypass", "not_enforced"],
    ("gate_result@1.0", "tier"): ["hard", "soft", "none"],
    ("coordination@1.0", "resource"): ["bead", "file"],
}

CLASSES = list(CATALOGUE.values())


def fields(cls: type) -> tuple[attrs.Attribute[Any], ...]:
    attributes: tuple[attrs.Attribute[Any], ...] = attrs.fields(cls)
    return attributes


def schema(cls: type) -> dict[str, Any]:
    return payload_schema(cls)


def test_the_catalogue_has_the_intents_of_the_design_in_its_order() -> None:
    """No more and no fewer, and the mapping cannot be changed."""
    assert [cls.INTENT for cls in CLASSES] == list(REQUIRED)
    assert [f"{name}@1.0" for name in CATALOGUE] == list(REQUIRED)
    with pytest.raises(TypeError):
        CATALOGUE["mine"] = catalogue.Notify  # type: ignore[index]


@pytest.mark.parametrize("cls", CLASSES)
def test_a_class_is_named_as_its_intent(cls: type[Payload]) -> None:
    """``review_pass`` is ReviewPass, and its hook is ``on_review_pass``."""
    name = cls.INTENT.partition("@")[0]
    assert cls.__name__ == "".join(word.capitalize() for word in name.split("_"))
    assert callable(getattr(specs, f"on_{name}"))


@pytest.mark.parametrize("cls", CLASSES)
def test_a_class_requires_what_the_design_says(cls: type[Payload]) -> None:
    """Every other key may be left out, and then is null."""
    assert set(schema(cls)["required"]) == REQUIRED[cls.INTENT]
    for attribute in fields(cls):
        assert (attribute.default is attrs.NOTHING) == (json_key(attribute) in REQUIRED[cls.INTENT])
        assert attribute.default in (attrs.NOTHING, None)


@pytest.mark.parametrize("cls", CLASSES)
def test_every_optional_key_takes_null(cls: type[Payload]) -> None:
    """A producer that knows nothing may say so instead of leaving the key out."""
    for key, property_ in schema(cls)["properties"].items():
        options = property_.get("enum", property_.get("type"))
        if key not in REQUIRED[cls.INTENT]:
            assert None in options or "null" in options, key


@pytest.mark.parametrize("cls", CLASSES)
def test_every_key_is_explained(cls: type[Payload]) -> None:
    """Class and keys have one whole sentence each, from which catalogue and docs are made."""
    for text in (summary(cls), *(property_["description"] for property_ in schema(cls)["properties"].values())):
        assert re.fullmatch(r"[A-Z1`].*[.…]", text)


@pytest.mark.parametrize("cls", CLASSES)
def test_payloads_cannot_be_changed(cls: type[Payload]) -> None:
    """They are values: equal by content, made by name, without a place for anything else."""
    assert not inspect.signature(cls).parameters or all(
        parameter.kind is parameter.KEYWORD_ONLY for parameter in inspect.signature(cls).parameters.values()
    )
    values = {attribute.name: None for attribute in fields(cls)}
    one = cls(**values)
    assert one == cls(**values)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(one, next(iter(values)), "x")
    assert not hasattr(one, "__dict__")


@pytest.mark.parametrize(("intent", "key"), CLOSED)
def test_closed_lists_are_those_of_the_design(intent: str, key: str) -> None:
    """Their words travel between modules, so they do not change within a version."""
    assert schema(CATALOGUE[intent.partition("@")[0]])["properties"][key]["enum"] == CLOSED[intent, key]


def test_every_closed_list_is_used_and_in_lower_case() -> None:
    """Words of the catalogue are spelled one way; what nobody uses is not there."""
    enums = [one for one in vars(catalogue).values() if isinstance(one, type) and issubclass(one, StrEnum)]
    text = str(envelope_schema())
    for enum in enums:
        if enum is not StrEnum:
            assert str([member.value for member in enum])[:-1] in text, enum
            assert all(member.value == member.value.lower() for member in enum)


def test_reserved_words_have_their_plain_name_in_json() -> None:
    """``from`` cannot be an attribute's name, so the attribute says how it is spelled."""
    for cls in (catalogue.PhaseTransition, catalogue.GateResult):
        assert "from" in schema(cls)["properties"]
        assert "from_phase" not in schema(cls)["properties"]


def test_required_texts_are_not_empty() -> None:
    """An empty title is no title; optional texts may be empty."""
    properties = schema(catalogue.DiscoverWork)["properties"]
    assert properties["title"]["minLength"] == 1
    assert "minLength" not in properties["phase"]


@pytest.mark.parametrize("hint", ["dict[str, int]", "int | str", "list[str]", "tuple[int, str]", "bytes"])
def test_a_shape_that_the_schema_does_not_know_is_refused(hint: str) -> None:
    """Whoever adds a class learns at once that the schema must be extended first."""
    cls = attrs.make_class("Odd", {"x": attrs.field(metadata={"doc": "X."})})
    cls.__annotations__ = {"x": hint}
    with pytest.raises(TypeError, match=r"extend interhost_hookspecs\.schema first"):
        payload_schema(cls)
