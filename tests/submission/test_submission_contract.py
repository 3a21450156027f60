"""The programs' contract as one table: what is called, how it ends, what it prints, and what we read in that.

Each row cites its section of ``reference/cli-contracts.md`` and has the output that is pasted there, with ``{run}`` and
``{other}`` where ids stand. It is played twice. The stand-ins print it word for word, which shows that we read it
right. With ``-m real_programs`` the programs that are on PATH are called, in projects of their own, which shows that
they still print it; ids, times and versions differ, keys and everything else may not.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from interhost_hookspecs import SubmissionError

from interhost.process import Result
from interhost.submission.checks import ASSUMPTIONS
from interhost.submission.clavain import Clavain, find_clavain
from interhost.submission.kernel import Kernel, find_database
from interhost.submission.policy import get_artifact, read_sprint
from interhost.submission.programs import PROGRAMS, Desk, find_program
from interhost.submission.tracker import read_state
from tests.submission_kit import Rule, says

if TYPE_CHECKING:
    from tests.submission.conftest import Office


class Hands(NamedTuple):
    """What a row's reading has at hand.

    Attributes:
        desk: Where the programs are.
        run: Id of the project's run.
        answer: What the program of the row answered.
    """

    desk: Desk
    run: str
    answer: Result

    @property
    def kernel(self) -> Kernel:
        """``ic``, without asking for its health."""
        database = find_database(self.desk.project)
        assert database
        return Kernel(self.desk, str(self.desk.find("ic")), database)

    @property
    def cli(self) -> Clavain:
        """``clavain-cli``."""
        cli = find_clavain(self.desk)
        assert cli
        return cli


def printed(hands: Hands) -> object:
    """The row is read by whoever calls it, not by a function of its own."""
    return hands.answer.stdout


class Case(NamedTuple):
    """One call.

    Attributes:
        section: Where the reference has it.
        about: What is odd or important about it.
        call: Program and words.
        code: How it ends.
        out: What it prints.
        err: What it says on standard error; a log line by its message alone.
        reads: What our code makes of it.
        holds: Whether that is what it should.
        first: Calls of ``ic`` that come before, in a real project.
    """

    section: str
    about: str
    call: str
    code: int
    out: str = ""
    err: str = ""
    reads: Callable[[Hands], object] = printed
    holds: Callable[[Any], bool] = lambda read: True
    first: tuple[str, ...] = ()


def code_of(read: Callable[[Hands], object]) -> Callable[[Hands], str]:
    """The code of the refusal that a reading raises."""

    def refused(hands: Hands) -> str:
        try:
            return f"none, but {read(hands)}"
        except SubmissionError as error:
            return error.code.value

    return refused


CONDITIONS = (
    r"{\"conditions\":[{\"check\":\"artifact_exists\",\"phase\":\"brainstorm\",\"result\":\"fail\",\"count\":0,"
    r"\"detail\":\"no artifacts found for phase \\\"brainstorm\\\"\"}]}"
)
CHECKED = (
    '{"conditions":[{"check":"artifact_exists","phase":"brainstorm","result":"fail","count":0,'
    '"detail":"no artifacts found for phase \\"brainstorm\\""}]}'
)
ADD = "--json run artifact add {run} --phase=brainstorm --path=docs/b.md --type=brainstorm"
ADVANCE = "--json run advance {run}"

CASES = (
    # ic
    Case("1.1", "an unknown command shows help and exits 3", "ic frobnicate", 3, err="unknown command"),
    Case("1.1", "--timeout is taken from anywhere", "ic --timeout=abc version", 3, err="ic: invalid timeout: abc\n"),
    Case("1.2", "health has no JSON form", "ic --json health", 0, "ok\n"),
    Case(
        *("1.3", "no run is an answer with exit code 1", "ic --json run current --project=/nowhere", 1),
        '{"found":false}\n',
    ),
    Case("1.3", "a relative project never matches", "ic --json run current --project=.", 1, '{"found":false}\n'),
    Case(
        *("1.3", "without --project the current directory is meant", "ic --json run current", 0),
        '{"found":true,"goal":"Add event mesh","id":"{run}","phase":"brainstorm"}\n',
    ),
    Case(
        *("1.4", "a new run always says brainstorm", 'ic --json run create --goal=x --phases=["one","two"]', 0),
        '{"id":"{other}","phase":"brainstorm"}\n',
    ),
    Case("1.4", "a run without a goal is a usage error", "ic --json run create", 3, err="goal"),
    Case(
        *("1.5", "the record of a run", "ic --json run status {run}", 0),
        '{"auto_advance":true,"complexity":3,"created_at":1795170949,"force_full":false,"goal":"Add event mesh",'
        '"id":"{run}","phase":"brainstorm","project_dir":"@PROJECT@","status":"active","updated_at":1795170949}\n',
        reads=lambda hands: hands.kernel.run(hands.run),
        holds=lambda run: (
            (run.phase, run.status, run.bead_id, run.phases[-1]) == ("brainstorm", "active", None, "done")
        ),
    ),
    Case(
        *("1.5", "an unknown run has exit code 1 and no output", "ic --json run status nope", 1),
        err="run status: not found",
        reads=lambda hands: hands.kernel.run("nope"),
        holds=lambda run: run is None,
    ),
    Case(
        *("1.5", "a usage error is plain text", "ic --json run status", 3),
        err="ic: run status: usage: ic run status <id>\n",
    ),
    Case(
        *("1.5", "an unknown run has no history", "ic --json run events nope", 0, "[]\n"),
        reads=lambda hands: hands.kernel.events("nope"),
        holds=lambda events: events == [],
    ),
    Case(
        *("1.5", "an advance that a gate blocks has exit code 1 and an object", f"ic {ADVANCE}", 1),
        '{"advanced":false,"event_type":"block","from_phase":"brainstorm","gate_result":"fail","gate_tier":"hard",'
        f'"reason":"{CONDITIONS}","to_phase":"brainstorm-reviewed"}}\n',
    ),
    Case(
        *("1.5", "an advance says where it went", f"ic {ADVANCE}", 0),
        '{"active_agent_count":0,"advanced":true,"event_type":"advance","from_phase":"brainstorm",'
        '"gate_result":"pass","gate_tier":"hard","next_gate_requirements":["artifact_exists"],'
        '"reason":"{\\"conditions\\":[]}","to_phase":"brainstorm-reviewed"}\n',
        first=(ADD,),
    ),
    Case(
        *("1.5", "the history's times are numbers, and its reasons JSON in text", "ic --json run events {run}", 0),
        '[{"created_at":1795170873,"envelope":{},"event_type":"block","from_phase":"brainstorm","gate_result":"fail",'
        f'"gate_tier":"hard","id":1,"reason":"{CONDITIONS}","run_id":"{{run}}","to_phase":"brainstorm-reviewed"}}]\n',
        reads=lambda hands: hands.kernel.events(hands.run),
        holds=lambda events: (
            [(one.kind, one.from_phase, one.tier) for one in events] == [("block", "brainstorm", "hard")]
            and events[0].evidence["conditions"][0]["check"] == "artifact_exists"
        ),
        first=(ADVANCE,),
    ),
    Case(
        *("1.5", "tokens are counted, whatever the budget", "ic --json run tokens {run}", 0),
        '{"cache_hits":0,"input_tokens":0,"output_tokens":0,"run_id":"{run}","total_tokens":0}\n',
        reads=lambda hands: hands.kernel.tokens(hands.run),
        holds=lambda tokens: tokens == 0,
    ),
    Case("1.6", "a task needs a prompt file", "ic --json dispatch spawn", 3, err="prompt-file"),
    Case(
        *("1.7", "a gate that fails has exit code 1 and its evidence", "ic --json gate check {run}", 1),
        f'{{"evidence":{CHECKED},"from_phase":"brainstorm","result":"fail","run_id":"{{run}}","source":"default",'
        '"tier":"soft","to_phase":"brainstorm-reviewed"}\n',
        reads=lambda hands: hands.kernel.check_gate(hands.run, priority=3),
        holds=lambda gate: (gate.result, gate.to_phase) == ("fail", "brainstorm-reviewed"),
    ),
    Case(
        *("1.7", "an override names its category", "ic --json gate override {run} --reason=r --justified", 0),
        '{"category":"justified","from_phase":"brainstorm","reason":"r","to_phase":"brainstorm-reviewed"}\n',
    ),
    Case("1.7", "an override needs a reason", "ic --json gate override {run}", 3, err="reason"),
    Case(
        *("1.8", "a state that is not there is silence", "ic --json state get checkpoint {run}", 1),
        reads=lambda hands: hands.kernel.checkpoint(hands.run),
        holds=lambda noted: noted == {},
    ),
    Case("1.8", "an artifact is registered, there or not", f"ic {ADD}", 0, '{"id":"{other}"}\n'),
    Case(
        *("1.8", "what is registered", "ic --json run artifact list {run}", 0),
        '[{"created_at":1795170873,"id":"{other}","path":"docs/b.md","phase":"brainstorm","run_id":"{run}",'
        '"status":"active","type":"brainstorm"}]\n',
        reads=lambda hands: hands.kernel.artifacts(hands.run),
        holds=lambda found: [(one.kind, one.path) for one in found] == [("brainstorm", "docs/b.md")],
        first=(ADD,),
    ),
    Case(
        *("1.9", "the form that interbase specifies is refused", "ic events emit {run} phase_advanced --payload={}", 3),
        err="events emit: --source is required",
    ),
    Case("1.9", "a position that lasts", "ic events cursor register mesh --durable", 0, "registered mesh (durable)\n"),
    Case("1.9", "a position that nobody has", "ic events cursor reset nobody", 0, "not found\n"),
    Case(
        *("1.9", "events are lines, with times in text", "ic events tail --all --consumer=mesh --limit=600", 0),
        '{"id":1,"run_id":"{run}","source":"phase","type":"block","from_state":"brainstorm",'
        f'"to_state":"brainstorm-reviewed","reason":"{CONDITIONS}","envelope":{{}},'
        '"timestamp":"2026-11-20T10:34:33Z"}\n',
        first=(ADVANCE,),
    ),
    # clavain-cli
    Case(
        *("2.1", "an unknown command exits 1 and says so", "clavain-cli frobnicate", 1),
        err="clavain-cli: unknown command 'frobnicate'\nRun 'clavain-cli help' for usage.\n",
    ),
    Case(
        *("2.5", "it dispatches no tasks", "clavain-cli dispatch-task", 1),
        err="clavain-cli: unknown command 'dispatch-task'\nRun 'clavain-cli help' for usage.\n",
        reads=lambda hands: hands.cli.has_command("dispatch-task"),
        holds=lambda has: has is False,
    ),
    Case(
        *("2.5", "it overrides no gates", "clavain-cli gate-override", 1),
        err="clavain-cli: unknown command 'gate-override'\nRun 'clavain-cli help' for usage.\n",
        reads=lambda hands: hands.cli.has_command("gate-override"),
        holds=lambda has: has is False,
    ),
    Case("2.3", "nothing that is active is an empty array", "clavain-cli sprint-find-active", 0, "[]"),
    Case(
        *("2.3", "an unknown bead is an empty object", "clavain-cli sprint-read-state iv-none", 0, "{}"),
        reads=code_of(lambda hands: read_sprint(hands.cli, "iv-none")),
        holds=lambda code: code == "not_found",
    ),
    Case(
        *("2.4", "too few words are a usage error with 1", "clavain-cli sprint-advance", 1),
        err="usage: sprint-advance <bead_id> <current_phase> [artifact_path]\n",
    ),
    Case(
        *("2.6", "no artifact of a type", "clavain-cli get-artifact iv-none nope", 1),
        err='no artifact of type "nope" found for iv-none\n',
        reads=code_of(lambda hands: get_artifact(hands.cli, "iv-none", "nope")),
        holds=lambda code: code == "not_found",
    ),
    Case("2.9", "no checkpoint is an empty object", "clavain-cli checkpoint-read iv-none", 0, "{}"),
    # bd
    Case(
        *("4.1", "without a database it says where to look", "bd --json state iv-none ic_run_id", 1),
        err="Error: no beads database found\n",
        reads=lambda hands: read_state(hands.desk, "iv-none", "ic_run_id"),
        holds=lambda state: state is None,
    ),
)


def label(case: Case) -> str:
    return f"{case.section} {case.call.partition(' ')[0]}: {case.about}"


def words_of(case: Case, run: str) -> tuple[str, list[str]]:
    """Program and words, with the run's id in them."""
    program, *words = case.call.replace("{run}", run).split(" ")
    return program, words


