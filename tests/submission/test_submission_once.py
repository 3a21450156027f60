"""A submission is made once per key: repeated, in parallel, and when its process dies at the worst moment."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import SprintCreated, SubmissionCode

from interhost.bus.bus import Bus
from interhost.errors import BusyError
from interhost.host.providers import Providers
from interhost.host.submitting import HostSubmissions
from interhost.host.writing import Origin
from interhost.submission import ledger
from tests.submission_kit import BEAD, CONDITIONS, GOAL, RUN, Ends, event, events, run_status, says

if TYPE_CHECKING:
    from tests.submission.conftest import Office

INTERHOST = str(Path(sys.executable).with_name("interhost"))
DAY = 24 * 3600


def crash(office: Office, *arguments: str) -> None:
    """``interhost submit`` in a process of its own, which is killed from below."""
    done = subprocess.run(
        [INTERHOST, "submit", *arguments, "--json"],
        env={**office.world.environ, "INTERBUS_ROOT": str(office.root)},
        cwd=office.world.project,
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == -signal.SIGKILL, done


def keys(office: Office) -> list[tuple[str, bool]]:
    """Every recorded key, and whether it has a result."""
    rows = office.bus.database.rows("SELECT key, result IS NOT NULL FROM submission ORDER BY key")
    return [(str(key), bool(done)) for key, done in rows]


# Sprints --------------------------------------------------------------------------------------------------------------


def test_a_sprint_is_created_once_a_day(office: Office) -> None:
    """The same goal within 24 hours is the same sprint, and says so; a day later it is another one."""
    first = office.submit().create_sprint(goal=GOAL)
    again = office.submit().create_sprint(goal=GOAL)
    assert first is not None
    assert again is not None
    assert (first.repeated, again.repeated, again.bead_id) == (False, True, BEAD)
    assert again.phases == first.phases
    office.submit().create_sprint(goal=GOAL, complexity=4)
    office.submit().create_sprint(goal="Another")
    assert len(office.world.calls("clavain-cli", "sprint-create")) == 3
    with office.bus.database.transaction():
        office.bus.database.change("UPDATE submission SET ts = ts - ?", (DAY + 1) * 1_000_000)
    later = office.submit().create_sprint(goal=GOAL)
    assert later is not None
    assert not later.repeated
    assert len(office.world.calls("clavain-cli", "sprint-create")) == 4


def test_a_sprint_is_told_once(office: Office) -> None:
    """A repeat publishes nothing."""
    for _ in range(3):
        office.submit().create_sprint(goal=GOAL)
    assert [name for name, _, _ in office.facts()] == ["start_sprint"]


_TWENTY = """
import json, os, sys
from pathlib import Path
from interhost.bus.bus import Bus
from interhost.host.providers import Providers
from interhost.host.submitting import HostSubmissions
from interhost.host.writing import Origin
root, project, goal = sys.argv[1:]
for _ in range(20):
    if not os.fork():
        origin = Origin("cli", os.environ, Path(project))
        made = HostSubmissions(Providers([], lambda *_: None), Bus(Path(root)), origin).create_sprint(goal=goal)
        os.write(1, (json.dumps({"bead_id": made.bead_id, "repeated": made.repeated}) + "\\n").encode())
        os._exit(0)
