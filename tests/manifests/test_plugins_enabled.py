"""Installed and enabled: Claude Code's record and settings, merged as it merges them, and uncertainty said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from interhost.manifests.plugins import Plugin, Plugins, find_plugin, list_plugins

ID = "interphase@market"


class Home:
    """A home with plugins and settings, and a project in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.claude = path / ".claude"
        self.project = path / "widgets"
        (self.project / ".git").mkdir(parents=True)
        self.environ: dict[str, str] = {}

    def install(self, name: str = "interphase", version: str = "0.3.16", **more: object) -> dict[str, Any]:
        """A version in the cache, as the record has it."""
        folder = self.claude / "plugins" / "cache" / "market" / name / version
        folder.mkdir(parents=True, exist_ok=True)
        return {"scope": "user", "installPath": str(folder), "version": version, **more}

    def record(self, plugins: Any, version: object = 2) -> None:
        """Write the record."""
        self.write(".claude/plugins/installed_plugins.json", {"version": version, "plugins": plugins})

    def write(self, name: str, content: Any) -> None:
        """Write a file of the home."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())

    def settings(self, name: str, value: object, plugin: str = ID) -> None:
        """Write settings that mention one plugin."""
        self.write(name, {"enabledPlugins": {plugin: value}})

    def list(self, cwd: Path | None = None) -> Plugins:
        """What is installed in the project."""
        return list_plugins(self.environ, self.path, cwd or self.project)

    def one(self, cwd: Path | None = None) -> Plugin:
        """The only plugin that is installed in the project."""
        [plugin] = self.list(cwd).plugins
        return plugin


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home without any plugin."""
    return Home(tmp_path)


USER, PROJECT, LOCAL = ".claude/settings.json", "widgets/.claude/settings.json", "widgets/.claude/settings.local.json"


# Installed -----------------------------------------------------------------------------------------------------------


def test_recorded_plugin_is_listed_whole(home: Home) -> None:
    """Name, marketplace, version, place and scope come from the record; without settings it is enabled."""
    install = home.install()
    home.record({ID: [install]})
    path = Path(install["installPath"])
    assert home.list() == Plugins(
        (Plugin("interphase", "market", "0.3.16", path, "user", "enabled", ""),),
        "",
    )


def test_without_claude_code_nothing_is_installed(home: Home) -> None:
    """No directory of plugins: there are none, and that is certain."""
    assert home.list() == Plugins((), "")


@pytest.mark.parametrize("content", [None, b"", b"{", [], {}, {"version": 2}, {"version": 2, "plugins": []}])
def test_record_that_cannot_be_read_leaves_it_open(home: Home, content: Any) -> None:
    """It may be missing while it is rewritten: what is not on record may be installed all the same."""
    home.install()
    if content is not None:
        home.write(".claude/plugins/installed_plugins.json", content)
    found = home.list()
    assert found.plugins == ()
    assert found.problem.startswith(str(home.claude / "plugins" / "installed_plugins.json"))


@pytest.mark.parametrize("version", [1, 3, "2", None])
def test_record_of_another_version_is_not_guessed_at(home: Home, version: object) -> None:
    """Its shape may look the same and mean something else: the state is unknown, and why is said."""
    home.record({ID: [home.install()]}, version)
    assert (home.one().state, home.one().why) == ("unknown", home.list().problem)
    assert f"expected 2, got {version!r}" in home.list().problem
    assert (find_plugin("interphase", {}, home.path) is None) == (version is not None)


def test_cache_is_never_searched(home: Home) -> None:
    """Removed versions, other marketplaces and leftovers in the cache are no installations; the record decides.

    A mark for removal is found on plugins that are in use, and the highest version is not always the active one.
    """
    active = home.install(version="0.9.0")
    home.install(version="0.10.0")
    home.install(name="temp_git_1_x")
    (Path(active["installPath"]) / ".orphaned_at").write_text("1")
    home.record({ID: [active]})
    assert home.one().version == "0.9.0"


