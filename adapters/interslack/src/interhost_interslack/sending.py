"""From a fact to a message: drafted for a person, or sent once where the user has turned that on.

Source: ``reference/modules/interslack.md`` sections 6.4 and 6.5.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from attrs import evolve
from interhost_hookspecs import AdapterContext, Draft, InDoubtError, Intent, Outcome, Severity
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import read_object

from interhost_interslack.slack import PROGRAM, RECIPIENT, WORKSPACE, Answer, Message, send
from interhost_interslack.wording import compose_message

TOLD = "interslack.message@1.0"
"""What came of a message, as a fact."""

KIND = "message"
"""Kind of the request files that hold drafts."""

DRAFT = """\
# A message for Slack, not sent

{why}. The text, as Slack should get it:

{fence}text
{text}
{fence}

This sends it, under your own name:

{fence}sh
{command}
{fence}
"""

_GRAVITY = (Severity.INFO, Severity.WARN, Severity.ERROR)
_HOUR = 3600.0
_THREADS = 256


def consider(intent: Intent[object], ctx: AdapterContext, *, deserves: bool) -> Outcome | None:
    """Draft or send a message about a fact, or say why there is none.

    Args:
        intent: The fact.
        ctx: Knows settings and module.
        deserves: Whether it is one of those that people are told of; others only as errors, and if ``errors`` is on.
    """
    if not deserves and not (intent.severity is Severity.ERROR and ctx.config.is_on("errors")):
        return None
    if _GRAVITY.index(intent.severity) < _GRAVITY.index(floor := Severity(ctx.config.text("min_severity"))):
        return Outcome.skipped(f"{intent.severity} is below min_severity, {floor}")
    if ctx.module_root() is None:
        return Outcome.skipped("interslack is not installed")
    message = _address(intent, ctx)
    if not ctx.config.is_on("send"):
        return _draft(message, "Sending is off", ctx)
    if not message.workspace or not message.recipient:
        return _draft(message, f"No allowed {'recipient' if message.workspace else 'workspace'} is set", ctx)
    version = ctx.run([PROGRAM, "--version"])
    if version.missing:
        return _end(Answer(state="skipped", reason=f"{PROGRAM} is not installed"), message, intent, ctx)
    return _send_once(message, version.stdout, intent, ctx)


def read_setting(ctx: AdapterContext, name: str, form: re.Pattern[str]) -> str:
    """A setting that is a text of some form; empty when it is not."""
    value = ctx.config.text(name)
    return value if form.fullmatch(value) else ""


def _address(intent: Intent[object], ctx: AdapterContext) -> Message:
    """The message with its address. A recipient that the fact names has to be allowed: else nobody gets it."""
    recipient, named = read_setting(ctx, "recipient", RECIPIENT), getattr(intent.payload, "recipient", None)
    if named is not None and named != recipient:
        is_allowed = named in ctx.config.texts("recipients") and RECIPIENT.fullmatch(named)
        recipient = named if is_allowed else ""
    return Message(
        text=compose_message(intent), workspace=read_setting(ctx, "workspace", WORKSPACE), recipient=recipient
    )


def _send_once(message: Message, version: str, intent: Intent[object], ctx: AdapterContext) -> Outcome:
    try:
        ctx.once("send")
    except InDoubtError:
        return _end(Answer(state="unknown", reason="an earlier attempt was interrupted"), message, intent, ctx)
    if not _has_room(ctx):
        return _draft(message, "As many messages as per_hour allows were sent within the last hour", ctx)
    threads = recall(ctx, "threads")
    asked = read_object(intent.payload_text).get("thread_of")
    place = threads.get(asked) if isinstance(asked, str) else None
    if place and place[0] == message.recipient:
        message = evolve(message, thread=place[1])
    answer = send(message, version, ctx)
    if answer.ts:
        threads[intent.event_id] = [message.recipient, message.thread or answer.ts]
        keep(ctx, "threads", threads, most=_THREADS)
    return _end(answer, message, intent, ctx)


def _has_room(ctx: AdapterContext) -> bool:
    """Whether one more message may be sent within this hour; it is counted, whatever comes of it."""
    now = ctx.now().timestamp()
    times = [one for one in recall(ctx, "sent").get("times", []) if now - _HOUR < one]
    if len(times) >= ctx.config.count("per_hour"):
        return False
    keep(ctx, "sent", {"times": [*times, now]})
    return True


def _end(answer: Answer, message: Message, intent: Intent[object], ctx: AdapterContext) -> Outcome:
    """Tell what came of a message. One that may have been sent is left to a person, who can look."""
    outcome = Outcome.done(f"sent to {message.recipient}")
    told = {
        "state": answer.state,
        "for_event_id": intent.event_id,
        "by": "adapter",
        "recipient_id": message.recipient,
        "channel_id": answer.channel,
        "ts": answer.ts,
        "permalink": answer.permalink,
        "reason": answer.reason or None,
    }
    path = None
    if answer.state != "sent":
        unsure = "It is unknown whether this was sent, so look into Slack first"
        why = unsure if answer.state == "unknown" else "It could not be sent"
        path = _write(message, f"{why}: {answer.reason}", ctx)
        end = Outcome.skipped if answer.state == "skipped" else Outcome.failed
        outcome = end(f"{'' if answer.state == 'skipped' else f'{answer.state}: '}{answer.reason}; drafted: {path}")
    ctx.publish(
        Draft(
            payload={key: value for key, value in told.items() if value is not None},
            intent=TOLD,
            context_id=intent.context_id,
            artifact_path=path,
            severity=Severity.INFO if answer.state == "sent" else Severity.WARN,
            source_hook=f"cli:{PROGRAM}",
        )
    )
    return outcome


def _draft(message: Message, why: str, ctx: AdapterContext) -> Outcome:
    return Outcome.degraded(f"{why[0].lower()}{why[1:]}; drafted: {_write(message, why, ctx)}")


def _write(message: Message, why: str, ctx: AdapterContext) -> Path:
    """The draft, with the exact command; what is not known stands there in capitals."""
    whole = evolve(message, workspace=message.workspace or "WORKSPACE", recipient=message.recipient or "RECIPIENT")
    # No run of backticks in the text may end the block that it stands in.
    fence = "`" * (1 + max(2, *map(len, re.findall(r"`+", message.text)), 0))
    text = DRAFT.format(why=why, text=message.text, command=shlex.join(whole.argv()), fence=fence)
    return ctx.request(KIND, text, {"text": message.text, "command": whole.argv()})
