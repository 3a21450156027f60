"""Manifests of modules: every shape in the wild is read, and what is wrong is said with file and key."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from interhost.errors import InputError
from interhost.manifests.reader import Feature, Manifest, list_manifests, override, read_manifest


def write(folder: Path, document: Any, name: str = "widget.json") -> Path:
    """A manifest with this content."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return path


def read(folder: Path, document: Any) -> Manifest:
    """The manifest of the module ``widget``."""
    return read_manifest(write(folder, document), "widget")


FULL = {
    "ecosystem": "interverse",
    "interbase_min_version": "1.0.0",
    "ecosystem_only": True,
    "standalone_features": ["Counts", "Sorts"],
    "integrated_features": [{"feature": "Sings", "requires": "choir", "fallback": "hums"}],
    "companions": {"recommended": ["choir"], "optional": ["piano"]},
}


def test_full_manifest(tmp_path: Path) -> None:
    """Every key of the specification arrives, and a feature's own extra keys are kept."""
    found = read(tmp_path, FULL)
    assert found == Manifest(
        name="widget",
        path=tmp_path / "widget.json",
        ecosystem="interverse",
        interbase_min_version="1.0.0",
        ecosystem_only=True,
        standalone_features=("Counts", "Sorts"),
        integrated_features=(Feature("Sings", ("choir",), {"fallback": "hums"}),),
        recommended=("choir",),
        optional=("piano",),
        interbus=None,
        more={},
        stated=frozenset(FULL),
        warnings=(),
    )


def test_manifest_with_companions_only(tmp_path: Path) -> None:
    """Most real ones have a name and companions and nothing else."""
    found = read(tmp_path, {"name": "widget", "companions": {"recommended": ["choir"], "optional": []}})
    assert (found.recommended, found.optional, found.warnings) == (("choir",), (), ())
    assert found.stated == {"companions"}
    assert (found.ecosystem, found.ecosystem_only, found.integrated_features) == (None, False, ())


def test_manifest_without_features(tmp_path: Path) -> None:
    """The third shape has facts and companions, and neither name nor features."""
    document = {key: value for key, value in FULL.items() if "features" not in key}
    found = read(tmp_path, document)
    assert found.stated == set(document)
    assert (found.standalone_features, found.warnings) == ((), ())


def test_empty_object_is_a_manifest(tmp_path: Path) -> None:
    """Every key is optional."""
    found = read(tmp_path, {})
    assert (found.name, found.stated, found.warnings) == ("widget", frozenset(), ())


def test_unknown_keys_are_kept(tmp_path: Path) -> None:
    """What a later version adds is there for whoever knows it; ``interbus`` stays as it stands."""
    found = read(tmp_path, {"later": [1], "interbus": {"api": 9}, "companions": {"required": ["x"]}})
    assert (found.more, found.interbus, found.warnings) == ({"later": [1]}, {"api": 9}, ())


def test_requires_is_a_name_or_a_list(tmp_path: Path) -> None:
    """One name, several, the same one twice, or none; also names that are no plugin."""
    features = [{"feature": "a", "requires": one} for one in ("beads", ["intercore", "beads", "intercore"], [])]
    found = read(tmp_path, {"integrated_features": [*features, {"feature": "b"}]})
    assert [one.requires for one in found.integrated_features] == [("beads",), ("intercore", "beads"), (), ()]
    assert found.warnings == ()


def test_recommended_wins_over_optional(tmp_path: Path) -> None:
    """A name in both lists, or twice in one, counts once, in the order of the file, and is no mistake."""
    found = read(tmp_path, {"companions": {"recommended": ["b", "a", "b"], "optional": ["c", "a", "d", "c"]}})
    assert (found.recommended, found.optional, found.warnings) == (("b", "a"), ("c", "d"), ())


def test_names_are_compared_in_lower_case(tmp_path: Path) -> None:
    """A repository may be called ``Clavain``; its plugin is ``clavain``."""
    found = read(tmp_path, {"name": "Widget", "companions": {"recommended": ["Clavain", "clavain "]}})
    assert (found.name, found.recommended, found.warnings) == ("widget", ("clavain",), ())


