"""Asking for a review, by the best means there is: the run of the sprint, a session that was paid for, or a person.

interflux has no daemon, no queue and no command line, and its commands set ``disable-model-invocation``. Whatever the
means, a request file stays open until the review appears, or for a day. Source: ``reference/modules/interflux.md``
section 2.6.
"""

from __future__ import annotations

import os
import shlex
from datetime import timedelta
from pathlib import Path

from interhost_hookspecs import AdapterContext, Advice, Intent, Outcome

from interhost_interflux.actions import add_action
from interhost_interflux.headless import start_review
from interhost_interflux.subject import KIND, document_of
from interhost_interflux.wanted import Wanted, find_review

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


def react(wanted: Wanted | None, intent: Intent[object], ctx: AdapterContext) -> Outcome | None:
    """Request what is wanted, unless something says no; ``None`` when nothing is wanted."""
    if wanted is None:
        return None
    path, project = wanted.document, intent.project_dir
    if ctx.config.get("request_reviews", True) is not True:
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
    if project and (review := find_review(path, project)):
        return Outcome.skipped(f"already reviewed: {review}")
    return _request(path, wanted.kind, _choose_command(wanted.kind, root), intent, ctx)


def _request(path: Path, kind: str, command: str, intent: Intent[object], ctx: AdapterContext) -> Outcome:
    """Write the request, then find someone to fulfil it."""
    project = intent.project_dir
    name = str(path.relative_to(project) if project and path.is_relative_to(project) else path)
    facts = {"kind": kind, "name": name, "command": f"{command} {shlex.quote(name)}"}
    request = ctx.request(
        KIND,
        REQUEST.format(**facts, place=project or "the project"),
        {"command": facts["command"], "path": str(path), "artifact_kind": kind},
        expires=ctx.now() + LIFETIME,
    )
    if where := add_action(name, kind, command, intent, ctx):
        return Outcome.done(f"review is an action of {where}; request: {request}")
    problem = ""
    if ctx.config.get("headless") is True and project:
        started = start_review(path, project, request, ctx)
        if isinstance(started, Path):
            return Outcome.done(f"review started; log: {started}")
        problem = f"; {started}"
    advice = ADVICE.format(**facts, request=request)
    ctx.advise(Advice(text=advice, context_id=intent.context_id, expires=ctx.now() + LIFETIME))
    return Outcome.degraded(f"review requested: {request}{problem}")


def _choose_command(kind: str, root: Path) -> str:
    """A brainstorm deserves several tracks, as Clavain's own runs have it; older versions of interflux have none."""
    has_tracks = kind == "brainstorm" and (root / "commands" / "flux-review.md").is_file()
    return "/interflux:flux-review" if has_tracks else "/interflux:flux-drive"