sys.exit(max(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(20)))
"""


def test_twenty_parallel_creations_make_one_sprint(office: Office) -> None:
    """Twenty processes with the same goal at the same moment: one bead, one run, one fact, twenty same answers."""
    office.world.answer(says("clavain-cli", "sprint-create *", sleep=0.3, mark="created", out=BEAD))
    argv = [sys.executable, "-c", _TWENTY, str(office.root), str(office.world.project), GOAL]
    done = subprocess.run(argv, env=office.world.environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == 20
    assert {answer["bead_id"] for answer in answers} == {BEAD}
    assert sorted(answer["repeated"] for answer in answers) == [False] + [True] * 19
    assert len(office.world.calls("clavain-cli", "sprint-create")) == 1
    assert [name for name, _, _ in office.facts()] == ["start_sprint"]
    assert list((office.root / "submissions").iterdir()) == []


def test_a_crash_between_write_and_record_is_in_doubt(office: Office) -> None:
    """Our process is killed when the sprint exists and nothing is recorded: no second sprint, and it is said why."""
    office.world.answer(
        says("clavain-cli", "sprint-create *", mark="created", kill_parent=0, out=BEAD),
        says("ic", "run list --active", when=["created"], out=f"[{run_status()}]"),
    )
    crash(office, "create-sprint", GOAL)
    [(key, done)] = keys(office)
    assert not done
    error = office.refused(lambda one: one.create_sprint(goal=GOAL))
    assert (error.code, error.in_doubt, error.recoverable) == (SubmissionCode.IN_DOUBT, True, False)
    assert f"it may be run {RUN} of bead {BEAD}" in error.message
    assert f"interhost submit resolve {key}" in error.remediation
    assert error.evidence == {"runs": [{"run_id": RUN, "bead_id": BEAD}]}
    assert len(office.world.calls("clavain-cli", "sprint-create")) == 1
    assert office.facts() == []


def test_doubt_is_resolved_by_saying_what_happened(office: Office) -> None:
    """It happened: a repeat gets the stated result, and the fact is told now. It did not: a repeat makes it."""
    for happened in (True, False):
        key = f"create_sprint:{happened}"
        asked = json.dumps({"complexity": None, "goal": GOAL, "lane": None}, sort_keys=True)
        office.bus.store.begin_submission(key, "create_sprint", asked)
        office.submit().resolve(key, {"bead_id": BEAD, "run_id": RUN} if happened else None)
        made = office.submit().create_sprint(goal=GOAL, key=str(happened))
        assert made is not None
        assert (made.bead_id, made.repeated) == (BEAD, happened)
    assert len(office.world.calls("clavain-cli", "sprint-create")) == 1
    assert [(name, about) for name, about, _ in office.facts()] == [("start_sprint", BEAD)] * 2


@pytest.mark.parametrize(
    ("key", "result", "words"),
    [
        ("nope", {}, "is not known"),
        ("create_sprint:done", {}, "has a result"),
        ("override_gate:open", {"from_phase": "a"}, "the result lacks to_phase"),
        ("override_gate:open", {"colour": "red"}, "'colour' is no part of the result"),
    ],
)
def test_what_cannot_be_resolved_is_refused(office: Office, key: str, result: dict[str, object], words: str) -> None:
    """A key that is not in doubt, or a result that is none; the record stays as it was."""
    office.bus.store.begin_submission("create_sprint:done", "create_sprint")
    office.bus.store.finish_submission("create_sprint:done", "{}")
    asked = {"run_id": RUN, "reason": "r", "category": "justified"}
    office.bus.store.begin_submission("override_gate:open", "override_gate", json.dumps(asked))
    before = keys(office)
    assert words in office.refused(lambda one: one.resolve(key, result)).message
    assert keys(office) == before


def test_a_program_that_outlives_us_is_waited_for(office: Office) -> None:
    """We are killed, clavain-cli is still at work: a repeat does not begin beside it."""
    office.world.answer(says("clavain-cli", "sprint-create *", mark="begun", kill_parent=1.5, out=BEAD))
    crash(office, "create-sprint", GOAL)
    [(key, _)] = keys(office)
    assert ledger.is_under_way(office.root, key)
    office.wait = 0.2
    impatient = office.refused(lambda one: one.create_sprint(goal=GOAL))
    assert (impatient.code, impatient.recoverable) == (SubmissionCode.TIMEOUT, True)
    office.wait = ledger.WAIT_SECONDS
    patient = office.refused(lambda one: one.create_sprint(goal=GOAL))
    assert patient.code is SubmissionCode.IN_DOUBT
    assert not ledger.is_under_way(office.root, key)


def test_a_refused_sprint_may_be_asked_for_again(office: Office) -> None:
    """A refusal takes the key back."""
    office.world.answer(says("clavain-cli", "sprint-create *", code=1, err="bd: no database\n", times=1))
    assert office.refused(lambda one: one.create_sprint(goal=GOAL)).code is SubmissionCode.INTERNAL
    assert keys(office) == []
    made = office.submit().create_sprint(goal=GOAL)
    assert made is not None
    assert not made.repeated


def test_a_hung_creation_leaves_doubt_and_no_process(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the deadline the whole process group ends; what it had begun is in doubt."""
    monkeypatch.setattr("interhost.submission.programs.SECONDS", 0.3)
    monkeypatch.setattr("interhost.submission.programs._LEAST_SECONDS", 0.3)
    office.world.answer(says("clavain-cli", "sprint-create *", sleep=60))
    began = time.monotonic()
    error = office.refused(lambda one: one.create_sprint(goal=GOAL))
    assert time.monotonic() - began < 10
    assert (error.code, error.in_doubt) == (SubmissionCode.TIMEOUT, True)
    [(key, done)] = keys(office)
    assert not done
    assert f"interhost submit resolve {key}" in error.remediation
    names = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    assert [line for line in names.splitlines() if str(office.world.bin) in line] == []
    assert office.refused(lambda one: one.create_sprint(goal=GOAL)).code is SubmissionCode.IN_DOUBT


