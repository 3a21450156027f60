"""Modules that review and ship no program: asking one for a review. :mod:`interhost_hookspecs.answers` has the rest.

Such a module is a skill, an agent or a command of the coding agent. So a request file asks for a report of a stated
shape beside it, and the session at work is told. The answer is known by the name of the request: in the report's name,
or in the prompt of whoever wrote it. It is waited for a day.

Source: ``reference/modules/_wave2-shared-ground.md`` section 1.6; ``reference/modules/intercraft.md`` section 8.4;
``reference/modules/interform.md`` section 9.3.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from pathlib import Path
from textwrap import indent
from typing import Any

from attrs import frozen

from interhost_hookspecs.catalogue import ArtifactReady, Change, Notify, PhaseTransition, ReviewPass
from interhost_hookspecs.changes import list_changes, read_commit
from interhost_hookspecs.context import AdapterContext
from interhost_hookspecs.files import read_text, short_name
from interhost_hookspecs.intent import Intent
from interhost_hookspecs.outcome import Outcome
from interhost_hookspecs.phases import canonical_phase
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import plain_line
from interhost_hookspecs.reports import SIZE, Report, read_report
from interhost_hookspecs.sessions import have_fulfilled

LIFETIME = timedelta(hours=24)
"""How long an answer is waited for."""

REQUEST = """\
# Review wanted: {subject}

To be made with {means}. That runs inside a session of the coding agent, so this waits for someone to start it{where}.

The report is Markdown and belongs beside this file, as `{report}`. It has to have this shape, {shape_of}:

{shape}

An agent that is to review gets `{name}` in its prompt: by that its answer is known, too.

When the report is there, the host publishes `review_pass` with its verdict and closes this request; a report without
such a verdict is no pass. This waits for 24 hours.
"""

ADVICE = (
    "A {kind} review of {subject} is requested: {request} has the shape of the report. It is made with {means}. The "
    "report belongs into {place}; an agent that reviews gets `{name}` in its prompt."
)

PROMPT = "Review {subject} with {means}. Write the report as Markdown into {place}. It has this shape:\n\n{shape}"

# What looks like a path in a document: whether it deserves a review, each reviewer knows.
_NAMED = re.compile(r"[\w@.-][\w@./-]{0,199}")
_ADDRESS = re.compile(r"\b\w{1,20}://\S+")
_SHOWN, _LONGEST = 8, 120
_REMEMBERED = 256


@frozen(kw_only=True)
class Reviewer:
    """What one such module is about.

    Attributes:
        module: Its name.
        kind: Kind of its requests, such as ``design``; part of their files' names.
        agent: Its reviewing agent's own name, if it has one: that agent's answers are reports, asked for or not.
        means: What makes a review, in words, such as ``the skill `acme:design```.
        shape: The lines that a report has to have, in Markdown.
        shape_of: Whose shape that is, such as ``as acme's own reviewer writes it``.
        phases: The phases, of the eight, whose beginning asks for a review where something deserves one.
        deserves: Found in paths that deserve one.
        review: Makes the fact that a review finished, with what all of them have in common, such as their mode.
        notice: Makes the fact that nobody reviewed, likewise.
        read: Reads a report.
    """

    module: str
    kind: str
    agent: str = ""
    means: str
    shape: str
    shape_of: str
    phases: Collection[str]
    deserves: re.Pattern[str]
    review: Callable[..., ReviewPass]
    notice: Callable[..., Notify]
    read: Callable[[str], Report] = read_report


def ask_for_artifact(reviewer: Reviewer, intent: Intent[ArtifactReady], ctx: AdapterContext) -> Outcome | None:
    """Ask for the review of an artifact whose readiness is addressed to this module: so somebody orders a review."""
    if ctx.adapter not in intent.consumers or intent.payload.change is Change.REMOVED:
        return None
    if not intent.artifact_path or not os.path.exists(intent.artifact_path):
        return Outcome.skipped(f"there is nothing to review: {intent.artifact_path}")
    return _ask(reviewer, [short_name(intent.artifact_path, intent.project_dir)], intent, ctx)


def ask_for_phase(reviewer: Reviewer, intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome | None:
    """Ask for a review when one of the reviewer's phases begins and the work touches what deserves one.

    The work is what the artifact names, and what was changed. Once for a context and a commit.
    """
    if (intent.payload.canonical_to or canonical_phase(intent.payload.to)) not in reviewer.phases:
        return None
    if not ctx.config.is_on("request_reviews"):
        return Outcome.skipped("request_reviews is off")
    if (project := intent.project_dir) is None:
        return Outcome.skipped("the project is not known: nothing to look at")
    if ctx.module_root() is None:
        return Outcome.skipped(f"{reviewer.module} is not installed")
    subjects = [path for path in _list_touched(intent, project, ctx) if reviewer.deserves.search(path)]
    if not subjects:
        return Outcome.skipped(f"nothing in this work is for {reviewer.kind} review")
    asked, commit, place = recall(ctx, "asked"), read_commit(project, ctx), f"{project} {intent.context_id}"
    if commit and asked.get(place) == commit:
        return Outcome.skipped(f"asked for already at commit {commit[:12]}")
    keep(ctx, "asked", {**asked, place: commit}, most=_REMEMBERED)
    return _ask(reviewer, subjects, intent, ctx)


def report_of(request: Path) -> Path:
    """Where the report that a request asks for belongs."""
    return request.with_suffix(".report.md")


def _list_touched(intent: Intent[PhaseTransition], project: Path, ctx: AdapterContext) -> list[str]:
    """Paths that the artifact names, then those that were changed, each once."""
    text = read_text(intent.artifact_path, SIZE) if intent.artifact_path else ""
    named = (word.strip(".") for word in _NAMED.findall(_ADDRESS.sub(" ", text)))
    return list(dict.fromkeys([*(word for word in named if "." in word), *(list_changes(project, ctx) or ())]))


def _ask(reviewer: Reviewer, subjects: Sequence[str], intent: Intent[Any], ctx: AdapterContext) -> Outcome:
    """Write the request, unless one waits for the same, and find someone to fulfil it."""
    if ctx.module_root() is None:
        return Outcome.skipped(f"{reviewer.module} is not installed")
    subject = _name(subjects)
    for one in ctx.open_requests(reviewer.kind):
        is_same = (one.context_id, one.details.get("subject")) == (intent.context_id, subject)
        if is_same and one.details.get("event_id") != intent.event_id:
            return Outcome.skipped(f"already requested: {one.path}")
    name = f"{intent.event_id}-{reviewer.kind}"
    words = {
        "kind": reviewer.kind,
        "subject": subject,
        "means": reviewer.means,
        "shape": reviewer.shape.strip(),
        "shape_of": reviewer.shape_of,
        "name": name,
        "report": f"{name}.report.md",
        "where": f", in {plain_line(str(intent.project_dir))}" if intent.project_dir else "",
    }
    request = ctx.request(
        reviewer.kind,
        REQUEST.format(**{**words, "shape": indent(words["shape"], " " * 4)}),
        {"subject": subject, "report": words["report"]},
        expires=ctx.now() + LIFETIME,
    )
    words |= {"request": str(request), "place": str(report_of(request))}
    what = f"{reviewer.kind} review"
    return have_fulfilled(request, PROMPT.format(**words), ADVICE.format(**words), intent, ctx, what=what)


def _name(subjects: Sequence[str]) -> str:
    """What is to be reviewed, in words that do nothing to whoever reads them."""
    shown = [plain_line(one.replace("`", "'"), _LONGEST) for one in subjects[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(subjects) - _SHOWN} more" if len(subjects) > _SHOWN else "")
