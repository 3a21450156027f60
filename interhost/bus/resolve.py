"""What a fact is about: the context of a draft that does not say so itself.

First hit wins: the bead of the current session (environment, then the session's sideband), the ``**Bead:**`` line of
the artifact, the kernel's current run, the project. Never the session alone: other modules do not know it.

Source: design section 4; reference/cli-contracts.md sections 1.3 and 1.5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interhost.bus.project import project_root
from interhost.errors import StateError

BEAD = re.compile(r"[A-Za-z][A-Za-z0-9_]*-[A-Za-z0-9]+(?:\.[0-9]+)*")
_HEADER = re.compile(rf"^[ \t]*\*{{0,2}}Bead\*{{0,2}}:\*{{0,2}}[ \t]*`?({BEAD.pattern})(?![\w-])", re.MULTILINE)
_HEADER_BYTES = 64 * 1024
_IC_SECONDS = 2.0


def find_bead(path: Path) -> str | None:
    """The bead that a text file names in a ``**Bead:**`` line within its first 64 KiB."""
    try:
        if not path.is_file():  # opening a pipe would wait for a writer
            return None
        with path.open("rb") as file:
            text = file.read(_HEADER_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return None
    found = _HEADER.search(text)
    return found.group(1) if found else None


def session_of(environ: Mapping[str, str]) -> str | None:
    """The agent's session, by the variables it sets (design section 10.7)."""
    return environ.get("CLAUDE_SESSION_ID") or environ.get("CLAUDE_CODE_SESSION_ID") or None


def resolve_context(
    *,
    artifact: Path | None,
    project: Path,
    session_id: str | None,
    environ: Mapping[str, str],
    home: Path,
) -> str:
    """The context of a draft that names none.

    Args:
        artifact: File the fact is about.
        project: Root of the project it happened in.
        session_id: Session it happened in; ``None`` when it is not about a session.
        environ: Environment of that session; empty for whoever only delivers on its behalf.
        home: The user's home directory.
    """
    return (
        _bead(environ.get("CLAVAIN_BEAD_ID"))
        or _session_bead(session_id, environ, home)
        or (find_bead(artifact) if artifact else None)
        or _kernel_bead(project, environ)
        or f"project:{project_root(project).name or 'root'}"
    )


def session_contexts(session_id: str | None, project: Path | None, environ: Mapping[str, str], home: Path) -> list[str]:
    """Everything that a session is about: its beads, as its environment and its sideband say, and its project.

    Args:
        session_id: The session.
        project: Root of the project it works in.
        environ: Its environment.
        home: The user's home directory.
    """
    about = (_bead(environ.get("CLAVAIN_BEAD_ID")), _session_bead(session_id, environ, home))
    found = [bead for bead in about if bead]
    return [*dict.fromkeys(found), *([f"project:{project.name or 'root'}"] if project else [])]


def _bead(value: object) -> str | None:
    return value if isinstance(value, str) and BEAD.fullmatch(value) else None


def _session_bead(session_id: str | None, environ: Mapping[str, str], home: Path) -> str | None:
    if session_id is None:
        return None
    from interhost.interband.find import read_payload
    from interhost.interband.paths import sideband_root
    from interhost.interband.retention import retention

    try:
        root = sideband_root(environ, home)
    except StateError:
        return None
    kept = retention(environ, "interphase", "bead").seconds
    payload = read_payload(root, "interphase", "bead", session_id, max_age=kept, environ=environ)
    return _bead(payload.get("id")) if payload else None


def _kernel_bead(project: Path, environ: Mapping[str, str]) -> str | None:
    """The bead of the kernel's current run.

    ``ic`` compares the working directory with what the run stores, so it is run in the project and without
    ``--project``; and it is not run at all where no database exists, because every command would create an empty one.
    """
    if not (project / ".clavain" / "intercore.db").is_file():
        return None
    import shutil  # 3 ms, for few

    if not shutil.which("ic", path=environ.get("PATH", "")):
        return None
    run = _ask_ic(["run", "current"], project, environ)
    if not run.get("found") or not isinstance(run.get("id"), str):
        return None
    return _bead(_ask_ic(["run", "status", run["id"]], project, environ).get("scope_id"))


def _ask_ic(command: list[str], project: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    from interhost.process import run_process

    argv = ["ic", "--json", "--timeout=1s", *command]
    answer = run_process(argv, timeout=_IC_SECONDS, env=environ, cwd=project)
    try:
        loaded = json.loads(answer.stdout)
    except ValueError:
        return {}
    return loaded if isinstance(loaded, dict) else {}