# Advancing ------------------------------------------------------------------------------------------------------------


def test_parallel_advances_from_one_phase_are_one_step(office: Office) -> None:
    """Two lanes that want the same step get the same answer; clavain-cli alone would have made two."""
    office.world.answer(
        says(
            "clavain-cli", "sprint-advance *", sleep=0.2, mark="moved", err="Phase: brainstorm → brainstorm-reviewed\n"
        )
    )

    def advance(_: int) -> tuple[str, bool]:
        with Bus(office.root) as bus:
            one = HostSubmissions(
                Providers([], lambda *_: None), bus, Origin("cli", office.world.environ, office.world.project)
            )
            made = one.advance_run(bead_id=BEAD, phase="brainstorm")
            assert made is not None
            return made.to_phase, made.repeated

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(advance, range(4)))
    assert answers == [("brainstorm-reviewed", False)] + [("brainstorm-reviewed", True)] * 3
    assert len(office.world.calls("clavain-cli", "sprint-advance")) == 1
    assert [name for name, _, _ in office.facts()] == ["phase_transition"]


def test_an_advance_that_was_made_is_not_made_again(office: Office) -> None:
    """Asked a second time from the phase it has left, the first answer comes, and nothing runs."""
    for repeated in (False, True, True):
        made = office.submit().advance_run(bead_id=BEAD, phase="brainstorm")
        assert made is not None
        assert (made.to_phase, made.repeated) == ("brainstorm-reviewed", repeated)
    assert keys(office) == [(f"advance_run:{RUN}:brainstorm", True)]
    assert len(office.world.calls("clavain-cli", "sprint-advance")) == 1


def test_a_run_that_was_rolled_back_can_be_advanced_again(office: Office) -> None:
    """The first result does not stand any more when the run is back where it was."""
    office.submit().advance_run(bead_id=BEAD, phase="brainstorm")
    office.world.answer()
    made = office.submit().advance_run(bead_id=BEAD, phase="brainstorm")
    assert made is not None
    assert not made.repeated
    assert len(office.world.calls("clavain-cli", "sprint-advance")) == 1


@pytest.mark.parametrize("has_moved", [True, False])
def test_an_advance_whose_process_died_is_settled_by_the_history(office: Office, has_moved: bool) -> None:
    """The run says whether it moved: if so, that is the answer, told now; if not, the step is made."""
    dying = Ends(kill_parent=0, times=1)
    office.world.answer(says("clavain-cli", "sprint-advance *", **(Ends(mark="moved") | dying if has_moved else dying)))
    crash(office, "advance", BEAD, "brainstorm")
    assert keys(office) == [(f"advance_run:{RUN}:brainstorm", False)]
    made = office.submit().advance_run(bead_id=BEAD, phase="brainstorm")
    assert made is not None
    assert (made.from_phase, made.to_phase, made.repeated) == ("brainstorm", "brainstorm-reviewed", has_moved)
    assert len(office.world.calls("clavain-cli", "sprint-advance")) == (1 if has_moved else 2)
    assert [payload["to"] for _, _, payload in office.facts()] == ["brainstorm-reviewed"]
    assert keys(office) == [(f"advance_run:{RUN}:brainstorm", True)]


def test_an_older_move_does_not_settle_an_advance(office: Office) -> None:
    """A run that was rolled back has moved from there before; that it is there now is what counts."""
    office.world.answer(
        says("ic", f"run events {RUN}", when=["!moved"], out=events(event(2, "advance", to="elsewhere")))
    )
    asked = json.dumps({"artifact": None, "bead_id": BEAD, "phase": "brainstorm", "run_id": RUN}, sort_keys=True)
    office.bus.store.begin_submission(f"advance_run:{RUN}:brainstorm", "advance_run", asked)
    made = office.submit().advance_run(bead_id=BEAD, phase="brainstorm")
    assert made is not None
    assert (made.to_phase, made.repeated) == ("brainstorm-reviewed", False)


