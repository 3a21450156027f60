"""What the adapter does about intents: look whether a plugin is ready for its release, and leave that to a person.

A real publish is made only where the user wants it, and only with ``--auto``: that alone asks for the approval of what
an agent wrote. It also clears the lock of another publish, so it is never run while there is one.

Source: ``reference/modules/interpub.md`` sections 5.2, 5.4 and 5.5.
"""

from __future__ import annotations

import shlex
from datetime import timedelta
from functools import partial
from pathlib import Path

from attrs import evolve
from interhost_hookspecs import (
    AdapterContext,
    Advice,
    Intent,
    Outcome,
    PhaseTransition,
    ReleaseState,
    ReleaseStatus,
    ReviewPass,
    Severity,
    Verdict,
    hookimpl,
)
from interhost_hookspecs.files import read_head
from interhost_hookspecs.phases import canonical_phase
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import first_line, plain_line, read_objects

from interhost_interpub.canaries import CANARIES, MOST_BYTES, read_moment
from interhost_interpub.candidates import Candidate, Obstacles, choose_word, find_candidate
from interhost_interpub.checks import find_head, find_lock, is_signer, needs_approval
from interhost_interpub.commands import list_findings, run_ic
from interhost_interpub.output import compose_failure, read_output, text_of
from interhost_interpub.releases import REQUEST, Plugin, compose, is_version, read_plugin

LIFETIME = timedelta(hours=24)

REQUEST_TEXT = """\
# Ready for release: {plugin} {version}

`ic publish --dry-run` and the checks that it leaves out find nothing against {plugin} {before} → {version}.
Files with the version: {files}.{approval}

Nothing was published. In {place}, type:

    {command}

This waits for 24 hours. It is closed when the release is seen, or when a review finds something against it.
"""

APPROVAL = (
    "\n\nAn agent had a part in the last commit. The command below does not ask for your approval: look at it first."
)

_PUBLISH_TIMEOUT = 180.0


@hookimpl
def on_phase_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome | None:
    """Look whether a plugin whose work ships is ready for its release, by a dry run, and ask a person to make it."""
    phase = canonical_phase(intent.payload.canonical_to or intent.payload.to)
    return _prepare(intent, None, ctx) if phase == "shipping" else None


@hookimpl
def on_release_status(intent: Intent[ReleaseStatus], ctx: AdapterContext) -> Outcome | None:
    """Hold a release that somebody else says is prepared against a dry run and further checks."""
    if intent.payload.state is not ReleaseState.PREPARED:
        return None
    version = intent.payload.version
    if version is not None and not is_version(version):
        return Outcome.skipped(f"{plain_line(version)} is no version")
    return _prepare(intent, version, ctx, name=intent.payload.module)


@hookimpl
def on_review_pass(intent: Intent[ReviewPass], ctx: AdapterContext) -> Outcome | None:
    """Take back what is ready for release when a review of the same context finds something against it."""
    if intent.payload.verdict not in (Verdict.NEEDS_CHANGES, Verdict.RISKY):
        return None
    waiting = [one for one in ctx.open_requests(REQUEST) if one.context_id == intent.context_id]
    for request in waiting:
        reason = f"a review finished {intent.payload.verdict}"
        ctx.close_request(request, f"blocked: {reason}")
        name, version = first_line(request.details, "plugin"), first_line(request.details, "version")
        if name and request.project_dir:
            obstacles = Obstacles(version=version, reasons=(reason,))
            _block(name, obstacles, request.project_dir, intent, ctx, source="intent:review_pass")
    return Outcome.done(f"blocked: {len(waiting)} prepared releases") if waiting else None


def _prepare(
    intent: Intent[object], wanted: str | None, ctx: AdapterContext, *, name: str | None = None
) -> Outcome | None:
    plugin = read_plugin(intent.project_dir) if intent.project_dir else None
    if plugin is None or (name is not None and name != plugin.name):
        return None
    if not ctx.config.is_on("prepare"):
        return Outcome.skipped("prepare is off")
    if not str(plugin.root).isprintable():  # it goes into text that an agent reads
        return Outcome.skipped("the project's path holds control characters")
    if (head := find_head(plugin.root, ctx)) is None:
        return Outcome.skipped(f"{plugin.root} has no commit to release")
    word = choose_word(wanted, ctx)
    if recall(ctx, f"prepared:{plugin.root}") == {"head": head, "word": word}:
        return Outcome.skipped(f"looked at {plugin.name} at this commit already")
    found = find_candidate(plugin, word, ctx)
    if isinstance(found, Outcome):
        return found
    if isinstance(found, Obstacles):
        _block(plugin.name, found, plugin.root, intent, ctx, source="cli:ic publish --dry-run")
        return Outcome.done(f"{plugin.name} is not ready: {'; '.join(found.reasons)}")
    keep(ctx, f"prepared:{plugin.root}", {"head": head, "word": word})
    return _offer(found, head, intent, ctx)


