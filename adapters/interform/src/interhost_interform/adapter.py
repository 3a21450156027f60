"""The hooks of the interform adapter. interform is one skill, without a program and without any form of output.

Source: ``reference/modules/interform.md``.
"""

from __future__ import annotations

from functools import partial

from interhost_hookspecs import (
    AdapterContext,
    AdapterInfo,
    ArtifactReady,
    Check,
    HookEvent,
    Intent,
    Notify,
    Observation,
    Outcome,
    PhaseTransition,
    ReviewPass,
    hookimpl,
)
from interhost_hookspecs.agents import tell_skill_use
from interhost_hookspecs.answers import tell_agent, tell_answers
from interhost_hookspecs.checks import check_module, check_requests
from interhost_hookspecs.reviewers import Reviewer, ask_for_artifact, ask_for_phase

from interhost_interform.lint import INTERFACE, tell_habits

SKILL = "interform:distinctive-design"

SHAPE = """\
# Design review: what was reviewed
Verdict: PASS or NEEDS WORK, one of them and nothing else
### Issues
- Title - file:line
"""

REVIEWER = Reviewer(
    module="interform",
    kind="design",
    means=f"the skill `{SKILL}`",
    shape=SHAPE,
    shape_of="which is interhost's, since interform has none",
    phases=frozenset({"executing"}),
    deserves=INTERFACE,
    review=partial(ReviewPass, mode="design"),
    notice=partial(Notify, title="A design review was not made"),
)


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Tell the reports that answer requests, and the requests that nobody answered."""
    return Observation(drafts=tuple(tell_answers(REVIEWER, ctx)))


@hookimpl
def observe_hook(event: HookEvent, ctx: AdapterContext) -> Observation:
    """Tell that the guidance was loaded, what an agent answered to a request, and habits, where that is turned on."""
    skill = tell_skill_use(event, (SKILL,), intent="interform.skill_used@1.0")
    return Observation(drafts=(*skill, *tell_agent(REVIEWER, event, ctx), *tell_habits(event, ctx)))


@hookimpl
def on_artifact_ready(intent: Intent[ArtifactReady], ctx: AdapterContext) -> Outcome | None:
    """Ask for the design review of an artifact that is addressed to this adapter."""
    return ask_for_artifact(REVIEWER, intent, ctx)


@hookimpl
def on_phase_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome | None:
    """Ask for a design review when work begins that touches an interface."""
    return ask_for_phase(REVIEWER, intent, ctx)


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Say what this adapter is."""
    return AdapterInfo(
        module="interform",
        summary="Requests design reviews when work touches an interface, and tells what they conclude.",
        homepage="https://github.com/mistakeknot/interform",
    )


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for the module, and for requests that nobody has answered."""
    hint = "install the interform plugin or set INTERFORM_ROOT; without it no review is requested"
    return [check_module(ctx, hint), check_requests(ctx, REVIEWER.kind)]
