"""Submissions through ``clavain-cli``, the policy layer; those about gates are in :mod:`interhost.submission.gates`.

It ends with the exit code of a program that it has run and often prints nothing, so ``ic`` is asked for the reason;
what it says it has done is looked up, too. Source: reference/cli-contracts.md section 2.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from attrs import evolve
from interhost_hookspecs import (
    ArtifactFound,
    ArtifactSubmitted,
    SprintCreated,
    SprintState,
    SubmissionCode,
    SubmissionError,
    TaskDispatched,
)

from interhost.process import Result
from interhost.submission import direct
from interhost.submission.answers import after_write, flag_of, number_of, read_object, say_why, text_of
from interhost.submission.clavain import NAME, Clavain
from interhost.submission.kernel import Kernel, Run, open_kernel
from interhost.submission.runs import find_created, find_run
from interhost.submission.tracker import read_state

_DEFAULT_COMPLEXITY = "3"
_BEAD = re.compile(r"[A-Za-z][\w.-]*")


def create_sprint(cli: Clavain, goal: str, complexity: int | None, lane: str | None) -> SprintCreated:
    """A bead, its run, budget, phases and actions."""
    kernel = open_kernel(cli.desk)
    # A complexity that it does not know silently becomes 3, and a lane needs one in front (section 2.2).
    level = str(complexity) if complexity else _DEFAULT_COMPLEXITY if lane else None
    began = int(time.time()) - 1
    answer = cli.write("sprint-create", goal, *([level] if level else []), *([lane] if lane else []))
    if answer.returncode:
        raise cli.failure("sprint-create", answer, "look for a bead that was left behind: bd list --type epic")
    return _created(cli, kernel, answer, goal, began)


def _created(cli: Clavain, kernel: Kernel, answer: Result, goal: str, began: int) -> SprintCreated:
    """What the sprint is, as ``bd`` and ``ic`` have it; what was made stays made when they cannot be read."""
    bead = (answer.stdout.split() or [""])[-1]
    if bead and not _BEAD.fullmatch(bead):
        said = f"clavain-cli named no bead but {bead[:80]!r}"
        raise SubmissionError(SubmissionCode.INTERNAL, said, in_doubt=True, remediation="bd list --type epic")
    run, notes = None, []
    try:
        # Without bd it makes a run and names no bead.
        run = find_run(kernel, bead) if bead else next(iter(find_created(kernel, goal, began)), None)
        if bead and run and cli.desk.known.get(bead) != run.id and cli.desk.find("bd"):
            notes.append(f"bd does not name run {run.id} for {bead}: an id whose prefix has '-' is cut")
    except SubmissionError as error:
        notes.append(f"its run cannot be read: {error.message}")
    notes += [] if bead else ["no bead: bd is not installed"]
    return SprintCreated(
        via=NAME,
        policy_enforced=True,
        note="; ".join(notes),
        fact_key=direct.run_key(kernel, run.id) if run else None,
        bead_id=bead or None,
        run_id=run.id if run else None,
        phase=run.phase if run else None,
        token_budget=run.token_budget if run else None,
        phases=run.phases if run else (),
        actions=_actions(kernel, run),
    )


def dispatch_task(cli: Clavain, run_id: str, prompt_file: Path, agent: str | None) -> TaskDispatched:
    """An agent; by the kernel, where clavain-cli has no command for it, and then told to clavain-cli."""
    if cli.has_command("dispatch-task"):
        words = ["dispatch-task", run_id, str(prompt_file), *([agent] if agent else [])]
        return _dispatched(cli, cli.write(*words), run_id, agent)
    kernel = open_kernel(cli.desk)
    made = direct.dispatch_task(kernel, run_id, prompt_file, agent, why=cli.lacks("dispatch-task"))
    if made.bead_id:  # always exits with 0 and prints nothing (section 2.5)
        try:
            cli.write("sprint-track-agent", made.bead_id, prompt_file.stem, made.agent or "", made.dispatch_id)
        except SubmissionError as error:
            return evolve(made, note=f"{made.note}; {error.message}")
    return made


def _dispatched(cli: Clavain, answer: Result, run_id: str, agent: str | None) -> TaskDispatched:
    """By its own command, which no released version has; its answer is the type that Autarch declares (3.1)."""
    if answer.returncode:
        raise cli.failure("dispatch-task", answer)
    found = read_object(answer.stdout)
    dispatch_id = text_of(found.get("dispatch_id")) or text_of(answer.stdout.strip())
    if dispatch_id is None:
        raise SubmissionError(SubmissionCode.INTERNAL, "dispatch-task named no dispatch", in_doubt=True)
    return TaskDispatched(via=NAME, policy_enforced=True, dispatch_id=dispatch_id, run_id=run_id, agent=agent)


def submit_artifact(cli: Clavain, name: str, kind: str, value: str) -> ArtifactSubmitted:
    """Register an artifact, and look whether it is: clavain-cli ends with 0 in any case (section 2.6)."""
    kernel = open_kernel(cli.desk)
    run = _find_run(kernel, name)
    bead = (run.bead_id if run else None) or name
    answer = cli.write("set-artifact", bead, kind, value)
    if answer.returncode:
        sealed = "an artifact that is sealed may not change; CLAVAIN_RESEAL=1 seals it again"
        raise cli.failure("set-artifact", answer, sealed, code=SubmissionCode.INVALID)
    with after_write():
        registered = kernel.artifacts(run.id) if run else []
    found = next((one for one in reversed(registered) if (one.kind, one.path) == (kind, value)), None)
    if found is None and read_state(cli.desk, bead, f"artifact_{kind}") != value:
        said = f"clavain-cli registered nothing: {say_why(answer)}"
        raise SubmissionError(SubmissionCode.INTERNAL, said, recoverable=True)
    notes = [] if found else ["only bd has it"]
    notes += [say_why(answer)] if answer.stderr.strip() else []
    return ArtifactSubmitted(
        via=NAME,
        policy_enforced=True,
        note="; ".join(notes),
        artifact_id=found.id if found else None,
        path=value,
        kind=kind,
        bead_id=bead,
        run_id=run.id if run else None,
        phase=found.phase if found else None,
    )


def _find_run(kernel: Kernel, name: str) -> Run | None:
    """The run of a bead that may have none."""
    try:
        return find_run(kernel, name)
    except SubmissionError as error:
        if error.code is not SubmissionCode.NOT_FOUND:
            raise
        return None


def get_artifact(cli: Clavain, name: str, kind: str) -> ArtifactFound:
    """The newest artifact of a kind, from ``ic``, else from ``bd``."""
    bead = _bead_of(cli, name)
    answer = cli.ask("get-artifact", bead, kind)
    path = text_of(answer.stdout.strip())
    if answer.returncode == 0 and path:
        return ArtifactFound(via=NAME, policy_enforced=True, path=path, kind=kind, bead_id=bead)
    if answer.returncode == 1 and (not answer.stderr or "no artifact" in answer.stderr):
        raise direct.no_artifact(name, kind)
    raise cli.failure("get-artifact", answer)


def read_sprint(cli: Clavain, name: str) -> SprintState:
    """What clavain-cli says about a sprint, completed with the run, whose id it leaves out (section 2.3)."""
    bead = _bead_of(cli, name)
    answer = cli.ask("sprint-read-state", bead)
    found = read_object(answer.stdout)
    if answer.returncode or answer.stdout.strip() == "":
        raise cli.failure("sprint-read-state", answer)
    if not found:
        raise SubmissionError(SubmissionCode.NOT_FOUND, f"clavain-cli knows no sprint of {bead}")
    try:
        run = find_run(open_kernel(cli.desk), bead)
        note = ""
    except SubmissionError as error:
        run, note = None, f"its run cannot be read: {error.message}"
    artifacts = found.get("artifacts")
    return SprintState(
        via=NAME,
        policy_enforced=True,
        note=note,
        bead_id=text_of(found.get("id")),
        run_id=run.id if run else None,
        phase=text_of(found.get("phase")),
        status=run.status if run else None,
        artifacts={key: str(value) for key, value in artifacts.items()} if isinstance(artifacts, dict) else {},
        complexity=number_of(found.get("complexity")),
        auto_advance=flag_of(found.get("auto_advance")),
        active_session=text_of(found.get("active_session")),
        token_budget=number_of(found.get("token_budget")),
        tokens_spent=number_of(found.get("tokens_spent")),
    )


def _bead_of(cli: Clavain, name: str) -> str:
    """A bead by its name, or by its run's; a name that no run has is left as it is."""
    if "-" in name:
        return name
    try:
        return find_run(open_kernel(cli.desk), name).bead_id or name
    except SubmissionError:
        return name


def _actions(kernel: Kernel, run: Run | None) -> dict[str, str]:
    try:
        return kernel.actions(run.id) if run else {}
    except SubmissionError:
        return {}