def test_an_advance_that_nobody_can_settle_stays_in_doubt(office: Office) -> None:
    """Without the kernel's word nothing is decided."""
    asked = json.dumps({"artifact": None, "bead_id": BEAD, "phase": "brainstorm"}, sort_keys=True)
    office.bus.store.begin_submission("advance_run:mine", "advance_run", asked)
    office.world.answer(says("ic", "run status *", code=2, err="disk I/O error\n"))
    error = office.refused(lambda one: one.advance_run(bead_id=BEAD, phase="brainstorm", key="mine"))
    assert error.code is SubmissionCode.IN_DOUBT
    assert "disk I/O error" in error.message
    assert office.world.calls("clavain-cli", "sprint-advance") == []


def test_a_run_that_somebody_else_moved_is_a_conflict(office: Office) -> None:
    """An earlier attempt that did nothing, and a run that went another way: stale, and nothing is advanced."""
    office.world.answer(says("ic", f"run events {RUN}", out=events(event(5, "skip", CONDITIONS))))
    office.world.mark("moved")
    asked = json.dumps({"artifact": None, "bead_id": BEAD, "phase": "brainstorm", "run_id": RUN}, sort_keys=True)
    office.bus.store.begin_submission(f"advance_run:{RUN}:brainstorm", "advance_run", asked)
    error = office.refused(lambda one: one.advance_run(bead_id=BEAD, phase="brainstorm"))
    assert error.code is SubmissionCode.PHASE_CONFLICT
    assert error.message == f"run {RUN} is in brainstorm-reviewed, not in brainstorm"
    assert office.world.calls("clavain-cli", "sprint-advance") == []
    assert keys(office) == []


# Keys that are given --------------------------------------------------------------------------------------------------


def test_a_given_key_stands_for_one_request(office: Office) -> None:
    """The same request gets the first answer; another one with the key is refused, and none is made without one."""
    for _ in range(2):
        office.submit().override_gate(run_id=RUN, reason="r", category="justified", key="k")
    assert len(office.world.calls("ic", "gate", "override")) == 1
    error = office.refused(lambda one: one.override_gate(run_id=RUN, reason="x", category="justified", key="k"))
    assert error.code is SubmissionCode.INVALID
    assert "stands for another request" in error.message
    office.submit().override_gate(run_id=RUN, reason="x", category="justified")
    assert len(office.world.calls("ic", "gate", "override")) == 2


def test_without_a_key_nothing_but_facts_is_recorded(office: Office) -> None:
    """Tasks, overrides and artifacts have no key of their own: twice asked is twice made."""
    for _ in range(2):
        office.submit().dispatch_task(run_id=RUN, prompt_file=Path("docs/b.md"))
    assert len(office.world.calls("ic", "dispatch", "spawn")) == 2
    assert keys(office) == []


def test_a_write_that_cannot_be_recorded_is_still_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full when the sprint exists: its result is returned with a warning, the fact waits in the spool."""
    real = office.bus.store.finish_submission

    def full(key: str, result: str | None) -> None:
        if result:
            raise BusyError("bus.db cannot grow")
        real(key, result)

    monkeypatch.setattr(office.bus.store, "finish_submission", full)
    made = office.submit().create_sprint(goal=GOAL)
    assert isinstance(made, SprintCreated)
    assert made.note == "not recorded, so that a repeat will be in doubt: bus.db cannot grow"
    assert len(list((office.root / "spool" / "new").iterdir())) == 1


def test_nothing_is_made_that_cannot_be_recorded(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the record cannot even be begun, no program is run."""

    def full(*_: object) -> None:
        raise BusyError("bus.db cannot grow")

    monkeypatch.setattr(office.bus.store, "begin_submission", full)
    with pytest.raises(BusyError):
        office.submit().create_sprint(goal=GOAL)
    assert office.world.calls("clavain-cli") == []


def test_a_lock_that_nobody_holds_is_not_under_way(office: Office) -> None:
    """A file that a killed process left behind holds nobody up."""
    path = ledger._path(office.root, "k")
    path.parent.mkdir()
    path.touch()
    assert not ledger.is_under_way(office.root, "k")
    assert not ledger.is_under_way(office.root, "other")
