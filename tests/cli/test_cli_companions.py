"""``interhost companions``: who is installed, who would gain what from whom, in four forms."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Shell

HOSTILE = 'x"] --> y\\\x1b[2J\n`<b>&|\u202e#;'


class Plugins:
    """Plugins that Claude Code has on record in a shell's home."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.root = shell.home / ".claude" / "plugins"
        self.record: dict[str, Any] = {}

    def install(self, name: str, manifest: Any = None, **more: object) -> Path:
        """Install one, with an ``integration.json`` if it has one."""
        folder = self.root / "cache" / "market" / f"{len(self.record)}" / "1.2.3"
        (folder / ".claude-plugin").mkdir(parents=True)
        if manifest is not None:
            data = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
            (folder / ".claude-plugin" / "integration.json").write_bytes(data)
        install = {"scope": "user", "installPath": str(folder), "version": "1.2.3", **more}
        self.record[f"{name}@market"] = [install]
        self.write({"version": 2, "plugins": self.record})
        return folder

    def write(self, record: Any) -> None:
        """Write the record."""
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "installed_plugins.json").write_text(json.dumps(record))

    def settings(self, values: dict[str, bool]) -> None:
        """Write the user's settings."""
        (self.shell.home / ".claude" / "settings.json").write_text(json.dumps({"enabledPlugins": values}))

    def modules(self, *arguments: str) -> dict[str, dict[str, Any]]:
        """What the command says about each module."""
        return {one["name"]: one for one in self.shell.run("interhost", "companions", *arguments).records}


@pytest.fixture
def plugins(shell: Shell) -> Plugins:
    """A home without any plugin."""
    shell.environ["PATH"] = str(shell.base / "no-programs")
    return Plugins(shell)


def gains(module: dict[str, Any]) -> list[tuple[str, ...]]:
    """What a module gains, as (companion, kind, benefit, state)."""
    return [(one["companion"], one["kind"], one["benefit"], one["state"]) for one in module["gains"]]


def test_known_modules_are_shown_without_any_plugin(plugins: Plugins) -> None:
    """Also without Claude Code and without adapters; nothing is created, and who is merely named is listed too."""
    modules = plugins.modules()
    assert {one["state"] for one in modules.values()} == {"missing"}
    assert {"clavain", "interform", "tool-time", "beads", "intercore", "interknow"} <= set(modules)
    assert (modules["interknow"]["manifest"], modules["interknow"]["gains"]) == (None, [])
    assert not plugins.shell.root.exists()
    assert list(plugins.shell.home.iterdir()) == [plugins.shell.project]


def test_state_is_that_of_record_and_settings(plugins: Plugins) -> None:
    """Enabled is installed; switched off is disabled; both show wherever the module is named."""
    folder = plugins.install("interline")
    plugins.install("intercheck")
    plugins.settings({"intercheck@market": False})
    modules = plugins.modules()
    assert (modules["interline"]["state"], modules["interline"]["version"]) == ("installed", "1.2.3")
    assert modules["interline"]["path"] == str(folder)
    assert modules["intercheck"]["state"] == "disabled"
    assert {one["companion"]: one["state"] for one in modules["interline"]["gains"]}["intercheck"] == "disabled"
    assert {one["companion"]: one["state"] for one in modules["intercheck"]["gains"]}["interline"] == "installed"


def test_benefit_comes_from_the_feature_that_requires_the_companion(plugins: Plugins) -> None:
    """The module's own words first, then what is known of it, then the plain truth that they work well together."""
    plugins.install(
        "interline",
        {
            "integrated_features": [
                {"feature": "Shows pressure", "requires": ["intercheck", "beads"]},
                {"feature": "Shows more", "requires": "intercheck"},
            ],
            "companions": {"recommended": ["intercheck", "interlock"], "optional": ["newcomer", "interline"]},
        },
    )
    assert gains(plugins.modules()["interline"]) == [
        ("intercheck", "recommended", "Shows pressure; Shows more", "missing"),
        ("interlock", "recommended", "Other agents and what they hold", "missing"),
        ("newcomer", "optional", "works better with it", "missing"),
        ("beads", "feature", "Shows pressure", "missing"),
    ]


def test_unknown_plugin_with_a_manifest_takes_part(plugins: Plugins) -> None:
    """A circle of two is as good as any other; a plugin without a manifest that nobody names is left out."""
    plugins.install("Ping", {"companions": {"recommended": ["pong"], "optional": []}})
    plugins.install("pong", {"companions": {"recommended": ["ping"], "optional": []}})
    plugins.install("silent")
    modules = plugins.modules("--installed")
    assert {name: gains(one) for name, one in modules.items()} == {
        "ping": [("pong", "recommended", "works better with it", "installed")],
        "pong": [("ping", "recommended", "works better with it", "installed")],
    }


def test_programs_are_looked_for_where_programs_are(plugins: Plugins) -> None:
    """``beads`` and ``intercore`` are no plugins of this family: their programs count."""
    programs = plugins.shell.base / "programs"
    programs.mkdir()
    (programs / "bd").write_text("#!/bin/sh\n")
    (programs / "bd").chmod(0o755)
    plugins.shell.environ["PATH"] = str(programs)
    modules = plugins.modules()
    assert (modules["beads"]["state"], modules["intercore"]["state"]) == ("installed", "missing")


def test_place_that_the_user_states_counts(plugins: Plugins) -> None:
    """``INTERHOST_<MODULE>_ROOT`` says where a module is, for this command as for the host."""
    plugins.shell.environ["INTERHOST_TOOL_TIME_ROOT"] = str(plugins.shell.project)
    assert plugins.modules()["tool-time"]["state"] == "installed"
    plugins.shell.environ["INTERHOST_TOOL_TIME_ROOT"] = str(plugins.shell.project / "gone")
    assert plugins.modules()["tool-time"]["state"] == "missing"