@pytest.mark.parametrize(
    ("document", "warning"),
    [
        ({"ecosystem": 1}, "key 'ecosystem': expected text, got 1; left out"),
        ({"interbase_min_version": []}, "key 'interbase_min_version': expected text, got []; left out"),
        ({"ecosystem_only": "no"}, "key 'ecosystem_only': expected true or false, got 'no'; left out"),
        ({"standalone_features": "x"}, "key 'standalone_features': expected a list, got 'x'; left out"),
        ({"standalone_features": ["x", 1]}, "key 'standalone_features[1]': expected text, got 1; left out"),
        ({"integrated_features": {}}, "key 'integrated_features': expected a list, got {}; left out"),
        ({"integrated_features": ["x"]}, "key 'integrated_features[0]': expected an object, got 'x'; left out"),
        (
            {"integrated_features": [{"requires": "x"}]},
            "key 'integrated_features[0].feature': expected text, got None; left out",
        ),
        (
            {"integrated_features": [{"feature": "x", "requires": {"y": ">=1"}}]},
            "key 'integrated_features[0].requires': expected a list of names, got {'y': '>=1'}; left out",
        ),
        ({"companions": ["x"]}, "key 'companions': expected an object, got ['x']; left out"),
        ({"companions": None}, "key 'companions': expected an object, got None; left out"),
        ({"companions": {"optional": "x"}}, "key 'companions.optional': expected a list of names, got 'x'; left out"),
        (
            {"companions": {"recommended": ["x", " "]}},
            "key 'companions.recommended[1]': expected text, got ' '; left out",
        ),
        ({"name": 7}, "key 'name': expected text, got 7; left out"),
        ({"name": "other"}, "key 'name': 'other' is the manifest of 'widget'"),
    ],
)
def test_wrong_shape_is_left_out_with_a_warning(tmp_path: Path, document: Any, warning: str) -> None:
    """The rest of the file counts; the warning names the file, the whole key and what stands there."""
    found = read(tmp_path, {"later": 1, **document})
    assert found.warnings == (f"{tmp_path / 'widget.json'}: {warning}",)
    assert (found.name, found.more) == ("widget", {"later": 1})


def test_long_values_are_cut_in_a_warning(tmp_path: Path) -> None:
    """A warning stays a line that a person reads."""
    assert len(read(tmp_path, {"ecosystem": ["x"] * 10_000}).warnings[0]) < len(str(tmp_path)) + 150


@pytest.mark.parametrize(
    ("file", "document", "plugin", "name"),
    [
        ("root/.claude-plugin/integration.json", {"name": "stated"}, {"name": "plugin"}, "stated"),
        ("root/.claude-plugin/integration.json", {}, {"name": "Plugin"}, "plugin"),
        ("root/.claude-plugin/integration.json", {}, {"name": 1}, "root"),
        ("root/.claude-plugin/integration.json", {}, [], "root"),
        ("root/.claude-plugin/integration.json", {}, None, "root"),
        ("root/integration.json", {}, None, "root"),
        ("root/choir.json", {}, None, "choir"),
    ],
)
def test_name_comes_from_the_first_place_that_has_one(
    tmp_path: Path, file: str, document: Any, plugin: Any, name: str
) -> None:
    """The manifest, then the ``plugin.json`` beside it, then the folder or the file."""
    path = write(tmp_path, document, file)
    if plugin is not None:
        write(path.parent, plugin, "plugin.json")
    assert read_manifest(path).name == name


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe{}", b"[" * 100_000, b"[]", b"null", b'"text"'])
def test_what_is_no_json_object_is_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    """Empty, torn, binary, endlessly nested, or something else: an input error with the path."""
    path = write(tmp_path, data)
    with pytest.raises(InputError) as caught:
        read_manifest(path)
    assert str(caught.value).startswith(f"{path}: not ")
    assert "\n" not in str(caught.value)


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Where a named pipe stands in the place of a manifest, nobody waits for somebody to write into it."""
    os.mkfifo(tmp_path / "widget.json")
    with pytest.raises(InputError, match="not a file"):
        read_manifest(tmp_path / "widget.json")


def test_broken_file_is_reported_and_skipped(tmp_path: Path) -> None:
    """The others are listed in name order; a schema, a folder and other files are not taken for manifests."""
    for name, document in {"b.json": {}, "a.json": {}, "c.json": b"{", "x.schema.json": b"{", "notes.txt": b""}.items():
        write(tmp_path, document, name)
    (tmp_path / "d.json").mkdir()
    listing = list_manifests(tmp_path)
    assert list(listing.manifests) == ["a", "b"]
    assert [problem.partition(": ")[0] for problem in listing.problems] == [
        str(tmp_path / "c.json"),
        str(tmp_path / "d.json"),
    ]
    assert list_manifests(tmp_path / "gone") == ({}, ())


def test_plugin_overrides_the_keys_of_the_specification_only(tmp_path: Path) -> None:
    """What the plugin states replaces what is known of it; what it leaves out, and ``interbus``, stays."""
    base = read(tmp_path, {**FULL, "interbus": {"api": 1}, "ours": 1})
    path = write(
        tmp_path / "plugin",
        {
            "name": "widget",
            "ecosystem": None,
            "ecosystem_only": 3,
            "companions": {"recommended": ["organ"]},
            "interbus": {"api": 99, "consumes": ["*"]},
            "theirs": 2,
        },
    )
    merged = override(base, read_manifest(path, "widget"))
    assert (merged.recommended, merged.optional, merged.ecosystem) == (("organ",), (), None)
    assert (merged.ecosystem_only, merged.integrated_features) == (True, base.integrated_features)
    assert merged.interbus == {"api": 1}
    assert merged.more == {"ours": 1, "theirs": 2}
    assert (merged.name, merged.path) == ("widget", path)
    assert [warning.partition(": ")[2][:20] for warning in merged.warnings] == ["key 'ecosystem_only'"]
