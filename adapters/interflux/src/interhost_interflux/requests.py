"""Asking for a review, by the best means there is: the run of the sprint, a session that was paid for, or a person.

interflux has no daemon, no queue and no command line, and its commands set ``disable-model-invocation``. Whatever the
means, a request file stays open until the review appears, or for a day.

Source: ``reference/modules/interflux.md`` sections 2.6 and 2.8.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from interhost_hookspecs import (
    AdapterContext,
    ArtifactReady,
    Change,
    DriftDetected,
    GateOutcome,
    GateResult,
    Intent,
    Outcome,
    PhaseTransition,
    hookimpl,
)
from interhost_hookspecs.files import list_by_age, short_name
from interhost_hookspecs.reading import value_at
from interhost_hookspecs.sessions import have_fulfilled

from interhost_interflux.reviews import find_review
from interhost_interflux.subject import FOLDERS, KIND, document_of

PHASES = {"planned": "plan", "strategized": "prd", "brainstorm": "brainstorm"}
"""Phase to the kind of document that is written when it begins."""

LIFETIME = timedelta(hours=24)

REQUEST = """\
# Review wanted: {name}

A {kind} is ready for review. interflux runs inside a session of the coding agent, so this waits for someone to start
it. In {place}, type:

    {command}

The command is closed to the model (`disable-model-invocation`); an agent can use the skill `interflux:flux-engine`.

