"""Releases that are told by whichever trace shows them first, each once.

Files have the shapes of reference/modules/interpub.md, section 5.3, rows P1 to P4.
"""

from __future__ import annotations

import json
import os
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from interhost_hookspecs import ReleaseState, ReleaseStatus
from interhost_hookspecs.testing import make_request
from interhost_interpub.canaries import MOST_BYTES
from interhost_interpub.checks import find_lock
from interhost_interpub.kernel import list_publishes

from .conftest import make_kernel, record, set_rows, statuses

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Machine

PUBLISHED = ("published", None, "0.1.1", "info")
HOSTILE = "a'b\"c\n$(touch x)`x`;\x1b]0;x\x07../../é\ud800"


@pytest.fixture
def machine(machine: Machine) -> Machine:
    """Without ``ic``'s doctor, which is a process after each change, and has tests of its own."""
    machine.ctx.config = {"run_doctor": False}
    return machine


# P1: canaries ---------------------------------------------------------------------------------------------------------


def test_a_canary_tells_a_release(machine: Machine) -> None:
    """With the version before, about the project that is the plugin; pending is not yet anything."""
    machine.begin()
    machine.canary(record())
    (fact,) = machine.look()
    assert fact.payload == ReleaseStatus(
        state=ReleaseState.PUBLISHED, module="demo", version="0.1.1", previous_version="0.1.0"
    )
    assert (fact.project_dir, fact.artifact_path) == (machine.plugin, machine.plugin / ".claude-plugin/plugin.json")
    assert (fact.context_id, fact.source_hook) == (None, "file:release-canaries.json")
    assert fact.occurred_at == datetime(2026, 11, 20, 10, 40, 3, tzinfo=UTC)
    assert machine.look() == []


@pytest.mark.parametrize(("status", "severity"), [("passed", "info"), ("failed", "error"), ("rolled_back", "warn")])
def test_what_a_canary_came_to_is_told(machine: Machine, status: str, severity: str) -> None:
    """Once, with its note; a failed one names the way back, which is not taken."""
    machine.canary(record())
    machine.begin()
    note = "installPath missing or plugin.json invalid: /cache/demo/0.1.1"
    machine.canary(record(status=status, note=note, checked_at=1795171204))
    (fact,) = machine.look()
    assert statuses([fact]) == [("canary", status, "0.1.1", severity)]
    assert isinstance(fact.payload, ReleaseStatus)
    assert (fact.payload.reason, fact.occurred_at) == (note, datetime(2026, 11, 20, 10, 40, 4, tzinfo=UTC))
    assert fact.extensions.get("rollback") == ("ic publish rollback demo" if status == "failed" else None)
    assert machine.look() == []


def test_a_release_and_its_check_between_two_looks_are_both_told(machine: Machine) -> None:
    """The file only has the last status."""
    machine.begin()
    machine.canary(record(status="failed"))
    assert statuses(machine.look()) == [PUBLISHED, ("canary", "failed", "0.1.1", "error")]


def test_the_record_of_a_plugin_is_replaced_by_its_next_release(machine: Machine) -> None:
    """Each is a release; one that is made again after it was taken back is one, too."""
    machine.canary(record(status="passed"))
    machine.begin()
    machine.canary(record("0.1.2"))
    assert statuses(machine.look()) == [("published", None, "0.1.2", "info")]
    machine.canary(record("0.1.2", "rolled_back"))
    assert statuses(machine.look()) == [("canary", "rolled_back", "0.1.2", "warn")]
    machine.canary(record("0.1.2", published_at=1795171999))
    assert statuses(machine.look()) == [("published", None, "0.1.2", "info")]


def test_a_plugin_of_another_folder_is_told_without_a_project(machine: Machine) -> None:
    """Its context is the plugin; so is that of one that two projects claim to be."""
    machine.begin()
    machine.canary(record(plugin="other"))
    (fact,) = machine.look()
    assert (fact.context_id, fact.project_dir, fact.artifact_path) == ("project:other", None, None)
    copy = machine.home / "copy"
    machine.write(copy / ".claude-plugin" / "plugin.json", {"name": "demo", "version": "0.1.0"})
    machine.ctx.projects = (machine.plugin, copy)
    machine.canary(record())
    (fact,) = machine.look()
    assert (fact.context_id, fact.project_dir) == ("project:demo", None)


