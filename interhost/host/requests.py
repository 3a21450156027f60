"""Request files: what only a person or an agent can do, written down where both can find it.

Source: design sections 2 and 8; reference/modules/_wave2-shared-ground.md section 1.6.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from interhost_hookspecs import Intent

_KIND = re.compile(r"[A-Za-z0-9_-]{1,64}")


def write_request(folder: Path, intent: Intent[object], kind: str, text: str, details: Mapping[str, object]) -> Path:
    """Write ``<event id>-<kind>.json`` and ``.md``, and return the path of the latter.

    Raises:
        ValueError: The kind would not do as a file name.
    """
    if not _KIND.fullmatch(kind):
        raise ValueError(f"request kind {kind!r}: expected letters, digits, '-' and '_'")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem = folder / f"{intent.event_id}-{kind}"
    record = {
        **details,
        "kind": kind,
        "event_id": intent.event_id,
        "context_id": intent.context_id,
        "artifact_path": str(intent.artifact_path) if intent.artifact_path else None,
        "project_dir": str(intent.project_dir) if intent.project_dir else None,
    }
    _write(stem.with_suffix(".json"), json.dumps(record, indent=2, default=str) + "\n")
    _write(stem.with_suffix(".md"), text.rstrip() + "\n")
    return stem.with_suffix(".md")


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole: a reader sees the old or the new text."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
