"""The programs' answers, one by one, quirks included, and what each of them comes to.

A row names its section of ``reference/cli-contracts.md``, the call, the answers that differ from those of a sound
world, and what the caller gets: attributes of a result, or the code of a refusal and words of its message.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs
import pytest
from interhost_hookspecs import SubmissionCode, SubmissionError

from interhost.host.submitting import HostSubmissions
from tests.submission_kit import (
    ARTIFACT,
    BEAD,
    CONDITIONS,
    EVIDENCE,
    GATE,
    GOAL,
    OPEN_GATE,
    PHASES,
    RUN,
    Rule,
    event,
    events,
    run_status,
    says,
    slog,
)

if TYPE_CHECKING:
    from tests.submission.conftest import Office

Act = Callable[[HostSubmissions], object]
CODE = SubmissionCode
LOCKED = slog("run advance: database is locked")
NO_POLICY = "no clavain-cli is installed, so no policy was asked"


class Row(NamedTuple):
    """One answer of a program."""

    section: str
    about: str
    act: Act
    rules: tuple[Rule, ...] = ()
    gives: Mapping[str, Any] | SubmissionCode = CODE.INTERNAL
    words: str = ""
    environ: Mapping[str, str] = {}
    also: Mapping[str, Any] = {}


def create(submit: HostSubmissions) -> object:
    return submit.create_sprint(goal=GOAL)


def advance(submit: HostSubmissions) -> object:
    return submit.advance_run(bead_id=BEAD, phase="brainstorm")


def enforce(submit: HostSubmissions) -> object:
    return submit.enforce_gate(bead_id=BEAD, phase="brainstorm-reviewed")


def override(submit: HostSubmissions) -> object:
    return submit.override_gate(run_id=RUN, reason="ship it", category="justified")


def dispatch(submit: HostSubmissions) -> object:
    return submit.dispatch_task(run_id=RUN, prompt_file=Path("docs/b.md"))


def artifact(submit: HostSubmissions) -> object:
    return submit.submit_artifact(bead_id=BEAD, kind="brainstorm", path=Path("docs/b.md"))


def read(submit: HostSubmissions) -> object:
    return submit.read_sprint(bead_id=BEAD)


def cli(words: str, **ends: Any) -> Rule:
    return says("clavain-cli", words, **ends)


def ic(words: str, **ends: Any) -> Rule:
    return says("ic", words, **ends)


STAYS = {"from_phase": "brainstorm", "to_phase": "brainstorm-reviewed", "run_id": RUN, "bead_id": BEAD}
FALLBACK = cli("help", out="Usage: clavain-cli <command> [args]  (Bash fallback mode)\n")
DIES = cli("sprint-* *", code=127)

POLICY = [
    # Creating
    Row(
        *("2.2", "prints the bead without a newline; budget, phases and actions are looked up", create, ()),
        {
            "via": "clavain-cli",
            "policy_enforced": True,
            "bead_id": BEAD,
            "run_id": RUN,
            "phase": "brainstorm",
            "token_budget": 250000,
            "phases": tuple(PHASES),
            "actions": {"brainstorm": "/clavain:strategy"},
            "note": "",
            "repeated": False,
        },
    ),
    Row(
        *("2.2", "without bd it prints nothing, and makes a run all the same", create),
        (cli("sprint-create *", out=""), ic("run list --active", out=f"[{run_status(scope_id='sprint-1795170949')}]")),
        {"bead_id": None, "run_id": RUN, "note": "no bead: bd is not installed"},
    ),
    Row(
        *("2.2", "a run of another time with the same goal is not taken for the new one", create),
        (cli("sprint-create *", out=""), ic("run list --active", out=f"[{run_status(created_at=1795170949)}]")),
        {"bead_id": None, "run_id": None},
    ),
    Row(
        *("2.2", "an id whose prefix has a hyphen is cut", create),
        (cli("sprint-create *", out="my-app"), ic("run list --scope=my-app", out=f"[{run_status(scope_id='my-app')}]")),
        {
            "bead_id": "my-app",
            "run_id": RUN,
            "note": f"bd does not name run {RUN} for my-app: an id whose prefix has '-' is cut",
        },
    ),
    Row(
        *("2.2", "without a healthy ic it says so", create),
        (
            cli(
                "sprint-create *",
                code=1,
                err="Sprint requires intercore (ic). Install ic or use beads directly for task tracking.\n"
                "ic unavailable\n",
            ),
        ),
        *(CODE.UNAVAILABLE, "clavain-cli sprint-create: ic unavailable"),
        also={"remediation": "install intercore, then run 'ic init'", "in_doubt": False},
    ),
    Row(
        *("2.1", "ends with a child's code, and only the child's own words remain", create),
        (cli("sprint-create *", code=2, err=slog("run create: database is locked")),),
        *(CODE.UNAVAILABLE, "database is locked"),
        also={"recoverable": True, "in_doubt": False},
    ),
    Row(
        *("2.1", "ends with a child's code and without a word", create),
        (cli("sprint-create *", code=1),),
        *(CODE.INTERNAL, "clavain-cli sprint-create: exit status 1"),
        also={"in_doubt": False},
    ),
    Row(
        *("2.1", "is killed by somebody", create),
        (cli("sprint-create *", kill_self=True),),
        *(CODE.INTERNAL, "ended by signal 9; what it had begun may have happened"),
        also={"in_doubt": True, "recoverable": False},
    ),
    Row(
        *("2.2", "prints something that is no bead", create),
        (cli("sprint-create *", out="<html>"),),
        *(CODE.INTERNAL, "named no bead but '<html>'"),
        also={"in_doubt": True},
    ),
    # Advancing
    Row(
        *("2.4", "says where it went on standard error only; the gate's evidence is in the run's history", advance, ()),
        {**STAYS, "via": "clavain-cli", "policy_enforced": True, "evidence": EVIDENCE, "note": ""},
    ),
    Row(
        *("2.4", "a blocked gate is exit code 1 and silence", advance),
        (cli("sprint-advance *", code=1, mark="blocked"),),
        *(CODE.GATE_BLOCKED, 'no artifacts found for phase "brainstorm"'),
        also={"recoverable": True, "evidence.conditions": EVIDENCE["conditions"], "evidence.tier": "hard"},
    ),
    Row(
        *("2.4", "a pause is exit code 1 and silence, too", advance),
        (cli("sprint-advance *", code=1, mark="paused"),),
        *(CODE.PAUSED, "auto_advance is off"),
        also={"remediation": f"ic run set {RUN} --auto-advance=true"},
    ),
    Row(
        *("2.4", "a pause that the history does not show", advance),
        (cli("sprint-advance *", code=1), ic(f"run status {RUN}", out=run_status(auto_advance=False))),
        *(CODE.PAUSED, "auto_advance is off"),
    ),
    Row(
        *("2.4", "a refusal that the history does not show is what the hard gate says", advance),
        (
            cli("sprint-advance *", code=1),
            ic("gate check * --priority=0", code=1, out=json.dumps({**GATE, "tier": "hard"})),
        ),
        *(CODE.GATE_BLOCKED, 'no artifacts found for phase "brainstorm"'),
    ),
    Row(
        *("2.4", "a refusal for which nobody has a reason", advance),
        (cli("sprint-advance *", code=1), ic("gate check *", out=json.dumps(OPEN_GATE))),
        *(CODE.INTERNAL, f"run {RUN} was not moved: exit status 1"),
        also={"in_doubt": False},
    ),
    Row(
        *("2.4", "success without a move is none", advance),
        (cli("sprint-advance *"), ic("gate check *", out=json.dumps(OPEN_GATE))),
        *(CODE.INTERNAL, "was not moved"),
    ),
    Row(
        *("2.4", "somebody else was quicker, and a gate blocks the next step", advance),
        (
            cli(
                "sprint-advance *",
                code=1,
                mark="blocked",
                out="stale_phase|brainstorm|Phase already advanced to brainstorm-reviewed\n",
            ),
        ),
        CODE.GATE_BLOCKED,
    ),
    Row(
        *("2.4", "the budget is used up, as it says the first time", advance),
        (
            cli(
                "sprint-advance *",
                code=1,
                out="budget_exceeded|brainstorm|105/10 billing tokens\n",
                err="budget exceeded\n",
            ),
        ),
        *(CODE.BUDGET_EXCEEDED, "105/10 billing tokens"),
    ),
    Row(
        *("0.1 fact 11", "the budget is used up, which it would not say a second time", advance),
        (
            ic(f"run status {RUN}", out=run_status(token_budget=10)),
            ic("run tokens *", out='{"cache_hits":0,"input_tokens":100,"output_tokens":5,"total_tokens":105}\n'),
            cli("sprint-advance *", mark="moved"),
        ),
        *(CODE.BUDGET_EXCEEDED, "105/10 tokens"),
    ),
    Row(
        *("2.1", "the user lets it go on beyond its budget", advance),
        (
            ic(f"run status {RUN}", out=run_status(token_budget=10)),
            ic("run tokens *", out='{"total_tokens":105}\n'),
        ),
        STAYS,
        environ={"CLAVAIN_SKIP_BUDGET": "decided"},
    ),
    Row(
        *("2.1", "a locked database is tried again", advance),
        (cli("sprint-advance *", code=2, err=LOCKED, times=1),),
        STAYS,
    ),
    Row(
        *("2.1", "a database that stays locked", advance),
        (cli("sprint-advance *", code=2, err=LOCKED),),
        *(CODE.UNAVAILABLE, "database is locked"),
        also={"recoverable": True},
    ),
    Row(
        *("2.4", "the Bash fallback names a blocked gate", advance),
        (
            cli(
                "sprint-advance *",
                code=1,
                out="gate_blocked|brainstorm-reviewed|Gate prerequisites not met\n",
            ),
            ic("gate check *", out=json.dumps(OPEN_GATE)),
        ),
        *(CODE.GATE_BLOCKED, "to brainstorm-reviewed blocks"),
    ),
    Row(
        *("2.4", "the Bash fallback names a pause", advance),
        (cli("sprint-advance *", code=1, out="manual_pause|brainstorm-reviewed|auto_advance=false\n"),),
        CODE.PAUSED,
    ),
    Row(
        *("2.4", "the Bash fallback dies of a variable that is not set", advance, (FALLBACK, DIES)),
        *(CODE.UNAVAILABLE, "exit status 127; clavain-cli runs in its Bash fallback mode"),
        also={"remediation": "install Go or clavain's built program"},
    ),
    Row(
        *("2.8", "another session is about to claim it", advance),
        (cli("sprint-advance *", code=1, err="sprint_claim: lock contention for iv-zad7y\n"),),
        *(CODE.CLAIM_CONFLICT, "lock contention for iv-zad7y"),
        also={"recoverable": True},
    ),
    Row(
        *("2.8", "another session has claimed it", enforce),
        (cli("enforce-gate *", code=1, err="sprint_claim: sprint iv-zad7y is claimed by session 1234abcd (5m ago)\n"),),
        *(CODE.CLAIM_CONFLICT, "is claimed by session 1234abcd"),
    ),
    Row(
        *("2.1", "the installed version has no such command", advance),
        (cli("sprint-advance *", code=1, err="clavain-cli: unknown command 'sprint-advance'\n"),),
        *(CODE.UNAVAILABLE, "unknown command 'sprint-advance'"),
        also={"remediation": "update clavain"},
    ),
    Row(
        *("2.4", "it fails after the move", advance),
        (cli("sprint-advance *", code=1, mark="moved", err="attribution: no session\n"),),
        {**STAYS, "note": "clavain-cli ended with 1 after the move"},
    ),
    Row(
        *("1.5", "the history cannot be read after the move", advance),
        (ic(f"run events {RUN}", when=["moved"], code=2, err=slog("run events: disk I/O error")),),
        {**STAYS, "fact_key": None, "evidence": {}},
    ),
    Row(
        *("1.5", "the history cannot be read after a refusal", advance),
        (
            cli("sprint-advance *", code=1, mark="blocked"),
            ic(f"run events {RUN}", when=["blocked"], code=2, err=slog("run events: disk I/O error")),
        ),
        *(CODE.INTERNAL, "disk I/O error"),
        also={"in_doubt": True},
    ),
    Row(
        *("1.5", "the bead has no run", lambda submit: submit.advance_run(bead_id="iv-none", phase="planned"), ()),
        *(CODE.NOT_FOUND, "iv-none has no run"),
    ),
    Row(
        *("2.1", "the tracker names a run that the kernel does not know", advance),
        (
            says("bd", f"state {BEAD} ic_run_id", out='{"value":"gone1234"}'),
            ic(f"run list --scope={BEAD}", out="[]\n"),
        ),
        *(CODE.NOT_FOUND, "bd names gone1234, which ic does not know"),
    ),
    Row(
        *("4.3", "an unset state is a text of its own with exit code 0; the scope finds the run", advance),
        (says("bd", f"state {BEAD} ic_run_id", out="(no ic_run_id state set)\n"),),
        STAYS,
    ),
    Row(
        *("4.1", "bd 2 puts everything into an envelope", advance),
        (says("bd", f"state {BEAD} ic_run_id", out=f'{{"schema_version":1,"data":{{"value":"{RUN}"}}}}'),),
        STAYS,
    ),
    Row(
        *("1.5", "the run is over", advance, (ic(f"run status {RUN}", out=run_status(status="completed")),)),
        *(CODE.INVALID, f"run {RUN} is completed"),
    ),
    # Gates
    Row(
        *("2.5", "a gate that lets pass says nothing", enforce, (ic("gate check *", out=json.dumps(OPEN_GATE)),)),
        {**STAYS, "outcome": "pass", "tier": "soft", "policy_enforced": True, "note": ""},
    ),
    Row(
        *("2.5", "the phase that is named does not select the gate"),
        lambda submit: submit.enforce_gate(bead_id=BEAD, phase="shipping"),
        (ic("gate check *", out=json.dumps(OPEN_GATE)),),
        {"outcome": "pass", "note": "the next gate leads to brainstorm-reviewed, not to shipping"},
    ),
    Row(
        *("2.5", "without a run it fails open, which is no pass"),
        lambda submit: submit.enforce_gate(bead_id="iv-none", phase="planned"),
        (cli("enforce-gate *", err='enforce-gate: skipped — no ic run for bead "iv-none"\n'),),
        {
            "outcome": "not_enforced",
            "policy_enforced": False,
            "run_id": None,
            "note": 'enforce-gate: skipped — no ic run for bead "iv-none"',
        },
    ),
    Row(
        *("2.5", "the user skips a gate", enforce),
        (cli("enforce-gate *", err="enforce-gate: skipping gate for brainstorm-reviewed (CLAVAIN_SKIP_GATE set)\n"),),
        {"outcome": "skip", "policy_enforced": False},
    ),
    Row(
        *("2.5", "a gate that blocks says which phase was asked for; the conditions are the kernel's", enforce),
        (cli("enforce-gate *", code=1, err="gate blocked for brainstorm-reviewed\n"),),
        *(CODE.GATE_BLOCKED, 'no artifacts found for phase "brainstorm"'),
        also={"evidence.said": "gate blocked for brainstorm-reviewed", "evidence.tier": "soft"},
    ),
    Row(
        *("2.5", "a handoff contract blocks where the gate would not", enforce),
        (
            cli("enforce-gate *", code=1, err="handoff contract failed for prd: missing section Goals\n"),
            ic("gate check *", out=json.dumps(OPEN_GATE)),
        ),
        *(CODE.GATE_BLOCKED, "handoff contract failed for prd"),
    ),
    Row(
        *("2.5", "no released version overrides a gate: the kernel does, without policy", override, ()),
        {
            **STAYS,
            "via": "ic",
            "policy_enforced": False,
            "category": "justified",
            "reason": "ship it",
            "evidence": EVIDENCE,
            "note": "the installed clavain-cli has no command 'gate-override', so ic was asked",
        },
    ),
    Row(
        *("2.5", "the fallback lacks the command, and is named", override),
        (FALLBACK,),
        {
            "note": "the installed clavain-cli has no command 'gate-override', so ic was asked; "
            "clavain-cli runs in its Bash fallback mode"
        },
    ),
    Row(
        *("1.7", "ic would override a gate that does not block", override),
        (ic("gate check *", out=json.dumps(OPEN_GATE)),),
        *(CODE.INVALID, "no gate blocks run"),
        also={"remediation": f"interhost submit advance {BEAD} brainstorm"},
    ),
    Row(
        *("future", "a version that has the command is asked", override),
        (
            cli("gate-override", code=1, err="usage: gate-override\n", times=1),
            cli("gate-override *", mark="overridden"),
        ),
        {**STAYS, "via": "clavain-cli", "policy_enforced": True},
    ),
    Row(
        *("future", "a version that has the command and is not understood is not gone past", override),
        (
            cli("gate-override", code=1, err="usage: gate-override\n"),
            cli("gate-override *", code=1, err="usage: gate-override\n"),
        ),
        *(CODE.INTERNAL, "usage: gate-override"),
    ),
    # Tasks
    Row(
        *("2.5", "no released version dispatches: the kernel does, and clavain-cli is told", dispatch, ()),
        {
            "dispatch_id": "hq2nuey6",
            "run_id": RUN,
            "bead_id": BEAD,
            "agent": "codex",
            "pid": 30611,
            "via": "ic",
            "policy_enforced": False,
        },
    ),
    Row(
        *("1.6", "the agent's program is not installed", dispatch),
        (
            ic(
                "dispatch spawn *",
                code=2,
                err=slog(
                    "dispatch spawn", error='spawn: start process: exec: "codex": executable file not found in $PATH'
                ),
            ),
        ),
        *(CODE.INTERNAL, 'exec: "codex": executable file not found in $PATH'),
        also={"in_doubt": False},
    ),
    Row(
        *(
            "1.6",
            "a portfolio is at its limit",
            dispatch,
            (ic("dispatch spawn *", code=1, err=slog("portfolio limit")),),
        ),
        *(CODE.INVALID, "portfolio limit"),
    ),
    Row(
        *("future", "a version that has the command is asked", dispatch),
        (
            cli("dispatch-task", code=1, err="usage: dispatch-task\n", times=1),
            cli(f"dispatch-task {RUN} *", out='{"dispatch_id":"d1","run_id":"r"}'),
        ),
        {"via": "clavain-cli", "policy_enforced": True, "dispatch_id": "d1"},
    ),
    # Artifacts
    Row(
        *("2.6", "prints nothing; what is registered is looked up", artifact, ()),
        {
            "via": "clavain-cli",
            "artifact_id": "t0ufez6w",
            "path": "docs/b.md",
            "kind": "brainstorm",
            "bead_id": BEAD,
            "run_id": RUN,
            "phase": "brainstorm-reviewed",
            "note": "",
        },
    ),
    Row(
        *("2.6", "ends with 0 although nothing was registered", artifact),
        (cli("set-artifact *", err="set-artifact: warning: no ic run\n"),),
        *(CODE.INTERNAL, "clavain-cli registered nothing: set-artifact: warning: no ic run"),
    ),
    Row(
        *("2.6", "ends with 0 when only the tracker has it", artifact),
        (
            cli("set-artifact *", err="set-artifact: warning: database is locked\n"),
            says("bd", f"state {BEAD} artifact_brainstorm", out='{"value":"docs/b.md"}'),
        ),
        {"artifact_id": None, "note": "only bd has it; set-artifact: warning: database is locked"},
    ),
    Row(
        *("2.6", "a kind that it does not know is stored with a warning", artifact),
        (cli("set-artifact *", mark="registered", err='set-artifact: warning: unknown type "brainstorm"\n'),),
        {"artifact_id": "t0ufez6w", "note": 'set-artifact: warning: unknown type "brainstorm"'},
    ),
    Row(
        *("2.6", "a sealed artifact may not change", artifact),
        (cli("set-artifact *", code=1, err="set-artifact: docs/b.md: content differs from its seal\n"),),
        *(CODE.INVALID, "content differs from its seal"),
    ),
    Row(
        *("2.6", "prints the path and a newline"),
        lambda submit: submit.get_artifact(bead_id=BEAD, kind="brainstorm"),
        (),
        {"path": "docs/b.md", "kind": "brainstorm", "bead_id": BEAD, "via": "clavain-cli"},
    ),
    Row(
        *("2.6", "nothing of that kind", lambda submit: submit.get_artifact(bead_id=BEAD, kind="nope"), ()),
        *(CODE.NOT_FOUND, f"{BEAD} has no artifact of kind 'nope'"),
    ),
    # State
    Row(
        *("2.3", "names no run, gives numbers as text; the run is looked up", read, ()),
        {
            "bead_id": BEAD,
            "run_id": RUN,
            "phase": "brainstorm-reviewed",
            "status": "active",
            "complexity": 3,
            "artifacts": {"brainstorm": "docs/b.md", "weird": "docs/w.md"},
            "auto_advance": True,
            "active_session": None,
            "token_budget": 250000,
            "tokens_spent": 0,
        },
    ),
    Row(
        *("2.3", "an empty object with exit code 0 is an unknown bead"),
        lambda submit: submit.read_sprint(bead_id="iv-none"),
        (),
        *(CODE.NOT_FOUND, "clavain-cli knows no sprint of iv-none"),
    ),
    Row(
        *("2.4", "the Bash fallback dies here, too", read, (FALLBACK, DIES)),
        *(CODE.UNAVAILABLE, "clavain-cli runs in its Bash fallback mode"),
    ),
    Row(
        *("2.3", "a run's own id is as good as its bead", lambda submit: submit.read_sprint(bead_id=RUN), ()),
        {"bead_id": BEAD, "run_id": RUN},
    ),
]

KERNEL = [
    Row(
        *("1.4", "run create states a constant phase; the real one is looked up", create),
        (ic(f"run status {RUN}", out=run_status(phase="goal-formed", phases=None, scope_id=None, token_budget=None)),),
        {
            "via": "ic",
            "policy_enforced": False,
            "bead_id": None,
            "run_id": RUN,
            "phase": "goal-formed",
            "token_budget": None,
            "note": f"{NO_POLICY}: the run has no bead, no token budget and no phase actions",
        },
    ),
    Row(
        *("1.4", "the run that was made cannot be read", create),
        (ic(f"run status {RUN}", code=2, err=slog("run status: disk I/O error")),),
        {"run_id": RUN, "phase": None},
    ),
    Row(
        *("1.4", "ic has no lanes", lambda submit: submit.create_sprint(goal=GOAL, lane="ui"), ()),
        {"note": f"{NO_POLICY}: the run has no bead, no token budget and no phase actions; lane 'ui' is not kept"},
    ),
    Row(
        *("1.5", "advancing answers with an object", advance, ()),
        {**STAYS, "via": "ic", "policy_enforced": False, "note": NO_POLICY, "evidence": EVIDENCE},
    ),
    Row(
        *("1.5", "a blocked advance is exit code 1 with an object", advance),
        (
            ic(
                "run advance *",
                code=1,
                mark="blocked",
                out=json.dumps({"advanced": False, "event_type": "block", "reason": CONDITIONS}),
            ),
        ),
        *(CODE.GATE_BLOCKED, 'no artifacts found for phase "brainstorm"'),
    ),
    Row(
        *("1.5", "a pause is exit code 1 with an object", advance),
        (
            ic(
                "run advance *",
                code=1,
                out='{"advanced":false,"event_type":"pause","reason":"auto_advance disabled"}\n',
            ),
        ),
        CODE.PAUSED,
    ),
    Row(
        *("1.5", "a terminal run is exit code 1 without an object", advance),
        (ic("run advance *", code=1, err=slog("run advance: run is in a terminal status")),),
        *(CODE.INVALID, "run is in a terminal status"),
    ),
    Row(
        *("1.1", "a locked database is tried again", advance),
        (ic("run advance *", code=2, err=LOCKED, times=1),),
        STAYS,
    ),
    Row(
        *("1.1", "exit code 2 is the database", advance, (ic("run advance *", code=2, err=slog("disk I/O error")),)),
        *(CODE.INTERNAL, "disk I/O error"),
    ),
    Row(
        *("1.1", "exit code 3 is usage, in plain text", advance),
        (ic("run advance *", code=3, err="ic: run advance: usage: ic run advance <id>\n"),),
        *(CODE.INTERNAL, "this version of ic does not take what it was given"),
    ),
    Row(
        *("1.5", "the history cannot be read: the object says where it went", advance),
        (ic(f"run events {RUN}", when=["moved"], code=2, err=slog("run events: disk I/O error")),),
        {**STAYS, "fact_key": None, "evidence": {"conditions": []}},
    ),
    Row(
        *("1.7", "a failing gate is exit code 1 with an object", enforce, ()),
        *(CODE.GATE_BLOCKED, 'no artifacts found for phase "brainstorm"'),
    ),
    Row(
        *("1.7", "a gate that passes", enforce, (ic("gate check *", out=json.dumps({**OPEN_GATE, "tier": "hard"})),)),
        {**STAYS, "via": "ic", "policy_enforced": False, "outcome": "pass", "tier": "hard"},
    ),
    Row(
        *("1.7", "a terminal run has no gate: exit code 1 without an object", enforce),
        (ic("gate check *", code=1, err=slog("gate check: run is terminal")),),
        *(CODE.INVALID, "no gate is left"),
    ),
    Row(
        *("1.7", "an override moves one phase on", override, ()),
        {**STAYS, "via": "ic", "note": NO_POLICY},
    ),
    Row(
        *("1.7", "an override of an unknown run"),
        lambda submit: submit.override_gate(run_id="nope", reason="x", category="expedient"),
        (),
        *(CODE.NOT_FOUND, "there is no run nope"),
    ),
    Row(*("1.6", "spawning an agent", dispatch, ()), {"dispatch_id": "hq2nuey6", "pid": 30611, "note": NO_POLICY}),
    Row(
        *("1.6", "a spawn that was locked out may have started its process", dispatch),
        (ic("dispatch spawn *", code=2, err=LOCKED),),
        CODE.UNAVAILABLE,
    ),
    Row(
        *("1.8", "registering an artifact", artifact, ()),
        {"artifact_id": "t0ufez6w", "phase": "brainstorm", "via": "ic"},
    ),
    Row(
        *("1.8", "ic would register the same artifact again", artifact),
        (
            ic("run artifact list *", out=json.dumps([{**ARTIFACT, "id": "first", "phase": "brainstorm"}])),
            ic("run artifact add *", code=99),
        ),
        {"artifact_id": "first"},
    ),
    Row(
        *("1.8", "the newest artifact of a kind that was not rolled back"),
        lambda submit: submit.get_artifact(bead_id=BEAD, kind="brainstorm"),
        (
            ic(
                "run artifact list *",
                out=json.dumps(
                    [
                        {**ARTIFACT, "path": "docs/new.md", "created_at": 3, "status": "rolled_back"},
                        {**ARTIFACT, "path": "docs/second.md", "created_at": 2},
                        {**ARTIFACT, "path": "docs/first.md", "created_at": 1},
                    ]
                ),
            ),
        ),
        {"path": "docs/second.md"},
    ),
    Row(
        *("1.8", "no artifact", lambda submit: submit.get_artifact(bead_id=BEAD, kind="plan"), ()),
        CODE.NOT_FOUND,
    ),
    Row(
        *("1.5", "the state of a run", read, ()),
        {"bead_id": BEAD, "run_id": RUN, "phase": "brainstorm", "tokens_spent": 0, "token_budget": 250000},
    ),
    Row(
        *("1.2", "a database that was never migrated", create),
        (ic("health", code=2, err=slog("health: database not migrated — run 'ic init'")),),
        *(CODE.UNAVAILABLE, "database not migrated"),
        also={"remediation": "run 'ic init' in the project"},
    ),
    Row(
        *("1.1", "warnings are printed although nothing failed", advance),
        (ic("run advance *", mark="moved", out='{"advanced":true}', err='{"level":"WARN","msg":"gate bypass"}\n'),),
        STAYS,
    ),
]


def label(row: Row) -> str:
    return f"{row.section} {row.about}"


def check(office: Office, row: Row) -> None:
    """Let the world answer as the row says, and compare."""
    office.world.answer(*row.rules)
    if isinstance(row.gives, SubmissionCode):
        error = office.refused(row.act, **row.environ)
        assert error.code is row.gives, error.message
        assert row.words in error.message
        assert {key: _look(error, key) for key in row.also} == dict(row.also)
        return
    result = row.act(office.submit(**row.environ))
    assert attrs.has(type(result))
    assert {key: getattr(result, key) for key in row.gives} == dict(row.gives)


def _look(error: SubmissionError, key: str) -> object:
    name, _, inner = key.partition(".")
    return (getattr(error, name) or {}).get(inner) if inner else getattr(error, name)


@pytest.mark.parametrize("row", POLICY, ids=label)
def test_what_clavain_cli_answers_is_understood(office: Office, row: Row) -> None:
    """With the policy layer installed, each of its answers becomes a typed result or a typed refusal."""
    check(office, row)


@pytest.mark.parametrize("row", KERNEL, ids=label)
def test_what_ic_answers_is_understood(office: Office, row: Row) -> None:
    """Without a policy layer each answer of the kernel becomes one, too, and says that no policy was asked."""
    office.world.remove("clavain-cli")
    check(office, row)


def test_no_answer_was_made_up(office: Office) -> None:
    """What the stand-ins are not told to answer they refuse, so that no call goes unnoticed."""
    office.world.answer(says("ic", "health", code=99, err="stand-in: no answer\n"))
    assert "no answer" in office.refused(create).message


def test_events_are_in_the_order_of_their_ids(office: Office) -> None:
    """The history is read by its numbers, whatever order it is printed in."""
    office.world.answer(
        says("ic", f"run events {RUN}", when=["moved"], out=events(event(7, "advance"), event(4, "set")))
    )
    moved = office.submit().advance_run(bead_id=BEAD, phase="brainstorm")
    assert moved is not None
    assert moved.fact_key == f"ic:{office.world.database}:phase:7"
