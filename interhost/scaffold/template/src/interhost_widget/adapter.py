"""The hooks of the widget adapter.

It tells the notes of widget that are work, and reacts to a review that asks for changes.
"""

from __future__ import annotations

from pathlib import Path

from interhost_hookspecs import (
    AdapterContext,
    AdapterInfo,
    Advice,
    Check,
    DiscoverWork,
    Draft,
    Intent,
    Observation,
    Outcome,
    ReviewPass,
    Verdict,
    hookimpl,
)
from interhost_hookspecs.checks import check_file, check_program
from interhost_hookspecs.files import read_text
from interhost_hookspecs.reading import one_line

NOTES = Path(".widget", "notes.txt")
"""Where widget keeps its notes, below the user's home; one line each."""

_MARK = "todo:"
_MOST_BYTES = 1 << 20


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Tell the new notes that are work."""
    notes = ctx.tail(ctx.home / NOTES).lines
    titles = [one_line(note.removeprefix(_MARK)) for note in notes if note.startswith(_MARK)]
    return Observation(drafts=tuple(_compose_work(title) for title in titles if title))


@hookimpl
def on_review_pass(intent: Intent[ReviewPass], ctx: AdapterContext) -> Outcome:
    """Note a review that asks for changes where the user wants it, else tell the agent."""
    verdict = intent.payload.verdict
    if verdict is not Verdict.NEEDS_CHANGES:
        return Outcome.skipped(f"the review finished {verdict or 'unreadable'}")
    text = f"The review of {intent.context_id} asks for changes"
    if ctx.config.is_on("note_reviews"):
        return _note(f"{text} ({intent.event_id})", ctx)
    ctx.advise(Advice(text=f"{text}.", context_id=intent.context_id))
    return Outcome.degraded("told the agent; note_reviews is off")


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Say what this adapter is."""
    return AdapterInfo(module="widget", summary="Tells notes that are work; notes reviews that ask for changes.")


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for widget and its notes."""
    return [
        check_program(ctx, "widget", "install widget; without it no review is noted"),
        check_file(ctx.home / NOTES, "notes", "widget writes it with the first note"),
    ]


def _compose_work(title: str) -> Draft:
    return Draft(
        payload=DiscoverWork(action="plan", title=title), context_id="project:widget", source_hook="file:notes.txt"
    )


def _note(text: str, ctx: AdapterContext) -> Outcome:
    """Let widget note something, once: a delivery may be repeated, the note must not."""
    if not ctx.once("note", happened=lambda: text in read_text(ctx.home / NOTES, _MOST_BYTES)):
        return Outcome.done("noted by an earlier attempt")
    answer = ctx.run(["widget", text])
    if answer.missing:
        return Outcome.skipped("widget is not installed")
    return Outcome.done("noted") if answer.ok else Outcome.failed(answer.why)