def play(case: Case, desk: Desk, run: str) -> tuple[Result, object]:
    """Call the program, then let our code read it."""
    program, words = words_of(case, run)
    answer = desk.ask([str(desk.find(program)), *words])
    return answer, case.reads(Hands(desk, run, answer))


# Stand-ins ------------------------------------------------------------------------------------------------------------


def stand_in(case: Case, run: str) -> Rule:
    """The answer of a row, whatever options our code adds to the call."""
    program, words = words_of(case, run)
    plain = [word for word in words if word not in ("--json", "--timeout=5s")]
    out = case.out.replace("{run}", run).replace("{other}", "t0ufez6w")
    log = json.dumps({"level": "ERROR", "msg": case.err}) + "\n"
    err = case.err if not case.err or case.err.endswith("\n") else log
    return says(
        program, " ".join([*plain[:3], "*"]) if len(plain) > 3 else " ".join(plain), out=out, err=err, code=case.code
    )


@pytest.mark.parametrize("case", CASES, ids=label)
def test_what_is_pasted_is_read_right(office: Office, case: Case) -> None:
    """The stand-in ends and prints as the reference says, and our code makes of it what it should."""
    office.world.answer(stand_in(case, "w46pk7wf"))
    answer, read = play(case, Desk(project=office.world.project, environ=office.world.environ), "w46pk7wf")
    assert answer.returncode == case.code
    assert answer.stdout == case.out.replace("{run}", "w46pk7wf").replace("{other}", "t0ufez6w").replace(
        "@PROJECT@", str(office.world.project)
    )
    assert case.err.strip() in answer.stderr.replace("\\n", "\n")
    assert case.holds(read)


