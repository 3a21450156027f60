"""Our version, as installed: importing ``importlib.metadata`` would cost more than the rest of ``--version``."""

from __future__ import annotations

import os
import sys


def own_version() -> str:
    """Version of the installed distribution, or ``unknown``."""
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if name.startswith("interhost-") and name.endswith(".dist-info"):
                return name.removeprefix("interhost-").removesuffix(".dist-info")
    return "unknown"