@pytest.mark.parametrize(
    "content",
    [
        "",
        '[{"plugin": "demo"',
        "null",
        {"plugin": "demo"},
        [7, None, []],
        [record(plugin=HOSTILE)],
        [record(plugin="--force")],
        [record(plugin=["demo"])],
        [record(version=HOSTILE)],
        [record(version="--minor")],
        [record(version=7)],
        "[" * 100_000,
        " " * MOST_BYTES + json.dumps([record()]),
    ],
)
def test_a_damaged_file_of_canaries_tells_nothing_and_forgets_nothing(machine: Machine, content: object) -> None:
    """Names and versions that could be anything else are none."""
    machine.canary(record())
    machine.begin()
    machine.write(machine.home / ".clavain" / "release-canaries.json", content)
    assert machine.look() == []
    machine.canary(record())
    assert machine.look() == []


def test_a_note_stands_on_one_line(machine: Machine) -> None:
    """It quotes paths and errors of anybody; odd times are no times."""
    machine.canary(record())
    machine.begin()
    machine.canary(record(status="failed", note=HOSTILE, checked_at=10**30, marketplace=HOSTILE[:3]))
    for fact in machine.look():
        assert isinstance(fact.payload, ReleaseStatus)
        assert (fact.payload.reason or "").isprintable()
        json.dumps(fact.extensions).encode()
    assert not (machine.plugin / "x").exists()


# P3: installed versions -----------------------------------------------------------------------------------------------


def test_another_installed_version_of_an_own_plugin_is_told(machine: Machine) -> None:
    """Those of other people's plugins, and the first installation, are no releases."""
    machine.installed(demo__market="0.1.0", other__market="1.0.0")
    machine.begin()
    machine.installed(demo__market="0.1.1", other__market="2.0.0", more__market="1.0.0")
    (fact,) = machine.look()
    assert statuses([fact]) == [("synced", "installed", "0.1.1", "info")]
    assert isinstance(fact.payload, ReleaseStatus)
    assert (fact.payload.previous_version, fact.extensions["git_sha"]) == ("0.1.0", "f035")
    assert fact.occurred_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert machine.look() == []


@pytest.mark.parametrize(
    "content", ["", "[]", '{"plugins": []}', '{"plugins": {"demo@m": {}, "demo@n": [[]], "$(x)": [{"version": "1"}]}}']
)
def test_a_damaged_record_of_plugins_tells_nothing(machine: Machine, content: str) -> None:
    """Whatever Claude Code or a torn write leaves."""
    machine.installed(demo__market="0.1.0")
    machine.begin()
    machine.write(machine.home / ".claude" / "plugins" / "installed_plugins.json", content)
    assert machine.look() == []
    machine.installed(demo__market="0.1.1")
    assert len(machine.look()) == 1


# P2: the kernel's table -----------------------------------------------------------------------------------------------


def test_a_publish_is_told_when_it_begins_and_when_it_is_done(machine: Machine) -> None:
    """The phases between are no facts."""
    connection = make_kernel(machine.home, [{"id": "old", "phase": "done", "to_ver": "0.0.9"}])
    machine.begin()
    phases = ("idle", "commit_plugin", "push_marketplace", "done", "done")
    told = []
    for phase in phases:
        set_rows(connection, [{"id": "old", "phase": "done"}, {"phase": phase}])
        told.append(statuses(machine.look()))
    connection.close()
    assert told == [[("publishing", "idle", "0.1.1", "info")], [], [], [("published", "done", "0.1.1", "info")], []]


def test_a_row_that_goes_before_it_is_done_is_a_failure(machine: Machine) -> None:
    """That is all that a failed publish leaves there; done rows stay, and may go one day."""
    connection = make_kernel(machine.home, [{"id": "old", "phase": "done"}])
    machine.begin()
    set_rows(connection, [{"id": "old", "phase": "done"}, {"id": "p2", "to_ver": "0.1.2", "phase": "push_plugin"}])
    machine.look()
    set_rows(connection, [])
    connection.close()
    (fact,) = machine.look()
    assert statuses([fact]) == [("failed", "removed", "0.1.2", "warn")]
    assert isinstance(fact.payload, ReleaseStatus)
    assert "in phase push_plugin" in str(fact.payload.reason)


