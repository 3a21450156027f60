"""Where the run of a context stands, as the kernel and the policy layer have it: the point at which it goes on.

Only questions; nothing is told, warned of or moved. Source: reference/cli-contracts.md sections 1.5, 2.7 and 2.9.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

from attrs import field, frozen
from interhost_hookspecs import SubmissionError
from interhost_hookspecs.reading import plain_line

from interhost.submission.clavain import find_clavain
from interhost.submission.kernel import Kernel, Run, open_kernel
from interhost.submission.programs import Desk
from interhost.submission.runs import find_run

STEPS: Mapping[str, str] = MappingProxyType(
    {
        **{name: f"/clavain:{name}" for name in ("brainstorm", "strategy", "write-plan", "work", "quality-gates")},
        "flux-drive": "/interflux:flux-drive",
        "reflect": "/reflect",
    }
)
"""What ``clavain-cli sprint-next-step`` prints to the command that it means; ``ship`` and ``done`` are none."""


@frozen(kw_only=True)
class Point:
    """Where a run stands.

    Attributes:
        run_id: The run.
        bead_id: Its bead.
        status: ``active``, ``completed``, ``cancelled``, ``failed``.
        phase: Phase it is in.
        following: Phase after it; ``None`` at the end.
        command: Slash command of the phase; ``None`` when nobody names one.
        checkpoint: What was noted after the last step: ``phase``, ``plan_path``, ``git_sha``, ``updated_at``,
            ``completed_steps``, ``key_decisions``.
        artifacts: Path or value of the newest artifact of each kind.
    """

    run_id: str
    bead_id: str | None
    status: str
    phase: str
    following: str | None = None
    command: str | None = None
    checkpoint: Mapping[str, object] = field(factory=dict)
    artifacts: Mapping[str, str] = field(factory=dict)


def read_point(desk: Desk, context: str) -> tuple[Point | None, str]:
    """Where the run of a context stands, or why that cannot be said.

    Args:
        desk: Where to ask.
        context: A bead; or ``project:<name>``, whose newest active run without a bead is meant.
    """
    try:
        kernel = open_kernel(desk)
        run = _find_project_run(kernel) if context.startswith("project:") else find_run(kernel, context)
        if run is None:
            return None, f"{context} has no active run without a bead"
        return _read(kernel, run), ""
    except SubmissionError as error:
        return None, error.message


def _read(kernel: Kernel, run: Run) -> Point:
    rest = run.phases[run.phases.index(run.phase) + 1 :] if run.phase in run.phases else ()
    is_on = run.status == "active"
    return Point(
        run_id=run.id,
        bead_id=run.bead_id,
        status=run.status,
        phase=run.phase,
        following=rest[0] if rest and is_on else None,
        command=_find_command(kernel, run) if is_on else None,
        checkpoint=kernel.checkpoint(run.id),
        artifacts={one.kind: one.path for one in kernel.artifacts(run.id)},
    )


def _find_project_run(kernel: Kernel) -> Run | None:
    here = os.path.realpath(kernel.desk.project)
    runs = (run for run in kernel.runs("--active") if not run.bead_id)
    return next((run for run in runs if os.path.realpath(run.project_dir) == here), None)


def _find_command(kernel: Kernel, run: Run) -> str | None:
    """The command of the phase: the run's own action, else what the policy layer would do."""
    if action := kernel.actions(run.id).get(run.phase):
        return plain_line(action)
    cli = find_clavain(kernel.desk)
    if cli is None:
        return None
    return STEPS.get(cli.ask("sprint-next-step", run.phase).stdout.strip())
