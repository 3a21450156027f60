"""Compile ``hook-index.json``, so that a hook knows without us whether anybody observes its event."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from interhost.bus.hook_index import FILE_NAME as INDEX_NAME
from interhost.bus.hook_index import modified, read_index
from interhost.host.config import FILE_NAME as CONFIG_NAME
from interhost.host.config import Config
from interhost.host.registry import list_adapters, manifest_path


def refresh_hook_index(root: Path) -> None:
    """Write the index anew if it is missing or older than what it is made from.

    What the environment or a command line says about adapters holds for that process only, and is not in it.

    Raises:
        InputError: The configuration cannot be read.
        OSError: The index cannot be written.
    """
    if read_index(str(root)) is not None:
        return
    sources = {str(root / CONFIG_NAME), *filter(os.path.isdir, sys.path)}
    sources |= {str(path) for entry in list_adapters() if (path := manifest_path(entry))}
    made_from = {path: modified(path) for path in sorted(sources)}
    # Read after the times were taken: a change in between makes the index stale, never wrong.
    config, entries = Config(root / CONFIG_NAME), list_adapters()
    adapters = {
        entry.name: {
            "enabled": config.is_enabled(entry.name),
            "answers": entry.interbus.answers,
            "hooks": entry.interbus.hooks,
        }
        for entry in entries
        if entry.interbus
    }
    temporary = root / f".{INDEX_NAME}.{os.getpid()}"
    temporary.write_text(json.dumps({"made_from": made_from, "adapters": adapters}) + "\n", "utf-8")
    temporary.replace(root / INDEX_NAME)
