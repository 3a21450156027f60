"""Asking for a review: a request file and a line of advice, because nothing but a session can run one.

interflux has no daemon, no queue and no command line, and its commands set ``disable-model-invocation``.
"""

from __future__ import annotations

import shlex
from datetime import timedelta
from pathlib import Path

from interhost_hookspecs import AdapterContext, Advice, ArtifactReady, Intent, Outcome

LIFETIME = timedelta(hours=24)

REQUEST = """\
# Review wanted: {name}

A {kind} is ready for review. interflux runs inside a session of the coding agent, so this waits for someone to start
it. In {place}, type:

    {command}

The command is closed to the model (`disable-model-invocation`); an agent can use the skill `interflux:flux-engine`.

When the findings appear below `docs/research/flux-drive/`, the host publishes `review_pass` with the verdict counted
from them, and `artifact_ready` for the report.
"""

ADVICE = (
    "A {kind} is ready for review: {name}. Request: {request}. The command is `{command}`; it is marked "
    "disable-model-invocation, so a person types it, or the agent uses the skill interflux:flux-engine. "
    "The result is published as review_pass when its findings.json appears."
)


def request_review(path: Path, intent: Intent[ArtifactReady], ctx: AdapterContext) -> Outcome:
    """Write the request for one document and advise its context of it."""
    project = intent.project_dir
    name = str(path.relative_to(project) if project and path.is_relative_to(project) else path)
    facts = {"kind": intent.payload.kind, "name": name, "command": f"/interflux:flux-drive {shlex.quote(name)}"}
    text = REQUEST.format(**facts, place=project or "the project")
    request = ctx.request(
        "review", text, {"command": facts["command"], "path": str(path), "artifact_kind": facts["kind"]}
    )
    advice = ADVICE.format(**facts, request=request)
    ctx.advise(Advice(text=advice, context_id=intent.context_id, expires=ctx.now() + LIFETIME))
    return Outcome.degraded(f"review requested: {request}")
