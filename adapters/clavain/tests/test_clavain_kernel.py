"""When the kernel is asked, and that every event is told once, whatever becomes of a look."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from interhost_clavain import adapter, tail
from interhost_clavain.adapter import check_adapter
from interhost_hookspecs.testing import FakeContext

from .conftest import BEAD, RUN, event, run, told

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Machine


def advance(number: int, **more: Any) -> dict[str, object]:
    return event(number, "phase", "advance", "brainstorm", "brainstorm-reviewed", **more)


def keys(machine: Machine) -> list[str]:
    """What one more look tells, by the last part of each key."""
    return [str(one.dedupe_key).rpartition("intercore.db:")[2] for one in machine.look()]


def test_the_first_look_is_silent(machine: Machine) -> None:
    """Runs, events, artifacts and tasks that are there are history; what comes later is told once."""
    machine.base["events"] = [advance(4), event(1, "dispatch", "status_change", "spawned", "running")]
    machine.base["artifacts"] = {RUN: [{"id": "t0ufez6w", "path": "x", "phase": "p", "type": "plan"}]}
    machine.base["dispatches"] = [{"id": "hq2nuey6", "status": "running", "created_at": 1795170945}]
    machine.begin(look=False)
    assert machine.look() == []
    machine.base["events"].append(advance(5))
    machine.write()
    assert keys(machine) == ["phase:5"]
    assert keys(machine) == []


def test_history_is_told_to_whoever_asks_for_it(machine: Machine) -> None:
    """With --backfill the first look tells everything."""
    machine.base["events"] = [advance(4)]
    machine.begin(look=False)
    machine.ctx.backfill = True
    assert keys(machine) == [f"run:{RUN}", "phase:4"]


def test_a_database_that_appears_is_new_from_its_first_event(machine: Machine) -> None:
    """Where a look has found none, nothing in it is history."""
    machine.look()
    machine.base["events"] = [advance(1)]
    machine.begin(look=False)
    assert keys(machine) == [f"run:{RUN}", "phase:1"]


def test_a_database_that_nobody_writes_to_is_not_asked(machine: Machine) -> None:
    """Our own position is written, too, which costs one more look."""
    machine.begin()
    machine.happens(advance(4))
    machine.look()
    machine.look()
    machine.calls()
    machine.look()
    assert machine.calls() == []
    machine.database.with_name("intercore.db-wal").write_text("somebody has it open")
    machine.look()
    assert machine.calls() != []


def test_a_project_without_a_database_is_left_alone(machine: Machine) -> None:
    """Every command would create one."""
    machine.look()
    (machine.project / ".clavain").mkdir()
    machine.look()
    assert machine.ctx.ran == []
    assert list((machine.project / ".clavain").iterdir()) == []


def test_the_events_are_read_until_there_are_none(machine: Machine) -> None:
    """A limit is divided among the sources, so that few rows do not mean the end."""
    machine.begin()
    machine.calls()
    lines = [advance(n) for n in range(1, 251)] + [event(n, "review", "x", "a", "b") for n in range(1, 3)]
    assert len(machine.happens(*lines)) == 250
    asked = [one for one in machine.calls() if one.startswith("events tail")]
    assert len(asked) == 4
    assert all("--all" in one and "--limit=600" in one for one in asked)


def test_the_position_is_durable_and_this_users_own(machine: Machine, tmp_path: Path) -> None:
    """One that is not expires after a day, and everything would come again; another user has another one."""
    machine.begin()
    [consumer] = {one.split("=")[1].split()[0] for one in machine.calls() if one.startswith("events tail")}
    machine.write(cursors={})
    machine.base["cursors"] = {}
    machine.database.write_text(json.dumps(machine.base))
    machine.happens(advance(4))
    assert f"events cursor register {consumer} --durable" in machine.calls()
    machine.ctx.home = tmp_path / "other"
    machine.happens(advance(5))
    assert not any(consumer in one for one in machine.calls() if one.startswith("events tail"))


def test_a_look_that_was_not_stored_loses_nothing(machine: Machine) -> None:
    """Ic has moved its position, ours was rolled back: everything is read again, and only the lost part is told."""
    machine.begin()
    machine.happens(advance(4), event(1, "review", "disagreement_resolved", "a", "b"))
    machine.remember()
    assert len(machine.happens(advance(5), advance(6))) == 2
    machine.forget()
    assert keys(machine) == ["phase:5", "phase:6"]
    machine.write()
    assert keys(machine) == []


def test_a_position_that_was_reset_tells_nothing_again(machine: Machine) -> None:
    """Somebody resets it, or it expires: ours is what counts."""
    machine.begin()
    machine.happens(advance(4), advance(5))
    base = json.loads(machine.database.read_text())
    machine.database.write_text(json.dumps({**base, "cursors": {}}))
    assert keys(machine) == []
    machine.base["cursors"] = {}
    assert len(machine.happens(advance(6))) == 1


def test_a_database_that_was_begun_anew_is_read_from_its_start(machine: Machine) -> None:
    """Lower numbers with later times are another database's."""
    machine.begin()
    machine.happens(advance(4), advance(5))
    machine.database.unlink()
    machine.base.update(events=[advance(1, timestamp="2026-11-21T09:00:00Z")], cursors={})
    machine.write()
    assert keys(machine) == ["phase:1"]