def test_record_of_a_missing_folder_does_not_count(home: Home) -> None:
    """The record may point at a folder, a link or a relative path that leads nowhere."""
    link = home.path / "link"
    link.symlink_to(home.path / "gone")
    gone = [home.install(installPath=path) for path in (str(home.path / "gone"), str(link), ".", "a\x00b", 7)]
    home.record({ID: gone})
    assert home.list() == Plugins((), "")
    link.unlink()
    link.symlink_to(home.project)
    assert home.one().path == link


def test_version_that_is_not_recorded_is_unknown(home: Home) -> None:
    """No version is made up."""
    home.record({ID: [home.install(version="unknown")], "b@market": [{**home.install(name="b"), "version": 1}]})
    assert [one.version for one in home.list().plugins] == ["unknown", "unknown"]


def test_one_plugin_of_two_marketplaces_is_listed_twice(home: Home) -> None:
    """Each has a state of its own."""
    home.record({ID: [home.install()], "interphase@other": [home.install()], "@market": [home.install()]})
    home.settings(USER, False)
    assert [(one.marketplace, one.state) for one in home.list().plugins] == [
        ("market", "disabled"),
        ("other", "enabled"),
    ]


@pytest.mark.parametrize("scope", ["project", "local"])
def test_installation_for_a_project_counts_inside_of_it(home: Home, scope: str) -> None:
    """In the project and below, also through a link; not beside it, nor above, nor without a project path."""
    home.record({ID: [home.install(scope=scope, projectPath=str(home.project))]})
    below = home.project / "src"
    below.mkdir()
    link = home.path / "link"
    link.symlink_to(below)
    beside = home.path / "widgets-2"
    beside.mkdir()
    assert [len(home.list(one).plugins) for one in (home.project, below, link)] == [1, 1, 1]
    assert [len(home.list(one).plugins) for one in (beside, home.path)] == [0, 0]
    assert find_plugin("interphase", {}, home.path, below) == home.one().path
    assert find_plugin("interphase", {}, home.path, beside) is None
    assert find_plugin("interphase", {}, home.path) == home.one().path
    for wrong in (None, 7, "widgets", "", "a\x00b", "/\x00"):
        home.record({ID: [home.install(scope=scope, projectPath=wrong)]})
        assert home.list() == Plugins((), "")


def test_installation_for_everywhere_is_preferred_without_a_project(home: Home) -> None:
    """A host works for all projects: what holds everywhere comes first, and what holds in one is better than none."""
    local = home.install(version="2", scope="local", projectPath=str(home.project))
    user = home.install(version="1")
    home.record({ID: [local, user]})
    assert find_plugin("interphase", {}, home.path) == Path(user["installPath"])
    assert find_plugin("interphase", {}, home.path, home.project) == Path(local["installPath"])
    assert find_plugin("interphase", {}, home.path, home.path) == Path(user["installPath"])


@pytest.mark.parametrize("scope", ["galaxy", None, ["user"]])
def test_scope_that_nobody_knows_leaves_it_open(home: Home, scope: object) -> None:
    """Where it holds cannot be told."""
    home.record({ID: [home.install(scope=scope)]})
    assert (home.one().state, home.one().why) == ("unknown", f"installed in scope {scope!r}")


# Enabled -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({}, "enabled"),
        ({USER: False}, "disabled"),
        ({USER: True}, "enabled"),
        ({USER: True, PROJECT: False}, "disabled"),
        ({USER: False, PROJECT: True}, "enabled"),
        ({USER: True, PROJECT: True, LOCAL: False}, "disabled"),
        ({USER: False, PROJECT: False, LOCAL: True}, "enabled"),
    ],
)
def test_settings_are_merged(home: Home, values: dict[str, bool], state: str) -> None:
    """The project counts more than the user, and its local settings more than those that are shared."""
    home.record({ID: [home.install()]})
    for name, value in values.items():
        home.settings(name, value)
    assert home.one().state == state