def test_the_database_is_read_without_leaving_anything(machine: Machine) -> None:
    """Also while somebody writes to it, whose unfinished log counts; nothing beside it is made or changed."""

    def files() -> dict[str, tuple[int, int]]:
        return {one.name: (one.stat().st_size, one.stat().st_mtime_ns) for one in sorted(folder.iterdir())}

    folder = machine.home / ".clavain"
    connection = make_kernel(machine.home, [{"phase": "push_plugin"}], wal=True)
    before = files()
    rows = list_publishes(folder / "intercore.db")
    assert [row.phase for row in rows or ()] == ["push_plugin"]
    assert (files(), "intercore.db-wal" in before) == (before, True)
    connection.close()
    before = files()
    assert len(list_publishes(folder / "intercore.db") or ()) == 1
    assert (files(), list(before)) == (before, ["intercore.db"])


def test_one_database_serves_all_projects_below_it(machine: Machine) -> None:
    """It is the nearest on the way up; a publish is told once."""
    second = machine.home / "second"
    (second / ".git").mkdir(parents=True)
    machine.ctx.projects = (machine.plugin, second)
    connection = make_kernel(machine.home, [])
    machine.begin()
    set_rows(connection, [{"phase": "idle"}])
    connection.close()
    assert len(machine.look()) == 1
    assert list(find_lock(second)) == ["a publish of demo 0.1.1 is under way, in phase idle"]
    make_kernel(second, [{"phase": "done"}]).close()
    assert list(find_lock(second)) == []


def test_a_database_that_is_none_tells_nothing(machine: Machine) -> None:
    """Damaged, of another version, a directory, a row of nonsense, and a stranger's that would never end."""
    path = machine.home / ".clavain" / "intercore.db"
    machine.write(path, "no database")
    assert list_publishes(path) is None
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE publish_state (id)")
    assert list_publishes(path) is None
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE publish_state")
    assert list_publishes(path) == []  # nobody has ever published
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE VIEW publish_state AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
            " SELECT i AS id, 'demo' AS plugin, '1' AS from_ver, '2' AS to_ver, 'x' AS phase, i AS started_at,"
            " i AS updated_at, i AS rowid FROM n"
        )
    connection.close()
    assert list_publishes(path) is None
    path.unlink()
    rows: list[dict[str, object]] = [
        {"id": "1", "plugin": HOSTILE[:-1]},
        {"id": "2", "to_ver": "--minor"},
        {"id": "3", "phase": None},
        {"id": "4", "phase": "x" * 500, "started_at": "2026-11-20T10:00:00Z", "updated_at": "soon"},
    ]
    make_kernel(machine.home, rows).close()
    (one,) = list_publishes(path) or []
    assert (one.id, len(one.phase), one.started_at, one.updated_at) == (
        "4",
        200,
        datetime(2026, 11, 20, 10, tzinfo=UTC),
        None,
    )
    path.unlink()
    path.mkdir()
    assert list_publishes(path) is None


# P4: commits ----------------------------------------------------------------------------------------------------------


def reflog(machine: Machine, *messages: str, project: Path | None = None) -> list[Any]:
    """What a look tells when git has noted these."""
    lines = [f"{'0' * 40} {'a' * 40} Ada <ada@example.org> 1795171203 +0100\t{message}" for message in messages]
    machine.ctx.new_lines = {(project or machine.plugin) / ".git" / "logs" / "HEAD": lines}
    machine.ctx.tails.clear()
    return machine.look()


def test_a_raised_version_is_a_release_under_way(machine: Machine) -> None:
    """It is the first of two commits, and not yet what others can install."""
    (fact,) = reflog(machine, "commit: Fix it", "commit: chore: bump version to 0.1.1")
    assert statuses([fact]) == [("publishing", "raised", "0.1.1", "info")]
    assert (fact.project_dir, fact.extensions["git_sha"]) == (machine.plugin, "a" * 40)
    assert fact.occurred_at == datetime(2026, 11, 20, 10, 40, 3, tzinfo=UTC)


def test_a_commit_in_the_marketplace_is_a_release(machine: Machine) -> None:
    """It names the plugin."""
    market = machine.home / "market"
    (market / ".git").mkdir(parents=True)
    machine.ctx.projects = (machine.plugin, market)
    (fact,) = reflog(machine, "commit: chore: bump demo to v0.1.1", project=market)
    assert statuses([fact]) == [("published", "in the marketplace", "0.1.1", "info")]
    assert fact.project_dir == machine.plugin


