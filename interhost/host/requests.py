"""Request files: what only a person or an agent can do, written down where both can find it.

A request with a time limit is open until it is closed or the time has come.

Source: design sections 2 and 8; reference/modules/_wave2-shared-ground.md section 1.6.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from interhost_hookspecs import Intent, Request
from interhost_hookspecs.plain import plain_text

_KIND = re.compile(r"[A-Za-z0-9_-]{1,64}")


def write_request(
    folder: Path,
    intent: Intent[object],
    kind: str,
    text: str,
    details: Mapping[str, object],
    expires: datetime | None = None,
) -> Path:
    """Write ``<event id>-<kind>.json`` and ``.md``, and return the path of the latter.

    People look at the latter in a terminal: nothing in it acts on one.

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
        **({"expires": expires.astimezone(UTC).isoformat()} if expires else {}),
    }
    _write(stem.with_suffix(".json"), json.dumps(record, indent=2, default=str) + "\n")
    _write(stem.with_suffix(".md"), plain_text(text).rstrip() + "\n")
    return stem.with_suffix(".md")


def list_requests(folder: Path, kind: str) -> tuple[Request, ...]:
    """Requests of a kind that nobody has closed, oldest first, also those past their time; damaged ones are none."""
    found = (_read(path) for path in sorted(folder.glob(f"*-{kind}.json")))
    return tuple(one for one in found if one and one.kind == kind)


def close_request(request: Request, answer: str) -> None:
    """Note the answer in both files."""
    path = request.path.with_suffix(".json")
    record = {**json.loads(path.read_text("utf-8")), "answer": answer}
    _write(path, json.dumps(record, indent=2) + "\n")
    _write(request.path, f"{request.path.read_text('utf-8').rstrip()}\n\nClosed: {answer}\n")


def _read(path: Path) -> Request | None:
    """A request; ``None`` for a closed one, for one without a time limit, and for what is no request."""
    try:
        record: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if "answer" in record:
            return None
        return Request(
            path=path.with_suffix(".md"),
            kind=record["kind"],
            context_id=record["context_id"],
            artifact_path=Path(record["artifact_path"]) if record["artifact_path"] else None,
            project_dir=Path(record["project_dir"]) if record["project_dir"] else None,
            asked_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
            expires=datetime.fromisoformat(record["expires"]).astimezone(UTC),
            details=record,
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole: a reader sees the old or the new text."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