When the findings appear below `docs/research/`, the host publishes `review_pass` with the verdict counted from them,
`artifact_ready` for the report, and closes this request. It waits for 24 hours.
"""

ADVICE = (
    "A {kind} is ready for review: {name}. Request: {request}. The command is `{command}`; it is marked "
    "disable-model-invocation, so a person types it, or the agent uses the skill interflux:flux-engine. "
    "The result is published as review_pass when its findings.json appears."
)

# A phase may be called review, too.
_REVIEW = re.compile(r"(?<!phase )(?<!phase [\"'])\breviews?\b|\bflux-(?:drive|review)\b", re.IGNORECASE)
_LACKS = re.compile(r"\b(?:stale|missing|outdated|older|no|not|never|without|run)\b", re.IGNORECASE)


@hookimpl
def on_artifact_ready(intent: Intent[ArtifactReady], ctx: AdapterContext) -> Outcome | None:
    """Ask for a review of a plan, PRD or brainstorm; every other artifact is not our business."""
    # Reports of reviews least of all, or it would never end.
    if intent.payload.kind not in FOLDERS or intent.payload.change is Change.REMOVED:
        return None
    return _react(intent.artifact_path, intent.payload.kind, intent, ctx)


@hookimpl
def on_phase_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome | None:
    """Ask for a review of the document of the phase that begins."""
    kind = PHASES.get(intent.payload.canonical_to or intent.payload.to)
    return _react(intent.artifact_path or _find_document(intent, (kind,), ctx), kind, intent, ctx) if kind else None


@hookimpl
def on_gate_result(intent: Intent[GateResult], ctx: AdapterContext) -> Outcome | None:
    """Ask for the review that a gate found missing or stale."""
    if intent.payload.outcome is not GateOutcome.BLOCK or not _lacks_review(intent.payload):
        return None
    document = intent.artifact_path or _find_document(intent, FOLDERS, ctx)
    named = (kind for kind, folder in FOLDERS.items() if document and f"/{folder}/" in f"{document}")
    return _react(document, next(named, "doc"), intent, ctx)


@hookimpl
def on_drift_detected(intent: Intent[DriftDetected], ctx: AdapterContext) -> Outcome | None:
    """Ask for a review of a document that drifted."""
    return _react(intent.artifact_path, "doc", intent, ctx) if intent.payload.kind == "doc" else None


def _react(path: Path | None, kind: str, intent: Intent[object], ctx: AdapterContext) -> Outcome:
    """Request the review of a document, unless something says no.

    Args:
        path: Where the document should be; ``None`` when nobody says.
        kind: A key of ``FOLDERS``, or ``doc``.
        intent: What it is wanted for.
        ctx: Knows module, requests and settings.
    """
    if not ctx.config.is_on("request_reviews"):
        return Outcome.skipped("request_reviews is off")
    if (root := ctx.module_root()) is None:
        return Outcome.skipped("interflux is not installed")
    if path is None or not os.path.isfile(path):
        return Outcome.skipped(f"there is no file to review: {path}")
    if not str(path).isprintable():  # the path goes into text that an agent reads
        return Outcome.skipped("the path holds control characters")
    waiting = [one for one in ctx.open_requests(KIND) if document_of(one) == path]
    if any(one.details.get("event_id") != intent.event_id for one in waiting):
        return Outcome.skipped(f"already requested: {waiting[0].path}")
    if intent.project_dir and (review := find_review(path, intent.project_dir)):
        return Outcome.skipped(f"already reviewed: {review}")
    return _request(path, kind, _choose_command(kind, root), intent, ctx)


def _request(path: Path, kind: str, command: str, intent: Intent[object], ctx: AdapterContext) -> Outcome:
    """Write the request, then find someone to fulfil it."""
    project, name = intent.project_dir, short_name(path, intent.project_dir)
    facts = {"kind": kind, "name": name, "command": f"{command} {shlex.quote(name)}"}
    request = ctx.request(
        KIND,
        REQUEST.format(**facts, place=project or "the project"),
        {"command": facts["command"], "path": str(path), "artifact_kind": kind},
        expires=ctx.now() + LIFETIME,
    )
    if where := _add_action(name, kind, command, intent, ctx):
        return Outcome.done(f"review is an action of {where}; request: {request}")
    prompt = _compose_prompt(path, project) if project else ""
    return have_fulfilled(request, prompt, ADVICE.format(**facts, request=request), intent, ctx, what="review")


def _add_action(name: str, kind: str, command: str, intent: Intent[object], ctx: AdapterContext) -> str | None:
    """Put the review into the run that the intent is about; run and phase in words, ``None`` when there is none.

    Clavain seeds its runs with the same command in the same phase, for the run's own artifact.
    """
    run = ctx.runs.find_active(intent.context_id, intent.project_dir) if intent.project_dir else None
    phase = run.upcoming(next((phase for phase, of in PHASES.items() if of == kind), None)) if run else None
    if not run or not phase:
        return None
    added = ctx.runs.add_action(run, phase, command, [name], seeded=[f"${{artifact:{kind}}}"])
    return f"run {run.id}, phase {phase}" if added else None


def _compose_prompt(path: Path, project: Path) -> str:
    """The command, with a directory for its results that is named after the document."""
    digest = hashlib.sha256(str(path).encode("utf-8", "replace")).hexdigest()[:8]
    folder = project / "docs/research/flux-drive" / f"{path.stem}-{digest}"
    return f"/interflux:flux-drive {shlex.quote(str(path))} --output-dir {shlex.quote(str(folder))}"


def _choose_command(kind: str, root: Path) -> str:
    """A brainstorm deserves several tracks, as Clavain's own runs have it; older versions of interflux have none."""
    has_tracks = kind == "brainstorm" and (root / "commands" / "flux-review.md").is_file()
    return "/interflux:flux-review" if has_tracks else "/interflux:flux-drive"


def _lacks_review(gate: GateResult) -> bool:
    """Whether the reason, or a condition that did not hold, speaks of a review that is not there."""
    failed = [one for one in gate.evidence or () if value_at(one, "result") == "fail"]
    said = f"{gate.reason or ''} {gate.stated_decision or ''} {' '.join(str(one.get('detail', '')) for one in failed)}"
    by_check = any(one.get("check") == "verdict_exists" for one in failed)
    return by_check or bool(_REVIEW.search(said) and _LACKS.search(said))


def _find_document(intent: Intent[object], kinds: Iterable[str], ctx: AdapterContext) -> Path | None:
    """The youngest document of the intent's bead."""
    project = intent.project_dir
    if project is None or intent.bead is None:
        return None
    found = list_by_age(path for kind in kinds for path in project.glob(f"{FOLDERS[kind]}/**/*.md"))
    return next((path for _, path in reversed(found) if ctx.find_bead(path) == intent.bead), None)
