"""The manifests of the known modules, and their JSON Schema, held against each other, the adapters and real files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from interhost.errors import InputError
from interhost.manifests.companions import KNOWN
from interhost.manifests.interbus import read_interbus
from interhost.manifests.reader import PRD_KEYS, list_manifests, read_manifest

ROOT = Path(__file__).parents[2]
SCHEMA: dict[str, Any] = json.loads((KNOWN / "integration.schema.json").read_bytes())
MODULES = (
    *("clavain", "intercheck", "intercraft", "interdoc", "interflux", "interform", "interline", "interlock"),
    *("internext", "interphase", "interpub", "intersearch", "interslack", "interwatch", "tldr-swinton", "tool-time"),
)


def real_folder() -> Path | None:
    """Real manifests are not part of the repository: ``INTERHOST_REFERENCE``, else a reference beside the checkout."""
    stated = os.environ.get("INTERHOST_REFERENCE")
    roots = [Path(stated)] if stated else [one / "shared" / "reference" for one in ROOT.parents]
    return next((found for root in roots if (found := root / "manifests").is_dir()), None)


REAL_FOLDER = real_folder()
REAL = sorted(path for path in REAL_FOLDER.glob("[!_]*.json")) if REAL_FOLDER else []
needs_real = pytest.mark.skipif(not REAL, reason="the real manifests are not on this machine")


def fits(document: object, part: str = "") -> bool:
    """Whether a document fits the schema, and one of its definitions besides."""
    schema = {**SCHEMA, "allOf": [SCHEMA["$defs"][part]]} if part else SCHEMA
    return Draft202012Validator(schema).is_valid(document)


def test_every_module_has_a_manifest() -> None:
    """One for each module that has or will have an adapter; they are read without a warning."""
    listing = list_manifests(KNOWN)
    assert tuple(listing.manifests) == MODULES
    assert listing.problems == ()
    assert [one.warnings for one in listing.manifests.values()] == [()] * len(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_manifest_is_complete(module: str) -> None:
    """Ours have every key of the specification, name each companion once, and nothing that nobody knows."""
    document = json.loads((KNOWN / f"{module}.json").read_bytes())
    assert document["name"] == module
    assert fits(document, "complete")
    assert set(document) - {"interbus"} == {"name", *PRD_KEYS}
    names = [*document["companions"]["recommended"], *document["companions"]["optional"]]
    assert len(set(names)) == len(names)
    assert module not in names
    assert document["standalone_features"]


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_claimed_that_is_not_there(module: str) -> None:
    """An ``interbus`` section stands in the manifests of existing adapters, and in no others."""
    path = KNOWN / f"{module}.json"
    if (ROOT / "adapters" / module / "pyproject.toml").exists():
        assert read_interbus(path).api == 1
        return
    with pytest.raises(InputError, match="key 'interbus': missing"):
        read_interbus(path)


def test_the_schema_is_one() -> None:
    """It is valid, describes every key of the specification, and says that the version is for people."""
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert set(SCHEMA["properties"]) == {"name", "interbus", *PRD_KEYS}
    assert all("description" in one or "$ref" in one for one in SCHEMA["properties"].values())
    assert "enforced by nobody" in SCHEMA["properties"]["interbase_min_version"]["description"]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"ecosystem": None, "later": 1},
        {"integrated_features": [{"feature": "x", "requires": ["a", "b"]}, {"feature": "y"}]},
        {"companions": {"recommended": ["a", "a"], "optional": ["a"]}},
        {
            "interbus": {
                "api": 1,
                "consumes": ["*", "review_pass@1", "widget.turned-over@0"],
                "produces": ["notify@1.0"],
            }
        },
    ],
)
def test_schema_and_reader_accept_the_same(tmp_path: Path, document: dict[str, Any]) -> None:
    """What fits the schema is read without a warning."""
    path = tmp_path / "widget.json"
    path.write_text(json.dumps(document))
    assert fits(document)
    assert read_manifest(path).warnings == ()
    if "interbus" in document:
        read_interbus(path)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"ecosystem": 1},
        {"ecosystem_only": "no"},
        {"name": ""},
        {"standalone_features": [""]},
        {"integrated_features": [{"requires": "x"}]},
        {"integrated_features": [{"feature": "x", "requires": 1}]},
        {"companions": {"recommended": "x"}},
        {"interbus": {}},
        {"interbus": {"api": 1, "consumes": ["review_pass@1.0"]}},
        {"interbus": {"api": 1, "produces": ["review_pass@1"]}},
        {"interbus": {"api": 1, "settings": {"a": 1}}},
    ],
)
def test_schema_and_reader_object_to_the_same(tmp_path: Path, document: Any) -> None:
    """What does not fit the schema is refused by a reader, or read with a warning."""
    path = tmp_path / "widget.json"
    path.write_text(json.dumps(document))
    assert not fits(document)

    def objections() -> Iterator[str]:
        try:
            yield from read_manifest(path).warnings
            if "interbus" in document:
                read_interbus(path)
        except InputError as error:
            yield str(error)

    assert list(objections())


@needs_real
def test_all_real_manifests_are_here() -> None:
    """Every published one that was found."""
    assert len(REAL) == 26


@needs_real
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_real_manifest_is_understood(path: Path) -> None:
    """It fits the schema, and reader and file agree on whom it names; nothing in it is worth a warning."""
    document = json.loads(path.read_bytes())
    assert fits(document)
    found = read_manifest(path)
    assert (found.name, found.warnings) == (path.stem, ())
    lists = document["companions"]
    assert found.recommended == tuple(lists["recommended"])
    assert set(found.recommended) | set(found.optional) == {*lists["recommended"], *lists["optional"]}
    assert not set(found.recommended) & set(found.optional)
    stated = document.get("integrated_features", [])
    assert [one.requires for one in found.integrated_features] == [(one["requires"],) for one in stated]
    assert [one.more for one in found.integrated_features] == [
        {key: value for key, value in one.items() if key not in ("feature", "requires")} for one in stated
    ]


@needs_real
@pytest.mark.parametrize("path", [path for path in REAL if path.stem in MODULES], ids=lambda path: path.stem)
def test_facts_of_a_real_manifest_carry_over_and_its_words_do_not(path: Path) -> None:
    """Ours names at least the companions and requirements of the module's own, in our own words."""
    ours, real = read_manifest(KNOWN / path.name), read_manifest(path)
    assert set(real.recommended) <= set(ours.recommended)
    assert set(real.optional) <= set(ours.optional)
    assert {name for one in real.integrated_features for name in one.requires} <= {
        name for one in ours.integrated_features for name in one.requires
    }

    def words(features: Any) -> set[str]:
        return {text.lower() for text in features}

    assert not words(real.standalone_features) & words(ours.standalone_features)
    assert not words(one.feature for one in real.integrated_features) & words(
        one.feature for one in ours.integrated_features
    )
