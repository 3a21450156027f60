"""What the adapter does about intents: a scan before work ships, a recorded refresh, a request for one.

interwatch is a sensor, not a writer: a document is made anew by a skill, inside a session of the coding agent.

Source: ``reference/modules/interwatch.md`` sections 4.5 and 4.6.
"""

from __future__ import annotations

import json
import os.path
import re
from datetime import timedelta
from functools import partial
from pathlib import Path

from interhost_hookspecs import (
    AdapterContext,
    Advice,
    ArtifactReady,
    Change,
    DriftDetected,
    Intent,
    Outcome,
    PhaseTransition,
    ReleaseState,
    ReleaseStatus,
    hookimpl,
)
from interhost_hookspecs.files import is_plain_name, read_head, replace_text, short_name
from interhost_hookspecs.phases import canonical_phase
from interhost_hookspecs.positions import is_due
from interhost_hookspecs.reading import first_line, read_local_time, read_object, value_at

from interhost_interwatch.report import MOST_BYTES, Document, list_documents, tell_tiers
from interhost_interwatch.scripts import SCAN, compose_audit, find_script, record, scan
from interhost_interwatch.traces import BASELINES, REQUEST

DEPLOYMENT = ".interwatch/deploy-state.json"
"""What is deployed, for documents that interwatch compares with a URL."""

SCAN_EVERY = timedelta(minutes=10)
LIFETIME = timedelta(hours=24)

REQUEST_TEXT = """\
# Refresh wanted: {name}

{producer} says that {path} drifted. interwatch makes it anew by a skill of the coding agent. In {place}, type:

    /interwatch:refresh {name}

This waits for 24 hours. It is closed when interwatch records the refresh.
{audit}"""

ADVICE = (
    "{path} drifted, says {producer}. interwatch makes it anew with `/interwatch:refresh {name}`. Request: {request}."
)

_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")


@hookimpl
def on_phase_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome | None:
    """Scan the documents of a project whose work ships or is done, and tell what drifted."""
    phase = canonical_phase(intent.payload.canonical_to or intent.payload.to)
    return _scan(intent.project_dir, ctx) if phase in ("shipping", "done") else None


@hookimpl
def on_release_status(intent: Intent[ReleaseStatus], ctx: AdapterContext) -> Outcome | None:
    """Scan the documents of a project that was released; record what was deployed, where the user wants it."""
    if intent.payload.stated_state == "deployed":
        return _record_deployment(intent, ctx)
    is_out = intent.payload.state in (ReleaseState.PUBLISHED, ReleaseState.SYNCED)
    return _scan(intent.project_dir, ctx) if is_out else None


@hookimpl
def on_artifact_ready(intent: Intent[ArtifactReady], ctx: AdapterContext) -> Outcome | None:
    """Record that a watched document was made anew, where the user wants it."""
    documents, project = _find_documents(intent), intent.project_dir
    if not documents or project is None or intent.payload.change is Change.REMOVED:
        return None
    if not ctx.config.is_on("record_refreshes"):
        return Outcome.skipped("record_refreshes is off")
    if (script := find_script(ctx, SCAN)) is None:
        return Outcome.skipped("interwatch is not installed")
    return _record([one.name for one in documents], script, project, intent, ctx)


@hookimpl
def on_drift_detected(intent: Intent[DriftDetected], ctx: AdapterContext) -> Outcome | None:
    """Ask for a refresh of a watched document that somebody else found drifted."""
    documents, project = _find_documents(intent) if intent.payload.kind == "doc" else [], intent.project_dir
    if not documents or project is None:
        return None
    if not ctx.config.is_on("request_refreshes"):
        return Outcome.skipped("request_refreshes is off")
    if not str(project).isprintable():  # it goes into text that an agent reads
        return Outcome.skipped("the project's path holds control characters")
    if ctx.module_root() is None:
        return Outcome.skipped("interwatch is not installed")
    waiting = [one for one in ctx.open_requests(REQUEST) if one.artifact_path == intent.artifact_path]
    if any(one.details.get("event_id") != intent.event_id for one in waiting):
        return Outcome.skipped(f"already requested: {waiting[0].path}")
    return _request(documents[0], project, intent, ctx)


