"""Whether a plugin is enabled: Claude Code's settings, merged as it merges them.

Read are the settings of the user, of the project and of the project's own user. Settings that an administrator or a
command line gives are not seen from outside. Source: reference/claude-code.md section 2.3.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from interhost.errors import InputError
from interhost.manifests.document import AbsentError, read_json

_FILES = ("settings.local.json", "settings.json")


class Enabled(NamedTuple):
    """An answer.

    Attributes:
        state: ``enabled``, ``disabled`` or ``unknown``.
        why: Why it is not known; else empty.
    """

    state: str
    why: str = ""


class Settings:
    """``enabledPlugins`` of each file, the one that counts most first."""

    def __init__(self, environ: Mapping[str, str], home: Path, cwd: Path) -> None:
        """Read the files.

        Args:
            environ: Environment variables.
            home: The user's home.
            cwd: Where the answer is to hold.
        """
        self._files = [_enabled_plugins(path) for path in settings_files(environ, home, cwd)]

    def is_enabled(self, plugin: str, root: Path) -> Enabled:
        """Whether ``name@marketplace``, installed in ``root``, is enabled."""
        for file in self._files:
            if isinstance(file, str):
                return Enabled("unknown", file)
            if plugin in file:
                value = file[plugin]
                if not isinstance(value, bool):
                    return Enabled("unknown", f"enabledPlugins: expected true or false, got {value!r:.40}")
                return Enabled("enabled" if value else "disabled")
        return _default(root)


def config_root(environ: Mapping[str, str], home: Path) -> Path:
    """The directory of Claude Code's own files."""
    return Path(moved) if (moved := environ.get("CLAUDE_CONFIG_DIR")) else home / ".claude"


def settings_files(environ: Mapping[str, str], home: Path, cwd: Path) -> Iterator[Path]:
    """Settings files that count in a directory, the one that counts most first; they need not exist."""
    user = config_root(environ, home)
    project = Path(given) if (given := environ.get("CLAUDE_PROJECT_DIR")) else _project(cwd, user)
    if project is not None:
        yield from (project / ".claude" / name for name in _FILES if project / ".claude" != user)
    yield user / "settings.json"


def _project(cwd: Path, user: Path) -> Path | None:
    """The nearest folder with settings, looked for up to the root of the repository."""
    for folder in (cwd, *cwd.parents):
        settings = folder / ".claude"
        if settings != user and any(os.path.lexists(settings / name) for name in _FILES):
            return folder
        if os.path.lexists(folder / ".git"):
            break
    return None


def _enabled_plugins(path: Path) -> Mapping[str, object] | str:
    """What a file says, or why that is not known."""
    try:
        settings = read_json(path)
    except AbsentError:
        return {}
    except InputError as error:
        return str(error)
    plugins = settings.get("enabledPlugins", {}) if isinstance(settings, dict) else None
    return plugins if isinstance(plugins, dict) else f"{path}: key 'enabledPlugins': expected an object"


def _default(root: Path) -> Enabled:
    """What the plugin itself wants where no settings mention it."""
    path = root / ".claude-plugin" / "plugin.json"
    try:
        plugin = read_json(path)
    except AbsentError:
        return Enabled("enabled")
    except InputError as error:
        return Enabled("unknown", str(error))
    value = plugin.get("defaultEnabled", True) if isinstance(plugin, dict) else None
    if not isinstance(value, bool):
        return Enabled("unknown", f"{path}: key 'defaultEnabled': expected true or false")
    return Enabled("enabled" if value else "disabled")