def _offer(candidate: Candidate, head: str, intent: Intent[object], ctx: AdapterContext) -> Outcome:
    """Say that a release is prepared; publish it where that is wanted and allowed, else ask a person."""
    plugin, wants = candidate.plugin, ctx.config.is_on("publish")
    objection = _find_objection(candidate, ctx) if wants else ""
    # What a publish leaves looks like the next release, so an earlier attempt is asked for before anything is told.
    if wants and not objection and not ctx.once("publish", happened=partial(_is_published, plugin, intent, ctx)):
        return Outcome.done(f"{plugin.name} was published by an earlier attempt")
    errors = list_findings(plugin.root, ctx) if ctx.config.is_on("run_doctor") else None
    approval = needs_approval(plugin.root, ctx)
    draft = compose(
        plugin.name,
        candidate.version,
        ReleaseState.PREPARED,
        ctx,
        source="cli:ic publish --dry-run",
        previous=plugin.version,
        root=plugin.root,
        dry_run=True,
        extensions={
            "version_files": list(candidate.files),
            "doctor_errors": errors and [one["message"] for one in errors if one["plugin"] == plugin.name],
            "needs_approval": approval,
            "git_sha": head,
        },
    )
    ctx.publish(evolve(draft, context_id=intent.context_id))
    if wants and not objection:
        return _publish(plugin, intent, ctx)
    return _request(candidate, approval, objection, intent, ctx)


def _request(
    candidate: Candidate, approval: bool | None, why_not: str, intent: Intent[object], ctx: AdapterContext
) -> Outcome:
    plugin, version = candidate.plugin, candidate.version
    command = f"/interpub:release {shlex.quote(version)}"
    request = ctx.request(
        REQUEST,
        REQUEST_TEXT.format(
            plugin=plugin.name,
            version=version,
            before=plugin.version,
            files=", ".join(candidate.files) or "plugin.json",
            approval=APPROVAL if approval is not False else "",
            place=plugin.root,
            command=command,
        ),
        {"command": command, "plugin": plugin.name, "version": version},
        expires=ctx.now() + LIFETIME,
    )
    text = (
        f"{plugin.name} {plugin.version} → {version} is ready for release; nothing was published. Request: {request}."
    )
    ctx.advise(Advice(text=text, context_id=intent.context_id))
    return Outcome.degraded(f"{plugin.name} {version} is ready, for a person to release: {request}{why_not}")


def _find_objection(candidate: Candidate, ctx: AdapterContext) -> str:
    """Why this adapter does not publish a release although it may; empty when nothing is against it."""
    if not candidate.is_patch:
        return "; --auto makes patch releases only"
    return "" if is_signer(ctx) else "; this machine is no signer"


def _publish(plugin: Plugin, intent: Intent[object], ctx: AdapterContext) -> Outcome:
    """Let ``ic`` publish with all of its gates; whatever it leaves is told by whoever sees it."""
    if locked := list(find_lock(plugin.root)):  # since the dry run
        return Outcome.skipped(f"nothing was published: {locked[0]}")
    answer = run_ic(["--auto", f"--cwd={plugin.root}"], plugin.root, ctx, timeout=_PUBLISH_TIMEOUT)
    said = read_output(text_of(answer))
    if answer.ok and said.ended:
        return Outcome.done(f"{said.ended} {plugin.name} {said.to_version}")  # the canary tells it
    if answer.ok:
        return Outcome.skipped(f"nothing was published: {plain_line(answer.why)}")
    if answer.returncode is None:
        return Outcome.failed(f"nobody can tell whether {plugin.name} was published: {answer.problem}")
    said = said if said.failed else evolve(said, failed=plain_line(answer.why))
    failure = compose_failure(plugin.name, said, answer.returncode, plugin.root, ctx, source="cli:ic publish --auto")
    ctx.publish(evolve(failure, context_id=intent.context_id))
    return Outcome.failed(f"{plugin.name} was not published: {said.failed}")


def _is_published(plugin: Plugin, intent: Intent[object], ctx: AdapterContext) -> bool | None:
    """Whether an earlier attempt has published: its canary says so. Without one nobody can tell how far it came."""
    for record in read_objects(read_head(ctx.home / CANARIES, MOST_BYTES + 1)):
        at = read_moment(record.get("published_at"))
        if record.get("plugin") == plugin.name and at and at >= intent.occurred_at.replace(microsecond=0):
            return True
    return None


def _block(
    name: str, obstacles: Obstacles, root: Path, intent: Intent[object], ctx: AdapterContext, *, source: str
) -> None:
    draft = compose(
        name,
        obstacles.version,
        ReleaseState.BLOCKED,
        ctx,
        source=source,
        severity=Severity.WARN,
        reason=plain_line("; ".join(obstacles.reasons)),
        root=root,
        dry_run=True,
        extensions={"reasons": [plain_line(one) for one in obstacles.reasons]},
    )
    ctx.publish(evolve(draft, context_id=intent.context_id))