def test_settings_are_merged_key_by_key(home: Home) -> None:
    """Settings that say nothing about a plugin leave it to those below."""
    home.record({ID: [home.install()]})
    home.settings(USER, False)
    home.settings(PROJECT, True, "other@market")
    home.write(LOCAL, {})
    assert home.one().state == "disabled"


def test_settings_are_found_from_inside_the_project_only(home: Home) -> None:
    """From a folder below, up to the root of the repository; the settings of a project above do not count."""
    home.record({ID: [home.install()]})
    home.settings(PROJECT, False)
    below = home.project / "a" / "b"
    below.mkdir(parents=True)
    assert home.one(below).state == "disabled"
    (home.project / "a" / ".git").write_text("gitdir: elsewhere")
    assert home.one(below).state == "enabled"
    assert home.one(home.path).state == "enabled"
    home.environ = {"CLAUDE_PROJECT_DIR": str(home.project)}
    assert home.one(below).state == "disabled"


def test_moved_configuration_is_followed(home: Home) -> None:
    """``CLAUDE_CONFIG_DIR`` moves the user's settings with the record."""
    home.record({ID: [home.install()]})
    home.settings(USER, False)
    home.claude.rename(home.path / "moved")
    home.environ = {"CLAUDE_CONFIG_DIR": str(home.path / "moved")}
    home.claude = home.path / "moved"
    home.write("moved/plugins/installed_plugins.json", {"version": 2, "plugins": {ID: [home.install()]}})
    assert home.one().state == "disabled"


@pytest.mark.parametrize(
    ("plugin", "state"),
    [
        ({}, "enabled"),
        ({"defaultEnabled": True}, "enabled"),
        ({"defaultEnabled": False}, "disabled"),
        ({"defaultEnabled": "yes"}, "unknown"),
        ([], "unknown"),
        (b"{", "unknown"),
    ],
)
def test_plugin_has_a_default_of_its_own(home: Home, plugin: Any, state: str) -> None:
    """Where no settings mention it, its ``plugin.json`` counts; settings count more."""
    install = home.install()
    home.record({ID: [install]})
    path = str(Path(install["installPath"], ".claude-plugin", "plugin.json").relative_to(home.path))
    home.write(path, plugin)
    assert home.one().state == state
    assert bool(home.one().why) == (state == "unknown")
    home.settings(USER, True)
    assert home.one().state == "enabled"


@pytest.mark.parametrize("content", [b"", b"{", [], {"enabledPlugins": []}])
def test_settings_that_cannot_be_read_leave_it_open(home: Home, content: Any) -> None:
    """They could say either; only settings that count more can settle it."""
    home.record({ID: [home.install()]})
    home.settings(USER, True)
    home.write(PROJECT, content)
    assert home.one().state == "unknown"
    assert home.one().why.startswith(str(home.path / PROJECT))
    home.settings(LOCAL, False)
    assert home.one().state == "disabled"


@pytest.mark.parametrize("value", ["true", 1, None, ["1.0"], {}])
def test_value_that_nobody_knows_leaves_it_open(home: Home, value: object) -> None:
    """Neither true nor false is a guess at what was meant."""
    home.record({ID: [home.install()]})
    home.settings(USER, value)
    assert (home.one().state, home.one().why) == (
        "unknown",
        f"enabledPlugins: expected true or false, got {value!r}",
    )


def test_disabled_plugin_is_not_found(home: Home) -> None:
    """Nobody is asked to use what the user turned off, there or everywhere; what is not known counts as there."""
    install = home.install()
    home.record({ID: [install]})
    home.settings(PROJECT, False)
    assert find_plugin("interphase", {}, home.path, home.project) is None
    assert find_plugin("interphase", {"CLAUDE_PROJECT_DIR": str(home.project)}, home.path) == Path(
        install["installPath"]
    )
    home.settings(USER, False)
    assert find_plugin("interphase", {}, home.path) is None
    home.settings(PROJECT, True)
    assert find_plugin("interphase", {}, home.path, home.project) == Path(install["installPath"])
    home.settings(USER, "no")
    assert find_plugin("interphase", {}, home.path) == Path(install["installPath"])
