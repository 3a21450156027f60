"""``hook-index.json`` as a worker compiles it: right, fresh, and never believed when it is neither."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from interhost.bus.hook_index import read_index
from interhost.errors import InputError
from interhost.host.hook_index import refresh_hook_index

if TYPE_CHECKING:
    from tests.conftest import Stage

LOOKS = "@hookimpl\ndef observe_hook(event, ctx):\n    return None\n"


@pytest.fixture
def alone(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage whose adapters are the only ones anybody can find."""
    monkeypatch.setattr(sys, "path", [str(stage.site)])
    return stage


def _adapters(stage: Stage) -> dict[str, dict[str, object]] | None:
    found = read_index(str(stage.root))
    return None if found is None else {name: dict(one) for name, one in found.items()}


def test_the_index_says_who_observes_what(alone: Stage) -> None:
    """Every adapter with its events, whether it is enabled and whether it answers; a broken one is left out."""
    alone.adapter("edits", [], LOOKS, {"observes": {"hooks": ["PostToolUse:Edit|Write", "Stop"]}, "answers": True})
    alone.adapter("off", [], LOOKS, {"observes": {"hooks": ["*"]}})
    alone.adapter("silent", [], "")
    alone.adapter("broken", [], "")
    (alone.site / "demo_broken" / "integration.json").write_text("{")
    alone.config("[adapters.off]\nenabled = false\n")
    refresh_hook_index(alone.root)
    assert _adapters(alone) == {
        "edits": {"enabled": True, "answers": True, "hooks": ["PostToolUse:Edit|Write", "Stop"]},
        "off": {"enabled": False, "answers": False, "hooks": ["*"]},
        "silent": {"enabled": True, "answers": False, "hooks": []},
    }
    assert [name for name in os.listdir(alone.root) if name.startswith(".hook")] == []


def test_the_environment_is_not_in_the_index(alone: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """``INTERHOST_ADAPTERS`` of the worker's session holds for that session only."""
    alone.adapter("edits", [], LOOKS, {"observes": {"hooks": ["Stop"]}})
    monkeypatch.setenv("INTERHOST_ADAPTERS", "-edits")
    refresh_hook_index(alone.root)
    found = _adapters(alone)
    assert found
    assert found["edits"]["enabled"] is True


def test_a_fresh_index_is_left_alone(alone: Stage) -> None:
    """Every worker asks; only a change makes it write."""
    refresh_hook_index(alone.root)
    before = (alone.root / "hook-index.json").stat()
    refresh_hook_index(alone.root)
    after = (alone.root / "hook-index.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_every_change_makes_the_index_stale(alone: Stage) -> None:
    """The configuration made, edited, removed; an adapter installed, upgraded, removed; a manifest edited.

    Each time hooks record everything until somebody has looked, and then know the new state.
    """
    refresh_hook_index(alone.root)
    assert _adapters(alone) == {}

    alone.adapter("edits", [], LOOKS, {"observes": {"hooks": ["Stop"]}})
    assert _adapters(alone) is None
    alone.entries()
    refresh_hook_index(alone.root)
    found = _adapters(alone)
    assert found
    assert found["edits"]["hooks"] == ["Stop"]

    for text, enabled in (("[adapters.edits]\nenabled = false\n", False), ("", True)):
        alone.config(text)
        os.utime(alone.root / "config.toml", ns=(len(text), len(text)))
        assert _adapters(alone) is None
        refresh_hook_index(alone.root)
        found = _adapters(alone)
        assert found
        assert found["edits"]["enabled"] is enabled
    (alone.root / "config.toml").unlink()
    assert _adapters(alone) is None
    refresh_hook_index(alone.root)

    path = alone.site / "demo_edits" / "integration.json"
    path.write_text(path.read_text().replace('"Stop"', '"SessionEnd"'))
    os.utime(path, ns=(7, 7))
    assert _adapters(alone) is None
    refresh_hook_index(alone.root)
    found = _adapters(alone)
    assert found
    assert found["edits"]["hooks"] == ["SessionEnd"]

    (alone.site / "demo_edits-1.0.dist-info").rename(alone.site / "removed")
    os.utime(alone.site, ns=(9, 9))
    assert _adapters(alone) is None
    alone.entries()
    refresh_hook_index(alone.root)
    assert _adapters(alone) == {}


def test_a_manifest_that_is_mended_makes_the_index_stale(alone: Stage) -> None:
    """An adapter that could not be read is not forgotten: its manifest is one of the things that are watched."""
    alone.adapter("edits", [], LOOKS, {"observes": {"hooks": ["Stop"]}})
    path = alone.site / "demo_edits" / "integration.json"
    text = path.read_text()
    path.write_text("{")
    refresh_hook_index(alone.root)
    assert _adapters(alone) == {}
    path.write_text(text)
    os.utime(path, ns=(7, 7))
    assert _adapters(alone) is None


def test_a_broken_configuration_leaves_no_index(alone: Stage) -> None:
    """Then hooks record everything, and nothing is lost by a guess."""
    (alone.root / "config.toml").write_text("adapters = [")
    with pytest.raises(InputError):
        refresh_hook_index(alone.root)
    assert _adapters(alone) is None
    assert not (alone.root / "hook-index.json").exists()
