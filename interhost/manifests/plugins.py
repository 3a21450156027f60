"""Which Claude Code plugins are installed, and where.

The record file is the authority on the active version; globbing the cache finds removed, disabled and older ones.
Source: reference/claude-code.md sections 2.2 and 2.4.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def plugins_root(environ: Mapping[str, str], home: Path) -> Path:
    """The directory of Claude Code's plugins."""
    if moved := environ.get("CLAUDE_CODE_PLUGIN_CACHE_DIR"):
        return Path(moved)
    if config := environ.get("CLAUDE_CONFIG_DIR"):
        return Path(config, "plugins")
    return home / ".claude" / "plugins"


def find_plugin(name: str, environ: Mapping[str, str], home: Path) -> Path | None:
    """Where a plugin is installed according to the record, if that directory exists."""
    try:
        record = json.loads((plugins_root(environ, home) / "installed_plugins.json").read_bytes())
        plugins = record["plugins"].items()
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None
    for key, installs in plugins:
        if key.partition("@")[0] != name or not isinstance(installs, list):
            continue
        for install in installs:
            path = install.get("installPath") if isinstance(install, dict) else None
            if isinstance(path, str) and Path(path).is_dir():
                return Path(path)
    return None
