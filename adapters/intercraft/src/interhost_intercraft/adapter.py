"""The hooks of the intercraft adapter. intercraft ships no program: an agent that reviews, a command, a skill.

Source: ``reference/modules/intercraft.md`` sections 8.3 to 8.5.
"""

from __future__ import annotations

import re

from attrs import evolve
from interhost_hookspecs import (
    AdapterContext,
    AdapterInfo,
    ArtifactReady,
    Check,
    HookEvent,
    Intent,
    Observation,
    Outcome,
    PhaseTransition,
    hookimpl,
)
from interhost_hookspecs.agents import tell_skill_use
from interhost_hookspecs.answers import tell_agent, tell_answers
from interhost_hookspecs.checks import check_module, check_requests
from interhost_hookspecs.reading import read_object
from interhost_hookspecs.reviewers import ask_for_artifact, ask_for_phase
from interhost_hookspecs.sources import tell_changes

from interhost_intercraft.audit import SHAPE
from interhost_intercraft.reports import REVIEWER, SOURCES, tell_audit

SKILLS = ("intercraft:agent-native-architecture", "intercraft:agent-native-audit")

# One to eight, or a name.
_PRINCIPLE = re.compile(r"[1-8]|[A-Za-z][A-Za-z -]{2,39}")


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Tell the reviews that were left in files since the last look, and the requests that nobody answered."""
    reviews = (draft for root in ctx.projects for draft in tell_changes(SOURCES, root, ctx))
    return Observation(drafts=(*tell_answers(REVIEWER, ctx), *reviews))


@hookimpl
def observe_hook(event: HookEvent, ctx: AdapterContext) -> Observation:
    """Tell what the reviewing agent answered, an audit's summary, and that a skill was used."""
    skill = tell_skill_use(event, SKILLS, intent="intercraft.skill_used@1.0")
    return Observation(drafts=(*skill, *tell_agent(REVIEWER, event, ctx), *tell_audit(event, ctx)))


@hookimpl
def on_artifact_ready(intent: Intent[ArtifactReady], ctx: AdapterContext) -> Outcome | None:
    """Ask for the review of an artifact that is addressed to this adapter; with a `principle`, for an audit of that."""
    principle = str(read_object(intent.payload_text).get("principle") or "")
    if not principle:
        return ask_for_artifact(REVIEWER, intent, ctx)
    if not _PRINCIPLE.fullmatch(principle):
        return Outcome.skipped("'principle' is 1 to 8, or the name of one")
    audit = evolve(
        REVIEWER,
        means=f"the command `/intercraft:agent-native-audit {principle}`",
        shape=SHAPE,
        shape_of="that of the command's own summary",
    )
    return ask_for_artifact(audit, intent, ctx)


@hookimpl
def on_phase_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome | None:
    """Ask for a review when a plan is reviewed or work ships that touches interfaces, tools or prompts."""
    return ask_for_phase(REVIEWER, intent, ctx)


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Say what this adapter is."""
    return AdapterInfo(
        module="intercraft",
        summary="Tells agent-native reviews and audits; requests one when interfaces, tools or prompts change.",
        homepage="https://github.com/mistakeknot/intercraft",
    )


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for the module, and for requests that nobody has answered."""
    hint = "install the intercraft plugin or set INTERCRAFT_ROOT; without it no review is requested"
    return [check_module(ctx, hint), check_requests(ctx, REVIEWER.kind)]
