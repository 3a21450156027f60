"""The ``interbus`` section of a manifest: read as it is, or refused by file and key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from interhost.errors import InputError
from interhost.manifests.interbus import InterbusSection, read_interbus


def manifest(tmp_path: Path, section: Any) -> Path:
    """A manifest with this section."""
    path = tmp_path / "integration.json"
    path.write_text(json.dumps({"ecosystem": "interverse", "interbus": section}))
    return path


def test_smallest_section(tmp_path: Path) -> None:
    """Only the level is required; everything else is empty."""
    assert read_interbus(manifest(tmp_path, {"api": 1})) == InterbusSection(1, (), (), (), (), False, {})


def test_whole_section(tmp_path: Path) -> None:
    """Every key arrives, and keys from the future are passed over."""
    section = {
        "api": 1,
        "consumes": ["review_pass@1", "widget.turned-over@0", "*"],
        "produces": ["review_pass@1.0", "widget.turned@2.11"],
        "observes": {"hooks": ["PostToolUse:Write|Edit", "Stop"], "files": ["docs/**/*.md"], "new": 1},
        "answers": True,
        "settings": {"wide": {"type": "boolean", "default": False, "doc": "Wide."}},
        "later": [],
    }
    assert read_interbus(manifest(tmp_path, section)) == InterbusSection(
        api=1,
        consumes=("review_pass@1", "widget.turned-over@0", "*"),
        produces=("review_pass@1.0", "widget.turned@2.11"),
        hooks=("PostToolUse:Write|Edit", "Stop"),
        files=("docs/**/*.md",),
        answers=True,
        settings={"wide": {"type": "boolean", "default": False, "doc": "Wide."}},
    )


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ([], "key 'interbus': missing or not an object"),
        ({}, "key 'interbus.api': expected a number, got None"),
        ({"api": True}, "key 'interbus.api': expected a number, got True"),
        ({"api": 1.0}, "key 'interbus.api': expected a number, got 1.0"),
        ({"api": 1, "answers": 1}, "key 'interbus.answers': expected true or false, got 1"),
        ({"api": 1, "observes": []}, "key 'interbus.observes': expected an object"),
        ({"api": 1, "settings": {"a": 1}}, "key 'interbus.settings': expected an object of objects"),
        ({"api": 1, "consumes": "*"}, "key 'interbus.consumes': expected a list, got '*'"),
        (
            {"api": 1, "consumes": ["review_pass@1.0"]},
            "key 'interbus.consumes': expected name@major, such as review_pass@1, got 'review_pass@1.0'",
        ),
        (
            {"api": 1, "consumes": ["review_pass@01"]},
            "key 'interbus.consumes': expected name@major, such as review_pass@1, got 'review_pass@01'",
        ),
        (
            {"api": 1, "produces": ["review_pass@1"]},
            "key 'interbus.produces': expected name@major.minor, such as review_pass@1.0, got 'review_pass@1'",
        ),
        ({"api": 1, "produces": [None]}, "key 'interbus.produces': expected name@major.minor"),
        (
            {"api": 1, "observes": {"hooks": ["Post Tool"]}},
            "key 'interbus.observes.hooks': expected a hook event, got 'Post Tool'",
        ),
        ({"api": 1, "observes": {"files": [""]}}, "key 'interbus.observes.files': expected a path or glob, got ''"),
    ],
)
def test_wrong_shape_is_refused_by_file_and_key(tmp_path: Path, section: Any, problem: str) -> None:
    """The message has the path, the whole key and the value, so that an author can find the place."""
    path = manifest(tmp_path, section)
    with pytest.raises(InputError) as caught:
        read_interbus(path)
    assert str(caught.value).startswith(f"{path}: {problem}")


@pytest.mark.parametrize("data", [b"", b"\xff\xfe{}", b"{", b"[" * 100_000, b"9" * 5000])
def test_what_is_no_json_is_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    """Empty, binary, torn, endlessly nested, endlessly long: an input error with the path."""
    path = tmp_path / "integration.json"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_interbus(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_manifest_without_the_section_is_no_adapters(tmp_path: Path) -> None:
    """A plugin's own integration.json offers nothing on the bus."""
    path = tmp_path / "integration.json"
    path.write_text('{"ecosystem": "interverse"}')
    with pytest.raises(InputError, match="key 'interbus': missing or not an object"):
        read_interbus(path)
