"""Let intercheck check one file, by the hook that it has for edits.

The hook pastes the file's name into the source of its own checkers, so a name that is more than letters, digits and
harmless signs would be executed: such a file is not checked. With an empty session nothing is counted. It is silent
about a clean file, and just as silent where it could not check at all, so everything that it needs is looked for first.

Source: ``reference/modules/intercheck.md`` sections 2.3 and 2.4.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import evolve
from interhost_hookspecs import (
    AdapterContext,
    ArtifactReady,
    Change,
    Completed,
    Draft,
    HealthSignal,
    Intent,
    Level,
    Outcome,
    PhaseTransition,
    hookimpl,
)
from interhost_hookspecs.files import read_head, short_name
from interhost_hookspecs.phases import canonical_phase

from interhost_intercheck.results import LANGUAGES, compose_failure, read_failure

CHECK = Path("hooks", "syntax-check.sh")
"""The check, below intercheck's root."""

FORMAT = Path("hooks", "auto-format.sh")
"""The formatter, likewise."""

_HARMLESS = re.compile(r"[\w ./@+=,:()\[\]-]+")
_CHECK_SECONDS = 5.0
_FORMAT_SECONDS = 10.0


@hookimpl
def on_artifact_ready(intent: Intent[ArtifactReady], ctx: AdapterContext) -> Outcome:
    """Check the syntax of a file that was written, and format it where the user wants that."""
    if intent.payload.change is Change.REMOVED:
        return Outcome.skipped("the file was removed")
    return _check(intent, ctx)


@hookimpl
def on_phase_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome | None:
    """Check the syntax of the file that a move to shipping is about; no other move is our business."""
    return _check(intent, ctx) if canonical_phase(intent.payload.to) == "shipping" else None


def find_obstacle(path: Path, project: Path | None) -> str:
    """Why a file may not be handed to intercheck's hook; empty when it may.

    Args:
        path: The file.
        project: The project that it has to lie in, without any link on the way.
    """
    if path.suffix not in LANGUAGES:
        return f"intercheck checks no {path.suffix or 'file without suffix'}"
    if not _HARMLESS.fullmatch(str(path)):
        return "its name has signs that intercheck's hook would execute"
    if project is None or not path.is_relative_to(project):
        return "it is not within a project that is known"
    if os.path.realpath(path) != os.path.join(os.path.realpath(project), path.relative_to(project)):
        return "a link leads to it"
    try:
        return "" if stat.S_ISREG(path.lstat().st_mode) else "it is no file"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"


def _check(intent: Intent[Any], ctx: AdapterContext) -> Outcome:
    path, root = intent.artifact_path, ctx.module_root()
    if not ctx.config.is_on("check_files"):
        return Outcome.skipped("check_files is off")
    if path is None:
        return Outcome.skipped("it is about no file")
    if obstacle := find_obstacle(path, intent.project_dir):
        return Outcome.skipped(f"not checked: {obstacle}")
    if root is None or not (root / CHECK).is_file():
        return Outcome.skipped("intercheck is not installed" if root is None else f"this intercheck has no {CHECK}")
    needed = dict.fromkeys(("bash", "jq", LANGUAGES[path.suffix][1]))
    if lacking := next((name for name in needed if ctx.run([name, "--version"]).missing), ""):
        return Outcome.skipped(f"{lacking} is not installed: intercheck would take any file for clean")
    return _judge(_run(root, CHECK, path, ctx, _CHECK_SECONDS), intent, path, ctx)


def _judge(answer: Completed, intent: Intent[Any], path: Path, ctx: AdapterContext) -> Outcome:
    """Tell what a check found. Whoever hears of it decides; nothing is ever blocked."""
    name, failure = short_name(path, intent.project_dir), read_failure(answer.stdout)
    if not answer.ok or (failure is None and answer.stdout.strip()):
        return Outcome.failed(f"{name} was not checked: {answer.why}")
    draft = compose_failure(failure, f"cli:{CHECK.name}") if failure else _compose_clean(path)
    session = intent.extensions.get("session_id")
    ctx.publish(
        evolve(
            draft,
            artifact_path=path,
            context_id=intent.context_id,
            project_dir=intent.project_dir,
            session_id=session if isinstance(session, str) else None,
        )
    )
    if failure:
        return Outcome.done(f"{name}: {failure.message}")
    return Outcome.done(f"{name} is clean{_format(path, ctx)}")


def _format(path: Path, ctx: AdapterContext) -> str:
    """Format a clean file where the user has turned that on; what came of it, as the rest of a sentence."""
    root = ctx.module_root()
    if not ctx.config.is_on("format_files") or root is None or not (root / FORMAT).is_file():
        return ""
    before = read_head(path, -1)
    answer = _run(root, FORMAT, path, ctx, _FORMAT_SECONDS)
    if not answer.ok:
        return f"; not formatted: {answer.why}"
    return "; formatted" if read_head(path, -1) != before else "; it needed no formatting"


def _run(root: Path, script: Path, path: Path, ctx: AdapterContext, timeout: float) -> Completed:
    """Run one of intercheck's hooks for one file, as Claude Code does."""
    event = {"session_id": "", "tool_input": {"file_path": str(path)}}
    argv: Sequence[str] = ["bash", str(root / script)]
    with tempfile.TemporaryDirectory() as scratch:  # else a checked Python file leaves its compiled twin beside it
        env = {"CLAUDE_PLUGIN_ROOT": str(root), "PYTHONPYCACHEPREFIX": scratch}
        return ctx.run(argv, timeout=timeout, stdin=json.dumps(event), env=env)


def _compose_clean(path: Path) -> Draft:
    return Draft(
        payload=HealthSignal(signal="syntax", level=Level.GREEN, detail=f"{path.name}: no syntax error"),
        source_hook=f"cli:{CHECK.name}",
        extensions={"check": "syntax", "language": LANGUAGES[path.suffix][0]},
    )