def _scan(project: Path | None, ctx: AdapterContext) -> Outcome:
    if not ctx.config.is_on("scan"):
        return Outcome.skipped("scan is off")
    if project is None or not os.path.isdir(project):
        return Outcome.skipped(f"there is no project to scan: {project}")
    if (script := find_script(ctx, SCAN)) is None:
        return Outcome.skipped("interwatch is not installed")
    if not is_due(ctx, f"scan:{project}", SCAN_EVERY):
        return Outcome.skipped("scanned less than ten minutes ago")
    report = scan(script, project, ctx)
    if isinstance(report, Outcome):
        return report
    drafts = list(tell_tiers(report, project, ctx, source="cli:interwatch-scan"))
    for draft in drafts:
        ctx.publish(draft)
    told = f"scanned {len(report.documents)} documents, told {len(drafts)}"
    if not os.path.lexists(project / ".git"):
        return Outcome.degraded(f"{told}; {project} is no git repository, so no commit counts")
    return Outcome.done(told)


def _find_documents(intent: Intent[object]) -> list[Document]:
    """The intent's file among the documents that interwatch watches, as its last saved scan has them.

    Names of an older scan do not count: interwatch takes one that it no longer watches into its baselines.
    """
    path, project = intent.artifact_path, intent.project_dir
    if path is None or project is None or "\0" in str(path):
        return []
    known = [one for one in list_documents(project) if one.path and is_plain_name(one.name)]
    return [one for one in known if one.path and os.path.realpath(one.path) == os.path.realpath(path)]


def _record(
    names: list[str], script: Path, project: Path, intent: Intent[ArtifactReady], ctx: AdapterContext
) -> Outcome:
    said = []
    for name in names:
        if not ctx.once(f"record-{name}", happened=partial(_is_recorded, name, project, intent)):
            said.append(f"{name} by an earlier attempt")
            continue
        outcome = record(script, name, project, ctx)
        if isinstance(outcome, Outcome):
            return outcome
        said.append(f"{name} {outcome}")
    return Outcome.done(f"recorded: {', '.join(said)}")


def _is_recorded(name: str, project: Path, intent: Intent[ArtifactReady]) -> bool:
    """Whether the baselines know of a refresh since the document was made; interwatch's clock has seconds."""
    baselines = value_at(read_object(read_head(project / BASELINES, MOST_BYTES + 1)), "baselines")
    baseline = baselines.get(name) if isinstance(baselines, dict) else None
    at = read_local_time(value_at(baseline, "refreshed_at"))
    return at is not None and at >= intent.occurred_at.replace(microsecond=0)


def _request(document: Document, project: Path, intent: Intent[DriftDetected], ctx: AdapterContext) -> Outcome:
    path = short_name(document.path or project, project)
    facts = {"name": document.name, "path": path, "producer": intent.producer}
    prompt = compose_audit(path, project, ctx)
    audit = f"\n## What to hold it against\n\n{prompt}" if prompt else ""
    request = ctx.request(
        REQUEST,
        REQUEST_TEXT.format(**facts, place=project, audit=audit),
        {"command": f"/interwatch:refresh {document.name}", "watchable": document.name},
        expires=ctx.now() + LIFETIME,
    )
    text = ADVICE.format(**facts, request=request)
    ctx.advise(Advice(text=text, context_id=intent.context_id))
    return Outcome.degraded(f"refresh requested: {request}")


def _record_deployment(intent: Intent[ReleaseStatus], ctx: AdapterContext) -> Outcome:
    """Write down which commit is deployed; interwatch only reads it."""
    if not ctx.config.is_on("record_deployments"):
        return Outcome.skipped("record_deployments is off")
    commit = first_line(read_object(intent.payload_text), "sha", "commit", "git_sha") or ""
    if not _COMMIT.fullmatch(commit):
        return Outcome.skipped("the release names no commit")
    folder = (intent.project_dir or Path("/")) / ".interwatch"
    if intent.project_dir is None or not os.path.isdir(folder) or os.path.islink(folder):
        return Outcome.skipped("the project has no .interwatch folder of its own")
    try:
        replace_text(folder / "deploy-state.json", json.dumps({"sha": commit}) + "\n")
    except OSError as error:
        return Outcome.failed(f"{folder / 'deploy-state.json'}: {error.strerror}")
    return Outcome.done(f"recorded that {commit} is deployed")