# Real programs --------------------------------------------------------------------------------------------------------


def compare(shown: object, pasted: object) -> str:
    """What differs between two JSON values besides ids, times and further keys; empty when nothing does."""
    if isinstance(pasted, Mapping):
        if not isinstance(shown, Mapping):
            return f"expected an object, got {shown!r}"
        differences = (compare(shown.get(key, "no such key"), value) for key, value in pasted.items())
        return next(filter(None, differences), "")
    if isinstance(pasted, list):
        if not isinstance(shown, list) or len(shown) < len(pasted):
            return f"expected {len(pasted)} items, got {shown!r}"
        return next(filter(None, map(compare, shown, pasted)), "")
    if isinstance(pasted, str) and pasted.startswith("{") and isinstance(shown, str) and pasted.endswith("}"):
        return compare(json.loads(shown), json.loads(pasted)) if _is_json(pasted) else ""
    if type(shown) is not type(pasted):
        return f"expected {pasted!r}, got {shown!r}"
    is_own = isinstance(pasted, str) and re.fullmatch(r"\{\w+\}|@PROJECT@|\d{4}-\d\d-\d\dT.*", pasted)
    is_number = isinstance(pasted, int) and not isinstance(pasted, bool) and pasted > 1_000_000_000
    return "" if is_own or is_number or shown == pasted else f"expected {pasted!r}, got {shown!r}"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def differs(answer: Result, case: Case) -> str:
    """In which way a real answer is not what the row says."""
    if answer.returncode != case.code:
        return f"exit code {answer.returncode}, not {case.code}: {answer.stderr or answer.stdout}"
    if case.err.strip() not in answer.stderr.replace("\\n", "\n"):
        return f"standard error is {answer.stderr!r}"
    if not case.out:
        return ""  # help on standard output is nobody's contract
    if not _is_json(case.out):
        return "" if answer.stdout == case.out else f"printed {answer.stdout!r}"
    lines = answer.stdout.strip().split("\n") if "events tail" in case.call else [answer.stdout]
    return compare(json.loads(lines[0]), json.loads(case.out))