def test_a_long_history_is_taken_in_several_looks(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look ends; the baseline goes on being silent until it has seen the end."""
    monkeypatch.setattr(tail, "_BATCHES", 1)
    machine.base["events"] = [advance(n) for n in range(1, 151)]
    machine.begin()
    assert machine.look() == []
    machine.look()
    assert len(machine.happens(advance(151))) == 1


def test_a_position_that_does_not_move_holds_nobody_up(machine: Machine) -> None:
    """Where ic cannot store it, it prints the same again: that is told once, and asked twice a look."""
    machine.begin()
    machine.write(trouble={"events tail": "stuck"})
    machine.calls()
    assert len(machine.happens(advance(4))) == 1
    assert len([one for one in machine.calls() if one.startswith("events tail")]) == 2
    assert len(machine.happens(advance(5))) == 1


def test_several_projects_are_told_apart(machine: Machine, tmp_path: Path) -> None:
    """One that cannot be read keeps nobody else from being told."""
    machine.begin()
    other = tmp_path / "torn"
    (other / ".clavain").mkdir(parents=True)
    (other / ".clavain" / "intercore.db").write_text("{torn")
    machine.ctx.projects = (other, machine.project)
    assert told(machine.happens(advance(4))) == [("phase_transition@1.0", "ic:phase.advance")]
    [check] = [one for one in check_adapter(machine.ctx) if one.name == "kernel"]
    assert (check.level, check.detail.startswith(f"{other}: ic events cursor: ")) == ("problem", True)


@pytest.mark.parametrize("trouble", ["locked", "hangs"])
@pytest.mark.parametrize("command", ["events cursor", "events tail", "run list"])
def test_a_kernel_that_fails_is_tried_again_after_a_minute(machine: Machine, command: str, trouble: str) -> None:
    """Nothing of such a look is lost, and doctor says why; one that hangs costs its time once a minute."""
    machine.begin()
    machine.write(trouble={command: trouble})
    assert machine.happens(advance(4)) == []
    checks = {one.name: one for one in check_adapter(machine.ctx)}
    assert checks["kernel"].level == "problem"
    assert ("locked" if trouble == "locked" else "timed out") in checks["kernel"].detail
    machine.write(trouble={})
    machine.calls()
    assert (machine.look(), machine.calls()) == ([], [])
    machine.ctx.sleep(61)
    assert keys(machine) == ["phase:4"]
    assert {one.name: one.level for one in check_adapter(machine.ctx)}["kernel"] == "ok"


def test_without_ic_nothing_happens_and_nothing_is_wrong(machine: Machine) -> None:
    """A database that nobody can read is no problem; when ic comes, its history is none."""
    machine.begin(look=False)
    program = machine.ctx.home / "bin" / "ic"
    program.rename(program.with_name("not-ic"))
    assert machine.look() == []
    assert {one.name: one.level for one in check_adapter(machine.ctx)}["kernel"] == "ok"
    program.with_name("not-ic").rename(program)
    machine.ctx.sleep(61)
    assert machine.look() == []
    assert len(machine.happens(advance(4))) == 1


def test_lines_that_are_no_events_are_passed_over(machine: Machine) -> None:
    """Numbers that are none, times that are none, values of other types; the others are told."""
    machine.begin()
    odd: list[dict[str, object]] = [
        advance(4, timestamp="yesterday"),
        advance(5, to_state=["x"]),
        advance(6, run_id=None),
    ]
    drafts = machine.happens(*odd)
    assert [str(one.dedupe_key)[-7:] for one in drafts] == ["phase:6"]


def test_reading_the_kernel_can_be_turned_off(machine: Machine) -> None:
    """Its position is written into the project's database, which somebody may not want."""
    machine.ctx.said = {**machine.ctx.said, "read_kernel": False}
    machine.begin()
    assert machine.happens(advance(4)) == []
    assert machine.ctx.ran == []
    assert [one.detail for one in check_adapter(machine.ctx) if one.name == "kernel"] == ["read_kernel is off"]


def test_damaged_positions_are_begun_anew(machine: Machine) -> None:
    """What is stored may have been written by another version."""
    machine.begin()
    name = f"kernel:{machine.project}"
    for text in ("[]", "{torn", '{"marks": {"phase": ["x"]}, "runs": {}}'):
        machine.ctx.cursor.values[name] = text
        machine.write()
        machine.look()
    assert len(machine.happens(advance(4))) == 1


def test_times_are_the_events_own(machine: Machine) -> None:
    """In their order, whatever order they are read in."""
    machine.begin()
    drafts = machine.happens(advance(5, timestamp="2026-11-20T12:00:00+01:00"), advance(4))
    assert [one.occurred_at.isoformat() if one.occurred_at else "" for one in drafts] == [
        "2026-11-20T10:00:04+00:00",
        "2026-11-20T12:00:00+01:00",
    ]


def test_a_fresh_machine_is_looked_at_in_peace(tmp_path: Path) -> None:
    """No project, no kernel, no plugin: two notes."""
    checks = check_adapter(FakeContext(tmp_path, of=adapter))
    assert [(one.name, one.level, bool(one.hint)) for one in checks] == [
        ("module", "note", True),
        ("kernel", "note", True),
    ]


# What the kernel keeps without an event ------------------------------------------------------------------------------


def test_a_run_that_began_is_told_with_its_plan(machine: Machine) -> None:
    """No event says that a run began; the key is that of whoever began it through interhost."""
    machine.begin()
    chain = ["brainstorm", "ship"]
    machine.base["runs"].append(run("r2", phases=json.dumps(chain), phase="ship", scope_id="iv-b", complexity=None))
    machine.write()
    [draft] = machine.look()
    payload = {name: getattr(draft.payload, name) for name in ("trigger", "goal", "run_id", "phase", "phases")}
    assert payload == {
        "trigger": "run_create",
        "goal": "Add mesh",
        "run_id": "r2",
        "phase": "brainstorm",
        "phases": ("brainstorm", "ship"),
    }
    assert draft.context_id == "iv-b"
    assert draft.dedupe_key == f"ic:{machine.database.resolve()}:run:r2"


def test_a_run_whose_id_could_be_an_option_is_left_alone(machine: Machine) -> None:
    """Its id becomes an argument of ``ic``, and the database may have come with a stranger's repository."""
    machine.begin()
    machine.base["runs"].append(run("--db=/tmp/x"))
    machine.write()
    assert machine.look() == []


ARTIFACT: dict[str, object] = {
    "created_at": 1795170873,
    "id": "t0ufez6w",
    "path": "docs/plans/p.md",
    "phase": "planned",
    "run_id": RUN,
    "status": "active",
    "type": "plan",
}


def test_what_is_registered_with_a_run_is_told_once(machine: Machine) -> None:
    """A file by its content, so that whoever saw it written has told it; a commit by its value."""
    machine.begin()
    path = machine.project / "docs" / "plans" / "p.md"
    path.parent.mkdir(parents=True)
    path.write_text("# Plan\n")
    commit = {**ARTIFACT, "id": "c", "type": "implementation", "path": "8141f02caef0"}
    gone = {**ARTIFACT, "id": "g", "status": "rolled_back"}
    machine.write(artifacts={RUN: [ARTIFACT, commit, gone, {"id": 7}]})
    file, value = machine.look()
    assert (file.artifact_path, file.context_id, file.source_hook) == (path, BEAD, "ic:run.artifact")
    assert str(file.dedupe_key).startswith(f"artifact:plan:{path}:")
    assert (value.artifact_path, value.dedupe_key) == (None, f"artifact:implementation:{BEAD}:8141f02caef0")
    machine.write()
    assert machine.look() == []


def test_what_a_run_registers_as_it_ends_is_told(machine: Machine) -> None:
    """It is over at the next look; a run that was over before is asked no more."""
    machine.begin()
    machine.base["runs"][0]["status"] = "completed"
    machine.write(artifacts={RUN: [ARTIFACT]})
    assert told(machine.look()) == [("artifact_ready@1.0", "ic:run.artifact")]
    machine.calls()
    machine.write(artifacts={RUN: [ARTIFACT, {**ARTIFACT, "id": "late"}]})
    assert machine.look() == []
    assert not any(one.startswith("run artifact") for one in machine.calls())


def task(status: str, **more: object) -> dict[str, object]:
    """One record of ``ic --json dispatch list`` (section 1.6)."""
    return {
        "agent_type": "codex",
        "created_at": 1795170945,
        "id": "hq2nuey6",
        "name": "t1",
        "pid": 30611,
        "scope_id": RUN,
        "status": status,
        **more,
    }


def test_a_task_is_claimed_and_given_back(machine: Machine) -> None:
    """The event does not name it, so the record is read; the claim has the key of whoever dispatched it."""
    machine.begin()
    changed = event(1, "dispatch", "status_change", "spawned", "running")
    machine.base["dispatches"] = [task("running")]
    [claim] = machine.happens(changed)
    assert getattr(claim.payload, "action", "") == "claim"
    assert claim.dedupe_key == f"ic:{machine.database.resolve()}:spawn:hq2nuey6"
    machine.base["dispatches"] = [
        task(
            "completed",
            completed_at=1795170948,
            output_file="/tmp/out.md",
            verdict_status="pass",
            verdict_summary="all good",
        )
    ]
    [release] = machine.happens({**changed, "id": 2})
    assert (getattr(release.payload, "action", ""), getattr(release.payload, "reason", "")) == (
        "release",
        "completed: all good",
    )
    assert (str(release.artifact_path), release.severity, release.context_id) == ("/tmp/out.md", "info", BEAD)
    assert release.extensions == {"status": "completed", "name": "t1", "verdict_status": "pass"}
    assert machine.happens({**changed, "id": 3}) == []


@pytest.mark.parametrize(
    ("more", "severity"),
    [({"status": "failed"}, "warn"), ({"verdict_status": "fail"}, "warn"), ({"status": "cancelled"}, "info")],
)
def test_a_task_that_ends_before_it_was_seen_is_told_whole(
    machine: Machine, more: dict[str, object], severity: str
) -> None:
    """Claim and release; one that failed, or whose agent says so, deserves attention."""
    machine.begin()
    machine.base["dispatches"] = [task("completed") | more]
    claim, release = machine.happens(event(1, "dispatch", "status_change", "running", "failed"))
    assert (claim.severity, release.severity) == ("info", severity)


def test_a_task_of_last_month_is_history(machine: Machine) -> None:
    """The list has everything that ever was."""
    machine.begin()
    machine.ctx.sleep(timedelta(days=30).total_seconds())
    machine.base["dispatches"] = [task("failed"), {"id": None}]
    assert machine.happens(event(1, "dispatch", "status_change", "running", "failed")) == []