@pytest.mark.parametrize(
    "message",
    [
        "pull: Fast-forward",
        "commit: chore: bump version to --minor",
        "commit: chore: bump version to 0.1.1 and more",
        "commit: chore: bump $(touch x) to v1.0.0",
        "commit: chore: bump ../x to v1.0.0",
        "checkout: chore: bump version to 0.1.1",
        "commit: fix: chore: bump version to 0.1.1",
        "",
    ],
)
def test_other_commits_are_no_releases(machine: Machine, message: str) -> None:
    """What a pull brings was released elsewhere."""
    assert reflog(machine, message) == []


def test_commits_of_a_project_that_is_no_plugin_raise_nothing(machine: Machine) -> None:
    """A library may use the same words."""
    (machine.plugin / ".claude-plugin" / "plugin.json").unlink()
    assert reflog(machine, "commit: chore: bump version to 0.1.1") == []


def test_a_worktree_has_its_record_elsewhere(machine: Machine) -> None:
    """Its ``.git`` is a file that says where; it is read again when it changed."""
    (machine.plugin / ".git").rmdir()
    machine.write(machine.plugin / ".git", "gitdir: ../repo/.git/worktrees/w\n")
    logs = machine.plugin / "../repo/.git/worktrees/w/logs/HEAD"
    line = f"{'0' * 40} {'a' * 40} Ada <a@b> 1795171203 +0000\tcommit (amend): chore: bump version to 0.1.1"
    machine.ctx.new_lines = {logs: [line]}
    assert len(machine.look()) == 1
    os.utime(machine.plugin / ".git", (1, 1))
    for content in ("gitdir: \x1b]0;x\x07", "", "no"):
        machine.write(machine.plugin / ".git", content)
        assert machine.look() == []


def test_the_real_git_leaves_what_is_read(workshop: Machine) -> None:
    """By its own record of what was checked out."""
    workshop.commit("chore: bump version to 0.1.1")
    log = workshop.plugin / ".git" / "logs" / "HEAD"
    workshop.ctx.new_lines = {log: log.read_text().splitlines()}
    assert statuses(workshop.look()) == [("publishing", "raised", "0.1.1", "info")]


# All of them ----------------------------------------------------------------------------------------------------------


def test_one_release_is_told_once_whatever_shows_it(machine: Machine) -> None:
    """In the order in which a publish leaves its traces; then all of them again."""
    connection = make_kernel(machine.home, [])
    machine.installed(demo__market="0.1.0")
    machine.begin()
    set_rows(connection, [{"phase": "idle"}])
    told = [statuses(machine.look())]
    told.append(statuses(reflog(machine, "commit: chore: bump version to 0.1.1")))
    machine.installed(demo__market="0.1.1")
    told.append(statuses(machine.look()))
    machine.canary(record())
    told.append(statuses(machine.look()))
    set_rows(connection, [{"phase": "done"}])
    connection.close()
    told.append(statuses(machine.look()))
    assert told == [
        [("publishing", "idle", "0.1.1", "info")],
        [],
        [("synced", "installed", "0.1.1", "info")],
        [PUBLISHED],
        [],
    ]


def test_traces_of_one_look_are_one_fact(machine: Machine) -> None:
    """The best witness tells it."""
    machine.installed(demo__market="0.1.0")
    machine.begin()
    machine.installed(demo__market="0.1.1")
    machine.canary(record())
    assert statuses(reflog(machine, "commit: chore: bump version to 0.1.1")) == [PUBLISHED]


def test_a_release_answers_the_request_for_it(machine: Machine) -> None:
    """A raised version alone does not; requests for other plugins stay open."""
    from attrs import evolve

    asked = evolve(make_request(machine.plugin, machine.plugin, kind="release"), details={"plugin": "demo"})
    other = evolve(make_request(machine.plugin, machine.plugin, kind="release", event_id="2"), details={"plugin": "x"})
    machine.ctx.waiting = [asked, other]
    machine.begin()
    reflog(machine, "commit: chore: bump version to 0.1.1")
    assert machine.ctx.closed == {}
    machine.canary(record())
    machine.look()
    assert machine.ctx.closed == {asked.path: "published 0.1.1"}


def test_an_idle_look_starts_no_process(machine: Machine) -> None:
    """Only what changed is read or asked about."""
    make_kernel(machine.home, []).close()
    machine.canary(record())
    machine.installed(demo__market="0.1.0")
    machine.begin()
    machine.ctx.changed_files = []
    machine.ctx.ran.clear()
    assert (machine.look(), machine.ctx.ran) == ([], [])
