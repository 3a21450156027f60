"""Evidence of what has changed, for a gate.

Only languages are checked whose checkers read: checking a compiled language is building it, and that runs what the
project says.

Source: ``reference/modules/tldr-swinton.md`` sections 2.3, 2.5 and 2.6.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from interhost_hookspecs import AdapterContext, Intent, Outcome, PhaseTransition
from interhost_hookspecs.changes import list_changes, read_base
from interhost_hookspecs.files import is_readable, signature
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import fact_key

from interhost_tldr_swinton.answers import Origin, tell_answer
from interhost_tldr_swinton.command import Answer, FailedError, ask
from interhost_tldr_swinton.daemon import FOLDER
from interhost_tldr_swinton.evidence import (
    compose_evidence,
    count_unmeasured,
    describe,
    join_diagnostics,
    read_diagnostics,
    read_impact,
    tell_level,
)
from interhost_tldr_swinton.records import WORKBENCH

CHECKED = (".py", ".pyi", ".ts", ".tsx")
"""Languages whose checkers neither build nor run anything."""

_FILES = 10
_SECONDS = 60.0  # of a check, its own deadlines are 30 s for types and 10 s for style
_REMEMBERED = 200


def show_changes(project: Path, ctx: AdapterContext) -> Outcome:
    """Publish what has changed since the last commit, by its signatures.

    Raises:
        MissingError: ``tldrs`` is not installed.
        FailedError: It gave no answer.
    """
    result = ask(["diff-context", "--project", str(project), "--preset", "compact"], project, ctx)
    if not isinstance(result.get("slices"), list):
        raise FailedError("tldrs diff-context: its answer has no slices")
    drafts = list(tell_answer(Answer(result), Origin(project, "diff-context", "cli"), ctx))
    for draft in drafts:
        ctx.publish(draft)
    return Outcome.done("what has changed was told") if drafts else Outcome.skipped("nothing has changed")


def gather(project: Path, intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome:
    """Publish the evidence of what has changed, unless that has been done for this state.

    Raises:
        MissingError: ``tldrs`` is not installed.
        FailedError: It cannot say what the changes touch.
    """
    own = (f"{FOLDER}/", f"{WORKBENCH.parent}/")  # git does not ignore them by itself
    names = [name for name in list_changes(project, ctx) or () if not name.startswith(own)]
    base = read_base(project, ctx)
    if not names or base is None:
        return Outcome.skipped("git knows of no change to gather evidence of")
    state = fact_key("", base, [(name, signature(project / name)) for name in names])
    gathered, place = recall(ctx, "gathered"), f"{intent.context_id} {project}"
    if gathered.get(place) == state:
        return Outcome.skipped("nothing has changed since evidence was gathered")
    # The command takes the project from where it is run.
    result = ask(["change-impact", "--git", "--git-base", base], project, ctx, timeout=_SECONDS)
    if not isinstance(result.get("affected_tests"), list):
        raise FailedError("tldrs change-impact: its answer names no tests")
    impact = read_impact(result, "cli")
    checked = _check(names, project, ctx)
    _publish([checked, impact], project, intent.payload, ctx)
    keep(ctx, "gathered", {**gathered, place: state}, most=_REMEMBERED)
    said = "; ".join(map(describe, [checked, impact]))
    return Outcome.degraded(said) if count_unmeasured(checked) else Outcome.done(said)


def _check(names: Sequence[str], project: Path, ctx: AdapterContext) -> dict[str, Any]:
    """The diagnostics of the changed files that can be checked, as one row."""
    paths = [project / name for name in names if name.endswith(CHECKED) and _is_inside(project / name, project)]
    rows, failed = list[dict[str, Any]](), list[str]()
    for path in paths[:_FILES]:
        try:
            rows.append(read_diagnostics(ask(["diagnostics", str(path)], project, ctx, timeout=_SECONDS), "cli"))
        except FailedError as error:
            failed.append(str(error))
    return join_diagnostics(rows, len(paths[_FILES:]), failed)


def _publish(rows: Sequence[dict[str, Any]], project: Path, moved: PhaseTransition, ctx: AdapterContext) -> None:
    ctx.publish(compose_evidence(rows, project, phase=moved.to, phase_model=moved.phase_model, run_id=moved.run_id))
    for draft in tell_level(rows[0], project, project, ctx):
        ctx.publish(draft)


def _is_inside(path: Path, project: Path) -> bool:
    """Whether it is a file of the project, links resolved, whose name a terminal can show."""
    real = os.path.realpath(path)
    return is_readable(path) and str(path).isprintable() and real.startswith(os.path.realpath(project) + os.sep)
