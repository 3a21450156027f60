"""The manifest of the adapter that is tested."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

MANIFEST = "integration.json"


def find_package(adapter: ModuleType) -> Path:
    """The folder of an adapter's top package.

    Raises:
        AssertionError: It is no package.
    """
    file = getattr(sys.modules.get(adapter.__name__.partition(".")[0]), "__file__", None)
    if not file:
        raise AssertionError(f"{adapter.__name__}: its package has no file; an adapter is a package with __init__.py")
    return Path(file).parent


def read_manifest(adapter: ModuleType) -> dict[str, Any]:
    """An adapter's ``integration.json``; empty when it holds no object.

    Raises:
        AssertionError: It cannot be read.
    """
    path = find_package(adapter) / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise AssertionError(f"{path}: {error}; an adapter's manifest lies in its package") from None
    return table(manifest)


def table(value: object) -> dict[str, Any]:
    """A JSON object; empty for everything else."""
    return value if isinstance(value, dict) else {}