BLOCKED = next(case for case in CASES if case.call.startswith("ic --json run advance"))


def ended(case: Case, code: int | None = None, out: str | None = None) -> Result:
    """A real program's answer to a row: with ids and times of its own, unless something else is said."""
    own = case.out.replace("{run}", "own1").replace("{other}", "own2").replace("17951", "18000")
    return Result(case.code if code is None else code, own if out is None else out, case.err, "")


@pytest.mark.parametrize("case", CASES, ids=label)
def test_other_ids_and_times_are_no_difference(case: Case) -> None:
    """Nor are keys that are new."""
    assert differs(ended(case), case) == ""
    more = case.out.replace('{"', '{"a_new_key":[],"', 1) if _is_json(case.out) and "{" in case.out else case.out
    assert differs(ended(case, out=more), case) == ""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ended(BLOCKED, code=0), "exit code 0, not 1"),
        (ended(BLOCKED, out=BLOCKED.out.replace('"block"', '"pause"')), "expected 'block', got 'pause'"),
        (ended(BLOCKED, out=BLOCKED.out.replace("gate_tier", "tier")), "got 'no such key'"),
        (ended(BLOCKED, out=BLOCKED.out.replace("artifact_exists", "other")), "expected 'artifact_exists'"),
        (ended(BLOCKED, out="[]"), "expected an object"),
        (ended(BLOCKED, out=BLOCKED.out.replace("false", '"no"')), "expected False, got 'no'"),
    ],
)
def test_a_program_that_has_changed_is_noticed(answer: Result, words: str) -> None:
    """An exit code, a word, a key, evidence inside a text, a type."""
    assert words in differs(answer, BLOCKED)


