"""From an adapter's draft to an envelope: what the adapter left out is filled in, what is the host's is the host's.

Source: design section 4.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from interhost_hookspecs import Draft

from interhost.bus.compose import compose
from interhost.bus.envelope import Envelope
from interhost.bus.project import git_root
from interhost.bus.resolve import resolve_context
from interhost.errors import InputError
from interhost.host.codec import payload_text

_FOREIGN = (
    *("CLAVAIN_*", "CLAUDE_*"),
    # What git hands to its hooks: every git command of whoever a hook started would be about the hook's repository.
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"),
)
_RESERVED = frozenset(
    {"occurred_at", "project_dir", "door", "session_id", "caused_by", "depth", "dedupe_key", "signature"}
)


def make_envelope(
    draft: Draft,
    adapter: str,
    *,
    cause: Envelope | None,
    limit: int,
    environ: Mapping[str, str],
    home: Path,
    door: str = "adapter",
) -> Envelope:
    """Check a draft and complete it.

    Args:
        draft: What the adapter offers.
        adapter: Who it is.
        cause: The envelope it reacts to, or ``None``.
        limit: Most bytes of the payload's text.
        environ: Environment for finding out the context; not that of a session, unless it is the draft's own.
        home: The user's home directory.
        door: How it came in.

    Raises:
        InputError: A part of it is not valid, or nobody could tell what it is about.
    """
    artifact = draft.artifact_path
    project = _project_of(draft, cause)
    intent = draft.intent or getattr(draft.payload, "INTENT", None)
    if intent is None:
        raise InputError("draft: a plain mapping needs 'intent', such as 'module.name@1.0'")
    if project is None and artifact is not None and not artifact.is_absolute():
        raise InputError(f"draft: artifact {artifact} is relative, and no project is known to take it from")
    return compose(
        intent=intent,
        payload=payload_text(draft.payload),
        context_id=draft.context_id or _context_of(draft, project, cause, environ, home),
        producer=adapter,
        door=door,
        artifact_path=str(artifact) if artifact else None,
        severity=draft.severity,
        consumers=draft.consumers,
        source_hook=draft.source_hook,
        occurred_at=draft.occurred_at,
        project_dir=project,
        session_id=draft.session_id,
        dedupe_key=draft.dedupe_key,
        extensions={
            **{key: value for key, value in draft.extensions.items() if key not in _RESERVED},
            **({"caused_by": cause.event_id, "depth": cause.depth + 1} if cause else {}),
        },
        # An adapter's name may have "-", where an intent's module has "_".
        allow_unknown=intent.startswith(f"{adapter.replace('-', '_')}."),
        limit=limit,
    )


def foreign_environ(drop: Sequence[str] = ()) -> dict[str, str]:
    """Our environment without the session or git hook that happened to start us: it is not the intent's (section 4).

    Args:
        drop: Further variables to leave out, as globs of their names.
    """
    patterns = (*_FOREIGN, *drop)
    return {key: value for key, value in os.environ.items() if not any(fnmatchcase(key, one) for one in patterns)}


def _project_of(draft: Draft, cause: Envelope | None) -> Path | None:
    if draft.project_dir is not None:
        return draft.project_dir
    if cause is not None and isinstance(known := cause.extensions.get("project_dir"), str):
        return Path(known)
    artifact = draft.artifact_path
    return git_root(artifact.parent) if artifact is not None and artifact.is_absolute() else None


def _context_of(
    draft: Draft, project: Path | None, cause: Envelope | None, environ: Mapping[str, str], home: Path
) -> str:
    if cause is not None and draft.artifact_path is None:
        return cause.context_id
    if project is None:
        raise InputError("draft: names neither a context nor a project, so nobody could tell what it is about")
    return resolve_context(
        artifact=project / draft.artifact_path if draft.artifact_path else None,
        project=project,
        session_id=draft.session_id,
        environ=environ,
        home=home,
    )
