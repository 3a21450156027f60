"""Advancing, enforcing and overriding through ``clavain-cli``.

Source: reference/cli-contracts.md sections 2.4 and 2.5.
"""

from __future__ import annotations

import re
from pathlib import Path

from interhost_hookspecs import (
    GateEnforced,
    GateOutcome,
    GateOverridden,
    RunAdvanced,
    SubmissionCode,
    SubmissionError,
)

from interhost.process import Result
from interhost.submission import direct
from interhost.submission.answers import after_write, say_why
from interhost.submission.clavain import NAME, Clavain
from interhost.submission.kernel import Kernel, PhaseEvent, Run, open_kernel
from interhost.submission.programs import is_locked
from interhost.submission.runs import (
    blocked,
    budget_exceeded,
    check_budget,
    check_phase,
    find_move,
    find_run,
    last_event,
    moved,
    paused,
    refused_move,
)

_MOVED = re.compile(r"^Phase: (\S+) → (\S+)", re.MULTILINE)


def advance_run(cli: Clavain, name: str, phase: str, artifact: Path | None) -> RunAdvanced:
    """One step, which clavain-cli would also make from another phase than the caller states (section 2.4)."""
    kernel = open_kernel(cli.desk)
    run = find_run(kernel, name)
    check_phase(run, phase)
    if not cli.desk.environ.get("CLAVAIN_SKIP_BUDGET"):
        check_budget(kernel, run)
    since = last_event(kernel, run.id)
    words = ["sprint-advance", run.bead_id or name, phase, *([str(artifact)] if artifact else [])]
    answer = cli.write(*words, may_repeat=lambda: kernel.is_in(run.id, phase))
    with after_write():
        event = _find_move(kernel, run, since, answer)
        if event is None:
            refused = _refused(cli, kernel, run, since, answer)
    if event is None:
        raise refused
    late = f"clavain-cli ended with {answer.returncode} after the move" if answer.returncode else ""
    return moved(kernel, run, event, via=NAME, note=late)


def _find_move(kernel: Kernel, run: Run, since: int, answer: Result) -> PhaseEvent | None:
    """What the run's history says, whatever clavain-cli did; where that cannot be read, what it printed."""
    said = None if answer.returncode else _MOVED.search(answer.stderr)
    stated = PhaseEvent(kind="advance", from_phase=said[1], to_phase=said[2]) if said else None
    try:
        return find_move(kernel, run, since=since) or stated
    except SubmissionError:
        if stated:
            return stated
        raise


def _refused(cli: Clavain, kernel: Kernel, run: Run, since: int, answer: Result) -> SubmissionError:
    """Why it did not advance: its own word where it has one, which the Go program has for two of four."""
    word, _, said = answer.stdout.strip().partition("|")
    if word == "budget_exceeded":
        return budget_exceeded(run, said.rpartition("|")[2])
    if word == "manual_pause":
        return paused(run)
    if word not in ("gate_blocked", "stale_phase", "") or _says_why(cli, answer):
        return cli.failure("sprint-advance", answer)
    error = refused_move(kernel, run, since=since, said=say_why(answer))
    if word == "gate_blocked" and error.code is SubmissionCode.INTERNAL:
        return blocked(run, said.partition("|")[0], {"reason": said.rpartition("|")[2]})
    return error


def _says_why(cli: Clavain, answer: Result) -> bool:
    """Whether its own words are the reason, and no gate is."""
    return is_locked(answer) or cli.is_unusable(answer) or cli.is_claimed(answer)


def enforce_gate(cli: Clavain, name: str, phase: str, artifact: Path | None) -> GateEnforced:
    """What policy says; it also lets pass where it could not ask, and that is told apart (section 2.5)."""
    kernel, run, unknown = _look_up(cli, name)
    bead = (run.bead_id if run else None) or name
    answer = cli.ask("enforce-gate", bead, phase, *([str(artifact)] if artifact else []))
    if answer.returncode:
        raise _blocked(cli, kernel, run, phase, answer)
    is_skipped = "skipping gate" in answer.stderr
    if kernel and run and not is_skipped and (gate := kernel.check_gate(run.id, priority=3)):
        return direct.passed(run, gate, phase, via=NAME)
    return GateEnforced(
        via=NAME,
        policy_enforced=False,
        note=say_why(answer) if answer.stderr.strip() else unknown or f"run {name} has no gate left",
        outcome=GateOutcome.SKIP if is_skipped else GateOutcome.NOT_ENFORCED,
        run_id=run.id if run else None,
        bead_id=bead,
        from_phase=run.phase if run else None,
        to_phase=phase,
    )


def _look_up(cli: Clavain, name: str) -> tuple[Kernel | None, Run | None, str]:
    """Kernel and run; or why there is none, which clavain-cli is to judge."""
    try:
        kernel = open_kernel(cli.desk)
        return kernel, find_run(kernel, name), ""
    except SubmissionError as error:
        return None, None, error.message


def _blocked(cli: Clavain, kernel: Kernel | None, run: Run | None, phase: str, answer: Result) -> SubmissionError:
    if _says_why(cli, answer):
        return cli.failure("enforce-gate", answer)
    if kernel is None or run is None:
        return SubmissionError(SubmissionCode.GATE_BLOCKED, f"clavain-cli: {say_why(answer)}", recoverable=True)
    gate = kernel.check_gate(run.id, priority=3)
    said = {"said": say_why(answer)} if answer.stderr.strip() else {}
    if gate and gate.result == "fail":
        evidence = {"from": gate.from_phase, "to": gate.to_phase, "tier": gate.tier, **gate.evidence, **said}
        return blocked(run, gate.to_phase, evidence)
    return blocked(run, phase, {"reason": say_why(answer), **said})


def override_gate(cli: Clavain, run_id: str, reason: str, category: str) -> GateOverridden:
    """By the kernel, where clavain-cli has no command for it, which no released version has."""
    kernel = open_kernel(cli.desk)
    if not cli.has_command("gate-override"):
        return direct.override_gate(kernel, run_id, reason, category, why=cli.lacks("gate-override"))
    run = kernel.run(run_id)
    if run is None:
        raise SubmissionError(SubmissionCode.NOT_FOUND, f"there is no run {run_id}")
    since = last_event(kernel, run.id)
    answer = cli.write("gate-override", run_id, reason, category)
    if answer.returncode:
        raise cli.failure("gate-override", answer)
    event = find_move(kernel, run, since=since, kind="override")
    if event is None:
        raise SubmissionError(SubmissionCode.INTERNAL, "gate-override moved nothing", in_doubt=True)
    step = moved(kernel, run, event, via=NAME)
    return GateOverridden(
        via=NAME,
        policy_enforced=True,
        fact_key=step.fact_key,
        run_id=run.id,
        bead_id=run.bead_id,
        from_phase=step.from_phase,
        to_phase=step.to_phase,
        category=category,
        reason=reason,
    )
