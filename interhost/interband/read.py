"""Read one sideband file."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT_VARIABLE = "INTERBAND_ROOT"


def sideband_root(environ: Mapping[str, str], home: Path) -> Path | None:
    """``$INTERBAND_ROOT``, else ``~/.interband``; ``None`` when the variable is not an absolute path."""
    given = environ.get(ROOT_VARIABLE)
    if given:
        return Path(given) if os.path.isabs(given) else None
    return home / ".interband"


def safe_key(key: str) -> str:
    """A key as a file name: everything outside ``[A-Za-z0-9._-]`` becomes ``_``, one per character."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", key) or "default"


def read_payload(root: Path, namespace: str, channel: str, key: str) -> Mapping[str, Any] | None:
    """The payload of one file, or ``None`` when it is absent, torn, or not a version-1 envelope."""
    try:
        envelope = json.loads((root / namespace / channel / f"{safe_key(key)}.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(envelope, dict) or not str(envelope.get("version", "")).startswith("1."):
        return None
    payload = envelope.get("payload")
    return payload if isinstance(payload, dict) else None
