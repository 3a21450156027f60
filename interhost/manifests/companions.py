"""Who is installed, and who would gain what from whom.

Manifests come from two places: those of the known modules, which are part of interhost, and those that installed
plugins bring. The graph that they make has cycles, and some of its ends are no plugins. Source: reference/manifests.md
sections 4 and 6; design decision 10.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from interhost.errors import InputError
from interhost.manifests.document import AbsentError
from interhost.manifests.plugins import Plugin, Plugins, list_plugins
from interhost.manifests.reader import Manifest, list_manifests, override, read_manifest

KNOWN = Path(__file__).with_name("known")
"""The manifests of the known modules."""
TOOLS = {"beads": "bd", "intercore": "ic"}
"""Companions that are programs rather than plugins."""
DEFAULT_BENEFIT = "works better with it"
_PREFERENCE = ("enabled", "unknown", "disabled")


class Gain(NamedTuple):
    """What one module gets out of another.

    Attributes:
        companion: The other one.
        kind: ``recommended``, ``optional``, or ``feature`` when only a feature names it.
        benefit: What for.
    """

    companion: str
    kind: str
    benefit: str


class Module(NamedTuple):
    """A module, or something that a module names.

    Attributes:
        name: What it is called.
        state: ``installed`` (and enabled), ``disabled``, ``missing``, or ``unknown``.
        why: Why the state is not known; else empty.
        version: Version of the installed plugin; else empty.
        path: Where it is installed, or ``None``.
        manifest: What it says about itself, or ``None`` when nothing is known.
        gains: What it gets out of others.
    """

    name: str
    state: str
    why: str
    version: str
    path: Path | None
    manifest: Manifest | None
    gains: tuple[Gain, ...]


class Companions(NamedTuple):
    """Everything that is known.

    Attributes:
        modules: By name.
        problems: What could not be read or was left out; one line each.
    """

    modules: Mapping[str, Module]
    problems: tuple[str, ...]


def read_companions(environ: Mapping[str, str], home: Path, cwd: Path, known: Path = KNOWN) -> Companions:
    """Read all manifests and the record of plugins.

    Args:
        environ: Environment variables.
        home: The user's home.
        cwd: Where the answer is to hold: plugins may be installed and enabled for a project.
        known: The folder of known manifests.
    """
    listing = list_manifests(known)
    found = list_plugins(environ, home, cwd)
    plugins = _preferred(found)
    manifests, broken = _with_plugins(listing.manifests, plugins)
    gains = {name: tuple(_gains(one, listing.manifests.get(name))) for name, one in manifests.items()}
    modules = {}
    for name in sorted({*manifests, *(gain.companion for several in gains.values() for gain in several)}):
        plugin = plugins.get(name)
        state, why = _state(name, plugin, found, environ)
        version, path = (plugin.version, plugin.path) if plugin else ("", None)
        modules[name] = Module(name, state, why, version, path, manifests.get(name), gains.get(name, ()))
    warnings = [warning for manifest in manifests.values() for warning in manifest.warnings]
    return Companions(modules, (*listing.problems, *filter(None, [found.problem]), *broken, *warnings))


def _preferred(found: Plugins) -> dict[str, Plugin]:
    """By name; of several marketplaces one whose plugin is enabled."""
    plugins: dict[str, Plugin] = {}
    for plugin in sorted(found.plugins, key=lambda one: _PREFERENCE.index(one.state)):
        plugins.setdefault(plugin.name.lower(), plugin)
    return plugins


def _with_plugins(
    known: Mapping[str, Manifest], plugins: Mapping[str, Plugin]
) -> tuple[dict[str, Manifest], list[str]]:
    """The known manifests with what the plugins say themselves, and what of that cannot be read."""
    manifests, broken = dict(known), []
    for name, plugin in plugins.items():
        try:
            own = read_manifest(plugin.path / ".claude-plugin" / "integration.json", name)
        except AbsentError:
            continue
        except InputError as error:
            broken.append(str(error))
        else:
            manifests[name] = override(manifests[name], own) if name in manifests else own
    return manifests, broken


def _state(name: str, plugin: Plugin | None, found: Plugins, environ: Mapping[str, str]) -> tuple[str, str]:
    if name in TOOLS and shutil.which(TOOLS[name], path=environ.get("PATH", "")):
        return "installed", ""
    given = environ.get(f"INTERHOST_{name.upper().replace('-', '_')}_ROOT")
    if given and os.path.isdir(given):
        return "installed", ""
    if plugin is not None:
        return ("installed" if plugin.state == "enabled" else plugin.state), plugin.why
    if found.problem and name not in TOOLS:
        return "unknown", found.problem
    return "missing", ""


def _gains(manifest: Manifest, known: Manifest | None) -> Iterator[Gain]:
    """What a module gets out of each that it names; never out of itself."""
    kinds = dict.fromkeys(manifest.recommended, "recommended") | dict.fromkeys(manifest.optional, "optional")
    for feature in manifest.integrated_features:
        for name in feature.requires:
            kinds.setdefault(name, "feature")
    for name, kind in kinds.items():
        if name != manifest.name:
            yield Gain(name, kind, _benefit(manifest, name) or (known and _benefit(known, name)) or DEFAULT_BENEFIT)


def _benefit(manifest: Manifest, companion: str) -> str:
    return "; ".join(one.feature for one in manifest.integrated_features if companion in one.requires)
