"""Telling every agent of a project something, once.

Source: ``reference/modules/interlock.md`` sections 4.5 and 4.7.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from interhost_hookspecs import AdapterContext, Intent, Outcome
from interhost_hookspecs.files import short_name
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import plain_line

from interhost_interlock.client import DownError, LostError, RefusedError
from interhost_interlock.own import doubt, identify
from interhost_interlock.service import find_service

_TOO_MANY = 429
_LATER = timedelta(seconds=60)  # the service takes ten a minute


def broadcast(intent: Intent[Any], topic: str, text: str, ctx: AdapterContext) -> Outcome:
    """Tell it under a topic, unless the user does not want that.

    Args:
        intent: What it is about.
        topic: ``review`` or ``gate``.
        text: What is to be said of it, after its name.
        ctx: Has settings and memory.

    Raises:
        InDoubtError: An earlier attempt may have told it, and nobody can say.
    """
    if not ctx.config.is_on("broadcast"):
        return Outcome.skipped("broadcast is off")
    if intent.project_dir is None:
        return Outcome.skipped(f"the project of {intent.context_id} is not known")
    project = intent.project_dir.name
    later: dict[str, Any] = recall(ctx, "later")
    is_second = later.pop(intent.event_id, False)
    keep(ctx, "later", later)
    try:
        if (service := find_service(ctx)) is None:
            return Outcome.skipped("interlock is not installed")
        who = identify(project, service, ctx)
        ctx.once("broadcast again" if is_second else "broadcast")
        service.broadcast(who, project, *_compose(intent, topic, text), topic)
    except DownError as error:
        return Outcome.skipped(str(error))
    except LostError as error:
        return Outcome.failed(f"in doubt: {error}; the agents may have been told")
    except RefusedError as error:
        if error.status == _TOO_MANY and not is_second:
            keep(ctx, "later", later | {intent.event_id: True}, most=64)
            return Outcome.deferred(ctx.now() + _LATER, str(error))
        doubt(project, error, ctx)
        return Outcome.skipped(f"{error}: dropped") if error.status == _TOO_MANY else Outcome.failed(str(error))
    return Outcome.done(f"told every agent of {plain_line(project)}")


def _compose(intent: Intent[Any], topic: str, text: str) -> tuple[str, str]:
    """Subject and body; the body is an object, as in the messages of interlock itself."""
    file = short_name(intent.artifact_path, intent.project_dir) if intent.artifact_path else None
    said = plain_line(f"{topic} of {file or intent.context_id} {text}")
    facts = {"type": topic, "text": said, "context_id": intent.context_id, "file": file, "event_id": intent.event_id}
    return said, json.dumps({key: plain_line(value) for key, value in facts.items() if value})
