"""The hooks of the interslack adapter: which facts deserve a message, and messages that the agent sends itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from interhost_hookspecs import (
    AdapterContext,
    AdapterInfo,
    Check,
    CheckLevel,
    Coordination,
    Draft,
    DriftDetected,
    GateResult,
    HealthSignal,
    HookEvent,
    Intent,
    Level,
    Notify,
    Observation,
    Outcome,
    ReleaseState,
    ReleaseStatus,
    ReviewPass,
    Severity,
    Verdict,
    hookimpl,
)
from interhost_hookspecs.checks import check_module, check_program
from interhost_hookspecs.reading import fact_key, read_object, read_object_lines, value_at

from interhost_interslack.sending import TOLD, consider, read_setting
from interhost_interslack.slack import PROGRAM, RECIPIENT, SENT, TIMESTAMP, WORKSPACE
from interhost_interslack.wording import clean_line

_BAD = (Verdict.NEEDS_CHANGES, Verdict.RISKY)
# A call where a command begins; quoting the command is not running it.
# What precedes the program cannot reach over the beginning of another command: a long script is read once.
_CALL = re.compile(
    r"(?:^|[;&|(\n])[^\S\n]*(?:\w+=[^\s;&|(]+\s+)*"
    r"(?:[^\s;&|(]*/)?slackcli\s+messages\s+send\b(?P<words>[^;&|\n]*)"
)
_NAMED = re.compile(rf"--recipient-id[= ][\"']?({RECIPIENT.pattern})(?![A-Za-z0-9])")


@hookimpl
def on_notify(intent: Intent[Notify], ctx: AdapterContext) -> Outcome | None:
    """Draft or send what someone should be told."""
    return consider(intent, ctx, deserves=True)


@hookimpl
def on_release_status(intent: Intent[ReleaseStatus], ctx: AdapterContext) -> Outcome | None:
    """Draft or send that a release was published, or failed, or that its canary did."""
    state = intent.payload.state
    has_failed = state is ReleaseState.CANARY and intent.severity is Severity.ERROR
    return consider(intent, ctx, deserves=has_failed or state in (ReleaseState.PUBLISHED, ReleaseState.FAILED))


@hookimpl
def on_review_pass(intent: Intent[ReviewPass], ctx: AdapterContext) -> Outcome | None:
    """Draft or send that a review found something that has to change."""
    return consider(intent, ctx, deserves=intent.payload.verdict in _BAD)


@hookimpl
def on_health_signal(intent: Intent[HealthSignal], ctx: AdapterContext) -> Outcome | None:
    """Draft or send that the context of a session is full."""
    is_full = intent.payload.signal == "context_pressure" and intent.payload.level is Level.RED
    return consider(intent, ctx, deserves=is_full)


@hookimpl
def on_gate_result(intent: Intent[GateResult], ctx: AdapterContext) -> Outcome | None:
    """Draft or send it if it is an error and `errors` is on."""
    return consider(intent, ctx, deserves=False)


@hookimpl
def on_drift_detected(intent: Intent[DriftDetected], ctx: AdapterContext) -> Outcome | None:
    """Draft or send it if it is an error and `errors` is on."""
    return consider(intent, ctx, deserves=False)


@hookimpl
def on_coordination(intent: Intent[Coordination], ctx: AdapterContext) -> Outcome | None:
    """Draft or send it if it is an error and `errors` is on."""
    return consider(intent, ctx, deserves=False)


@hookimpl
def observe_hook(event: HookEvent) -> Observation:
    """Tell that the agent posted a message by itself: when and where, never what."""
    return Observation(drafts=tuple(_list_posted(event)))


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Say what this adapter is."""
    return AdapterInfo(
        module="interslack",
        summary="Drafts Slack messages about what deserves a person's attention; sends them once it is turned on.",
        homepage="https://github.com/mistakeknot/interslack",
    )


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for the module and, where sending is on, for ``slackcli``, its login, and the address."""
    module = check_module(ctx, "install the interslack plugin or set INTERSLACK_ROOT; without it nothing is drafted")
    if not ctx.config.is_on("send"):
        return [module, Check(name="sending", level=CheckLevel.OK, detail="off: messages are drafted")]
    missing = [
        name for name, form in (("workspace", WORKSPACE), ("recipient", RECIPIENT)) if not read_setting(ctx, name, form)
    ]
    address = Check(
        name="address",
        level=CheckLevel.PROBLEM if missing else CheckLevel.OK,
        detail=f"not set, or not of the right form: {', '.join(missing)}" if missing else "set",
        hint="a workspace's name or id, and a channel's, conversation's or user's id; until then messages are drafted",
    )
    return [
        module,
        address,
        check_program(ctx, PROGRAM, "install slackcli; until then messages are drafted"),
        _login(ctx),
    ]


def _login(ctx: AdapterContext) -> Check:
    answer = ctx.run([PROGRAM, "auth", "list"])
    level = CheckLevel.OK if answer.ok else CheckLevel.NOTE if answer.missing else CheckLevel.PROBLEM
    return Check(name="login", level=level, detail=clean_line(answer.why), hint=f"{PROGRAM} auth login")


def _list_posted(event: HookEvent) -> Iterator[Draft]:
    calls = [call["words"] for call in _CALL.finditer(event.command)]
    printed = value_at(event.raw, "tool_response.stdout")
    if not calls or not isinstance(printed, str):
        return
    answers = [read_object(printed), *(one for _, one in read_object_lines(printed.splitlines()))]
    stamps = [
        *SENT.findall(printed),
        *(one["ts"] for one in answers if one.get("channel_id") and _is_stamp(one.get("ts"))),
    ]
    named = [found[1] if (found := _NAMED.search(words)) else None for words in calls]
    stamps = list(dict.fromkeys(stamps))[: len(calls)]
    for place, ts in enumerate(stamps):
        recipient = named[place] if len(calls) == len(stamps) else None
        payload = {"state": "sent", "by": "agent", "ts": ts, **({"recipient_id": recipient} if recipient else {})}
        yield Draft(payload=payload, intent=TOLD, dedupe_key=fact_key("interslack", "sent", recipient, ts))


def _is_stamp(value: object) -> bool:
    return isinstance(value, str) and TIMESTAMP.fullmatch(value) is not None