def test_broken_manifest_is_reported_and_skipped(plugins: Plugins) -> None:
    """File and key stand on standard error; what is known of the module without it is still shown."""
    broken = plugins.install("interline", b"{")
    crooked = plugins.install("interwatch", {"ecosystem_only": 1, "companions": {"recommended": ["organ"]}})
    done = plugins.shell.run("interhost", "companions")
    assert f"{broken / '.claude-plugin' / 'integration.json'}: not JSON" in done.err
    assert f"{crooked / '.claude-plugin' / 'integration.json'}: key 'ecosystem_only': expected true or" in done.err
    modules = {one["name"]: one for one in done.records}
    assert len(modules["interline"]["gains"]) == 5
    assert [one[0] for one in gains(modules["interwatch"])] == ["organ", "interdoc", "interpath"]


def test_what_is_not_known_is_said(plugins: Plugins) -> None:
    """A record of another version decides nothing: neither what is on it nor what is not."""
    plugins.install("interline")
    plugins.write({"version": 3, "plugins": plugins.record})
    done = plugins.shell.run("interhost", "companions")
    assert "key 'version': expected 2, got 3" in done.err
    modules = {one["name"]: one for one in done.records}
    assert {modules[name]["state"] for name in ("interline", "interwatch", "interknow")} == {"unknown"}
    assert "expected 2, got 3" in modules["interwatch"]["why"]
    assert modules["beads"]["state"] == "missing"


def test_only_installed_modules_on_request(plugins: Plugins) -> None:
    """``--installed`` shows what they gain, from whomever; with none it is an expected no."""
    done = plugins.shell.run("interhost", "companions", "--installed", code=1)
    assert (done.out, done.err) == ("", "none of the known modules is installed here\n")
    plugins.install("interphase")
    plugins.install("interstat")
    assert list(plugins.modules("--installed")) == ["interphase", "interstat"]


def test_table_has_a_line_for_each_gain(plugins: Plugins) -> None:
    """And one for each module that gains nothing; names from outside cannot drive the terminal."""
    plugins.install("interform")
    plugins.install("widget", {"companions": {"recommended": [HOSTILE]}})
    lines = plugins.shell.run("interhost", "companions", "--table").out.splitlines()
    assert re.fullmatch(r"MODULE +STATE +COMPANION +STATE +KIND +GAINS", lines[0])
    assert len([line for line in lines if line.startswith("interline ")]) == 5
    assert len([line for line in lines if line.startswith("intersearch ")]) == 1
    assert not [line for line in lines if line.startswith("interknow ")]
    [widget] = [line for line in lines if line.startswith("widget ")]
    assert "\N{REPLACEMENT CHARACTER}[2j\N{REPLACEMENT CHARACTER}`<b>" in widget
    assert not re.search("[\x00-\x08\x1b\u202e]", "".join(lines))


def test_mermaid(plugins: Plugins) -> None:
    """Nodes have numbers for names, labels are quoted, and installed modules stand out."""
    plugins.install("widget", {"companions": {"recommended": ["gadget"], "optional": ["piano"]}})
    assert plugins.shell.run("interhost", "companions", "--installed", "--mermaid").out.splitlines() == [
        "flowchart LR",
        "  classDef present fill:#cfc,stroke:#060",
        '  m0["gadget"]',
        '  m1["piano"]',
        '  m2["widget"]:::present',
        '  m2 -->|"works better with it"| m0',
        '  m2 -.->|"works better with it"| m1',
    ]


def test_dot(plugins: Plugins) -> None:
    """The same graph for Graphviz."""
    plugins.install("widget", {"companions": {"recommended": ["gadget"], "optional": ["piano"]}})
    assert plugins.shell.run("interhost", "companions", "--installed", "--dot").out.splitlines() == [
        "digraph companions {",
        "  rankdir=LR; node [shape=box];",
        '  m0 [label="gadget"];',
        '  m1 [label="piano"];',
        '  m2 [label="widget", style=filled];',
        '  m2 -> m0 [label="works better with it"];',
        '  m2 -> m1 [label="works better with it", style=dashed];',
        "}",
    ]


def test_hostile_names_stay_labels(plugins: Plugins) -> None:
    """Quotes, backslashes, line ends, control characters, halves of characters: none ends a label."""
    plugins.install("widget", {"companions": {"recommended": [HOSTILE, "\ud800"]}})
    dot = plugins.shell.run("interhost", "companions", "--installed", "--dot").out
    labels = re.findall(r'^  m\d+ \[label="((?:[^"\\\n]|\\.)*)"(?:, style=filled)?\];$', dot, re.MULTILINE)
    assert len(labels) == 3
    assert 'x\\"] --> y\\\\\N{REPLACEMENT CHARACTER}[2j\N{REPLACEMENT CHARACTER}`<b>&|' in "".join(labels)
    mermaid = plugins.shell.run("interhost", "companions", "--installed", "--mermaid").out
    labels = re.findall(r'^  m\d+\["([^"\n]*)"\](?::::present)?$', mermaid, re.MULTILINE)
    assert len(labels) == 3
    assert "x#34;] --#62; y#92;" in "".join(labels)
    assert not re.search("[\x00-\x08\x1b\u202e\ud800]", dot + mermaid)
    [record] = plugins.shell.run("interhost", "companions", "--installed").records
    assert [one["companion"] for one in record["gains"]] == [HOSTILE.lower(), "\ud800"]


def test_one_form_at_a_time(plugins: Plugins) -> None:
    """Two forms do not fit the command."""
    assert "not allowed with" in plugins.shell.run("interhost", "companions", "--dot", "--json", code=64).err