@pytest.mark.real_programs
@pytest.mark.parametrize("case", CASES, ids=label)
def test_the_installed_programs_keep_the_contract(case: Case, tmp_path: Path) -> None:
    """The same rows, in a new project with one run; only programs that are on PATH."""
    called = case.call.partition(" ")[0]
    for program in ("bd",) if called == "bd" else (called, "ic"):
        if find_program(program, os.environ) is None:
            pytest.skip(f"{program} is not installed")
    home = {name: value for name, value in os.environ.items() if not name.startswith(("CLAVAIN_", "CLAUDE_", "BEADS_"))}
    desk = Desk(project=tmp_path, environ={**home, "HOME": str(tmp_path)})
    run = ""
    if called != "bd":
        (tmp_path / ".clavain").mkdir()
        (tmp_path / "docs").mkdir()
        assert desk.ask([str(desk.find("ic")), "init"]).returncode == 0
        made = desk.ask([str(desk.find("ic")), "--json", "run", "create", "--goal=Add event mesh"])
        run = json.loads(made.stdout)["id"]
        for before in case.first:
            desk.ask([str(desk.find("ic")), *before.replace("{run}", run).split(" ")])
    answer, read = play(case, desk, run)
    assert differs(answer, case) == ""
    assert case.holds(read)


@pytest.mark.real_programs
@pytest.mark.parametrize("program", PROGRAMS)
def test_what_doctor_asks_holds_here(program: str) -> None:
    """As far as can be asked without a project."""
    path = find_program(program, os.environ)
    if path is None:
        pytest.skip(f"{program} is not installed")
    desk = Desk(project=Path("/"), environ=os.environ)
    for one in ASSUMPTIONS:
        if one.program == program:
            assert one.holds(desk.ask([path, *one.words])), one.says
