"""Where Claude Code's record says that a plugin is, for every shape that the record has been seen in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from interhost.manifests.plugins import find_plugin, plugins_root


class Home:
    """A home with a record of plugins."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = path / ".claude" / "plugins"
        self.environ: dict[str, str] = {}

    def cached(self, name: str, version: str, marketplace: str = "market") -> Path:
        """A version in the cache."""
        folder = self.root / "cache" / marketplace / name / version
        folder.mkdir(parents=True)
        return folder

    def record(self, value: Any) -> None:
        """Write the record."""
        self.root.mkdir(parents=True, exist_ok=True)
        path = self.root / "installed_plugins.json"
        if isinstance(value, bytes):
            path.write_bytes(value)
        else:
            path.write_text(json.dumps(value))

    def find(self, name: str = "interphase") -> Path | None:
        """Where a plugin is."""
        return find_plugin(name, self.environ, self.path)


def install(path: Path, **more: object) -> dict[str, object]:
    """One installation in the record."""
    return {"scope": "user", "installPath": str(path), "version": path.name, **more}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home without any plugin."""
    return Home(tmp_path)


def test_recorded_plugin_is_found(home: Home) -> None:
    """The record says where the active version is; older ones in the cache do not count."""
    home.cached("interphase", "0.9.0")
    active = home.cached("interphase", "0.3.16")
    home.record({"version": 2, "plugins": {"interphase@market": [install(active)]}})
    assert home.find() == active


def test_a_plugin_of_a_folder_is_read_in_place(home: Home) -> None:
    """Where the marketplace is a folder of the user's, Claude Code does not read the copy that it makes, either."""
    copy, market = home.cached("interphase", "0.3.16", "mine"), home.path / "market"
    place = market / "plugins" / "interphase"
    place.mkdir(parents=True)
    (market / ".claude-plugin").mkdir()
    (home.root / "known_marketplaces.json").write_text(
        json.dumps({"mine": {"source": {"source": "directory", "path": str(market)}, "installLocation": str(market)}})
    )
    home.record({"version": 2, "plugins": {"interphase@mine": [install(copy)]}})
    listed = market / ".claude-plugin" / "marketplace.json"
    for sources, expected in (
        ([], copy),
        ([{"name": "other", "source": "./plugins/interphase"}], copy),
        ([{"name": "interphase", "source": {"source": "github", "repo": "a/b"}}], copy),
        ([{"name": "interphase", "source": "./gone"}], copy),
        ([{"name": "interphase", "source": "./../market/../.."}], copy),
        ([{"name": "interphase", "source": "./plugins/interphase"}], place),
        ([None, 7, {"name": "interphase", "source": "./"}], market),
    ):
        listed.write_text(json.dumps({"name": "mine", "plugins": sources}))
        assert home.find() == expected
    copy.rmdir()
    assert home.find() == market


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"mine": 1}', '{"mine": {"source": "directory"}}', "[" * 100_000])
def test_odd_marketplaces_are_passed_over(home: Home, text: str) -> None:
    """Then the record counts, as before."""
    copy = home.cached("interphase", "0.3.16", "mine")
    home.record({"version": 2, "plugins": {"interphase@mine": [install(copy)]}})
    (home.root / "known_marketplaces.json").write_text(text)
    assert home.find() == copy


def test_cache_without_a_record_is_no_installation(home: Home) -> None:
    """What lies in the cache may be removed or disabled."""
    home.cached("interphase", "0.3.16")
    assert home.find() is None
    home.record({"version": 2, "plugins": {}})
    assert home.find() is None


def test_name_is_compared_whole(home: Home) -> None:
    """``inter`` is not ``interphase``, and the marketplace is no part of the name."""
    folder = home.cached("interphase", "1.0", "inter")
    home.record({"version": 2, "plugins": {"interphase@inter": [install(folder)]}})
    assert [home.find(name) for name in ("inter", "phase", "interphase@inter", "")] == [None] * 4
    assert home.find() == folder


def test_installation_whose_folder_is_gone_does_not_count(home: Home, tmp_path: Path) -> None:
    """Of several installations the first that exists is taken, also under another marketplace."""
    there = home.cached("interphase", "2.0", "other")
    (tmp_path / "file").write_text("")
    home.record(
        {
            "version": 2,
            "plugins": {
                "interphase@market": [install(tmp_path / "gone"), install(tmp_path / "file")],
                "interphase@other": [install(there, scope="project", projectPath="/somewhere")],
            },
        }
    )
    assert home.find() == there
    there.rmdir()
    assert home.find() is None


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        [],
        None,
        {"version": 3},
        {"plugins": None},
        {"plugins": []},
        {"plugins": {"interphase@market": None}},
        {"plugins": {"interphase@market": {"installPath": "/"}}},
        {"plugins": {"interphase@market": [None, "text", {}, {"installPath": 1}, {"installPath": None}]}},
        {"plugins": {"interphase@market": [{"installPath": "a\x00b"}]}},
    ],
)
def test_record_of_another_shape_means_not_installed(home: Home, record: Any) -> None:
    """The record is an internal file of somebody else: what cannot be read is no installation, and never an error."""
    home.record(record)
    assert home.find() is None


def test_one_broken_entry_hides_no_other(home: Home) -> None:
    """A plugin that is recorded properly is found beside entries that are not."""
    folder = home.cached("interphase", "1.0")
    home.record({"plugins": {"other@market": 7, "interphase@market": [3, install(folder)]}})
    assert home.find() == folder


def test_moved_configuration_is_followed(home: Home, tmp_path: Path) -> None:
    """``CLAUDE_CONFIG_DIR`` and ``CLAUDE_CODE_PLUGIN_CACHE_DIR`` move the record; the latter wins."""
    moved, cache = tmp_path / "moved", tmp_path / "cache"
    assert plugins_root({}, tmp_path) == tmp_path / ".claude" / "plugins"
    assert plugins_root({"CLAUDE_CONFIG_DIR": ""}, tmp_path) == tmp_path / ".claude" / "plugins"
    home.environ = {"CLAUDE_CONFIG_DIR": str(moved)}
    home.root = moved / "plugins"
    folder = home.cached("interphase", "1.0")
    home.record({"plugins": {"interphase@market": [install(folder)]}})
    assert home.find() == folder
    home.environ["CLAUDE_CODE_PLUGIN_CACHE_DIR"] = str(cache)
    assert home.find() is None
    home.root = cache
    folder = home.cached("interphase", "1.1")
    home.record({"plugins": {"interphase@market": [install(folder)]}})
    assert home.find() == folder
