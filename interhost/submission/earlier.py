"""What an earlier submission with the same key came to, as far as the modules can tell.

A move can be told from the run's history. A sprint cannot: another one with the same goal may be somebody else's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from attrs import evolve
from interhost_hookspecs import RunAdvanced, SprintCreated, SubmissionError

from interhost.bus.store import StoredSubmission
from interhost.submission.kernel import Kernel, Run, open_kernel
from interhost.submission.ledger import DAY, in_doubt
from interhost.submission.programs import Desk
from interhost.submission.runs import find_created, find_move, find_run, moved

_SEEN = "an earlier attempt moved it, whose end nobody saw; read from the run's history"


def find_run_id(desk: Desk, name: str) -> str | None:
    """The run of a bead, for the key of an advance; ``None`` where nobody can tell, and somebody else may answer."""
    try:
        return find_run(open_kernel(desk), name).id
    except SubmissionError:
        return None


def advance_stands(desk: Desk, run_id: str, phase: str) -> bool:
    """Whether a move that was made is still so: a run that is back in the phase it had left was rolled back."""
    try:
        run = open_kernel(desk).run(run_id)
    except SubmissionError:
        return True
    return run is None or run.phase != phase


def settle_advance(desk: Desk, earlier: StoredSubmission) -> RunAdvanced | None:
    """What an advance without a result came to. A run that is where it was has not moved, and nobody is at work.

    Raises:
        SubmissionError: It is in doubt.
    """
    asked = json.loads(earlier.request)
    try:
        kernel = open_kernel(desk)
        run = find_run(kernel, asked.get("run_id") or asked["bead_id"])
        if run.phase == asked["phase"]:
            return None
        return _read_move(kernel, run, asked["phase"], desk)
    except SubmissionError as error:
        raise in_doubt(earlier.key, f"move {asked['bead_id']} on from {asked['phase']}", found=f": {error}") from error


def _read_move(kernel: Kernel, run: Run, phase: str, desk: Desk) -> RunAdvanced | None:
    event = find_move(kernel, evolve(run, phase=phase), since=0, newest=True)
    via = "clavain-cli" if desk.find("clavain-cli") else "ic"
    return moved(kernel, run, event, via=via, note=_SEEN) if event else None


def sprint_stands(created: SprintCreated, age: float) -> bool:
    """Whether a sprint that was created so many seconds ago is the one that is asked for now."""
    return age <= DAY


def sprint_in_doubt(desk: Desk, earlier: StoredSubmission) -> SubmissionError:
    """The error for a sprint that may exist, with those that could be it."""
    asked = json.loads(earlier.request)
    try:
        kernel = open_kernel(desk)
        found = find_created(kernel, asked["goal"], int(earlier.ts / 1e6) - 1)
    except SubmissionError:
        found = []
    runs: list[Mapping[str, object]] = [{"run_id": run.id, "bead_id": run.bead_id} for run in found]
    said = ", ".join(f"run {run.id} of bead {run.bead_id or '(none)'}" for run in found)
    return in_doubt(
        earlier.key,
        f"create the sprint {asked['goal']!r}",
        found=f"; it may be {said}" if found else "; no run with this goal was found",
        evidence={"runs": runs},
    )
