"""Which Claude Code plugins are installed, and where.

The record file is the authority on the active version; globbing the cache finds removed, disabled and older ones. The
record is an internal file of somebody else: where it cannot be read, or has another version, the answer is "unknown".
Source: reference/claude-code.md sections 2.2 to 2.4.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from interhost.errors import InputError
from interhost.manifests.document import read_json
from interhost.manifests.settings import Settings, config_root

RECORD_VERSION = 2
_EVERYWHERE = ("user", "managed")
_IN_A_PROJECT = ("project", "local")


class Plugin(NamedTuple):
    """An installed plugin.

    Attributes:
        name: Its name.
        marketplace: Where it came from.
        version: As recorded, or ``unknown``.
        path: Where it is.
        scope: ``user``, ``managed``, ``project`` or ``local``; empty when the record does not say.
        state: ``enabled``, ``disabled`` or ``unknown``.
        why: Why the state is not known; else empty.
    """

    name: str
    marketplace: str
    version: str
    path: Path
    scope: str
    state: str
    why: str


class Plugins(NamedTuple):
    """What is installed.

    Attributes:
        plugins: Each as often as marketplaces bring it.
        problem: Why a plugin that is not among them may be installed all the same; empty when it is not.
    """

    plugins: tuple[Plugin, ...]
    problem: str


def plugins_root(environ: Mapping[str, str], home: Path) -> Path:
    """The directory of Claude Code's plugins."""
    if moved := environ.get("CLAUDE_CODE_PLUGIN_CACHE_DIR"):
        return Path(moved)
    return config_root(environ, home) / "plugins"


def list_plugins(environ: Mapping[str, str], home: Path, cwd: Path) -> Plugins:
    """The plugins that are installed where ``cwd`` is, enabled or not.

    Not in the record, and so not here: plugins that a session is given with ``--plugin-dir``.
    """
    root = plugins_root(environ, home)
    if not os.path.lexists(root):
        return Plugins((), "")
    try:
        record = _read_record(root)
    except InputError as error:
        return Plugins((), str(error))
    settings = Settings(environ, home, cwd)
    found: dict[str, Plugin] = {}
    for key, install in _installs(record):
        if key not in found and _holds(install, cwd) and (path := _folder(root, key, install)):
            state, why = (
                settings.is_enabled(key, path)
                if not record.problem and install.get("scope") in (*_EVERYWHERE, *_IN_A_PROJECT)
                else ("unknown", record.problem or f"installed in scope {install.get('scope')!r:.40}")
            )
            name, _, marketplace = key.partition("@")
            version, scope = (_text(install.get(one)) for one in ("version", "scope"))
            found[key] = Plugin(name, marketplace, version or "unknown", path, scope, state, why)
    return Plugins(tuple(found.values()), record.problem)


def find_plugin(name: str, environ: Mapping[str, str], home: Path, project: Path | None = None) -> Path | None:
    """Where a plugin is installed according to the record, if that directory exists and nobody disabled the plugin.

    Args:
        name: The plugin, without its marketplace.
        environ: Environment variables.
        home: The user's home.
        project: Leave out what is installed for other projects only. Without it, an installation for everywhere is
            preferred and any other will do: a host works for all projects.
    """
    root = plugins_root(environ, home)
    try:
        record = _read_record(root)
    except InputError:
        return None
    if record.version not in (None, RECORD_VERSION):
        return None
    installs = [(key, install) for key, install in _installs(record) if key.partition("@")[0] == name]
    if project is None:
        installs.sort(key=lambda one: one[1].get("scope") in _IN_A_PROJECT)
    else:
        installs = [(key, install) for key, install in installs if _holds(install, project)]
    # The session that happened to start us may be at work in another project.
    own = {variable: value for variable, value in environ.items() if variable != "CLAUDE_PROJECT_DIR"}
    settings = Settings(own, home, project or home)
    found = ((key, path) for key, install in installs if (path := _folder(root, key, install)))
    return next((path for key, path in found if settings.is_enabled(key, path).state != "disabled"), None)


class _Record(NamedTuple):
    version: object
    plugins: Mapping[str, object]
    problem: str


def _read_record(root: Path) -> _Record:
    path = root / "installed_plugins.json"
    record = read_json(path)
    plugins = record.get("plugins") if isinstance(record, dict) else None
    if not isinstance(plugins, dict):
        raise InputError(f"{path}: key 'plugins': missing or not an object")
    version = record.get("version")
    known = version == RECORD_VERSION
    return _Record(version, plugins, "" if known else f"{path}: key 'version': expected 2, got {version!r:.40}")


def _installs(record: _Record) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, installs in record.plugins.items():
        if isinstance(installs, list) and key.partition("@")[0]:
            yield from ((key, install) for install in installs if isinstance(install, dict))


def _folder(root: Path, key: str, install: Mapping[str, Any]) -> Path | None:
    """Where a plugin is read from: in place, where its marketplace is a folder of the user's; else as recorded."""
    for path in (_in_place(root, key), install.get("installPath")):
        if isinstance(path, str) and os.path.isabs(path) and os.path.isdir(path):
            return Path(path)
    return None


def _in_place(root: Path, key: str) -> str | None:
    """The plugin's folder in a marketplace that is a folder; Claude Code copies it as well, and does not read the copy.

    As tried with Claude Code 2.1.197, and as reference/claude-code.md section 2.2 has it.
    """
    name, _, marketplace = key.partition("@")
    known = _object(_object(_read(root / "known_marketplaces.json")).get(marketplace))
    base = known.get("installLocation")
    if _object(known.get("source")).get("source") != "directory" or not isinstance(base, str):
        return None
    base = os.path.normpath(base)
    plugins = _object(_read(Path(base, ".claude-plugin", "marketplace.json"))).get("plugins")
    for plugin in plugins if isinstance(plugins, list) else ():
        source = _object(plugin).get("source")
        if _object(plugin).get("name") == name and isinstance(source, str) and source.startswith("./"):
            path = os.path.normpath(os.path.join(base, source))
            return path if path == base or path.startswith(f"{base}/") else None
    return None


def _read(path: Path) -> object:
    try:
        return read_json(path)
    except InputError:
        return None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _holds(install: Mapping[str, Any], cwd: Path) -> bool:
    """Whether an installation counts in a directory; one for a project counts inside of it."""
    if install.get("scope") not in _IN_A_PROJECT:
        return True
    project = install.get("projectPath")
    if not isinstance(project, str) or not Path(project).is_absolute():
        return False
    try:
        return cwd.resolve().is_relative_to(Path(project).resolve())
    except (OSError, ValueError, RuntimeError):  # a path that cannot be, or links in a circle
        return False


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
