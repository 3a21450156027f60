"""Who is asked for a review, and with what: ``ic`` and ``claude`` are programs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import (
    ArtifactReady,
    OutcomeKind,
)
from interhost_hookspecs.testing import make_request
from interhost_interflux import adapter

if TYPE_CHECKING:
    from adapters.interflux.tests.conftest import Desk

DONE, DEGRADED, SKIPPED = OutcomeKind.DONE, OutcomeKind.DEGRADED, OutcomeKind.SKIPPED


# An action of the run -------------------------------------------------------------------------------------------------


def test_run_of_the_bead_gets_an_action(desk: Desk) -> None:
    """In the phase that such a document belongs to; the request stays open, and nobody is advised besides."""
    desk.kernel({})
    where = f"review is an action of run sv1dft5o, phase planned; request: {desk.request}"
    assert desk.tell_plan() == (DONE, where)
    assert desk.calls("ic") == [
        [str(desk.root), "--json", "--timeout=5s", "run", "list", "--active"],
        [
            *(str(desk.root), "--json", "--timeout=5s", "run", "action", "add", "sv1dft5o", "--phase=planned"),
            *("--command=/interflux:flux-drive", '--args=["docs/plans/p.md"]', "--mode=interactive"),
        ],
    ]
    assert len(desk.ctx.requests) == 1
    assert (desk.ctx.advices, desk.ctx.drafts, desk.ctx.submit.calls) == ([], [], [])


def test_action_that_is_there_already_is_enough(desk: Desk) -> None:
    """Clavain seeds its runs with the same command, and a retry asks twice: one action either way."""
    desk.kernel({})
    assert desk.tell_plan() == desk.tell_plan()
    assert len(json.loads((desk.bin / "ic.actions").read_text())) == 1


@pytest.mark.parametrize(
    ("args", "is_same"),
    [(["docs/plans/p.md"], True), (["${artifact:plan}"], True), (["docs/plans/q.md"], False), ([], False)],
)
def test_duplicate_must_be_of_the_same_document(desk: Desk, args: list[str], is_same: bool) -> None:
    """The run's own artifact, or the file by its name; a review of another plan is not this one."""
    desk.kernel({})
    seeded = {"run_id": "sv1dft5o", "phase": "planned", "command": "/interflux:flux-drive", "args": args}
    (desk.bin / "ic.actions").write_text(json.dumps([seeded]))
    assert desk.tell_plan()[0] is (DONE if is_same else DEGRADED)


@pytest.mark.parametrize(
    ("kind", "run", "phase", "command"),
    [
        ("plan", {"phase": "brainstorm"}, "planned", "flux-drive"),
        ("prd", {"phase": "brainstorm"}, "strategized", "flux-drive"),
        ("brainstorm", {"phase": "brainstorm"}, "brainstorm", "flux-review"),
        ("prd", {"phase": "strategized"}, "strategized", "flux-drive"),
        ("prd", {"phase": "executing"}, "executing", "flux-drive"),
        ("plan", {"phase": "goal", "phases": ["goal", "ship", "done"]}, "goal", "flux-drive"),
        ("plan", {"phase": "goal", "phases": ["goal", "planned", "done"]}, "planned", "flux-drive"),
        ("plan", {"phase": "odd"}, "odd", "flux-drive"),
    ],
)
def test_action_stands_where_the_run_will_see_it(
    desk: Desk, kind: str, run: dict[str, object], phase: str, command: str
) -> None:
    """Never behind the run, and only in phases that it has; a brainstorm gets several tracks."""
    desk.kernel(run)
    desk.tell(ArtifactReady(kind=kind), desk.plan)
    (action,) = json.loads((desk.bin / "ic.actions").read_text())
    assert (action["phase"], action["command"]) == (phase, f"/interflux:{command}")


@pytest.mark.parametrize(
    ("runs", "context", "chosen"),
    [
        ([{"scope_id": "iv-9"}, {"id": "mine"}], "iv-abc1", "mine"),
        ([{"id": "old"}, {"id": "new", "created_at": 1795170950}, {"id": "odd", "created_at": "x"}], "iv-abc1", "new"),
        ([{"id": "free", "scope_id": None}], "project:project", "free"),
        ([{"scope_id": None, "project_dir": "/elsewhere"}], "project:project", None),
        ([{"scope_id": "iv-9"}], "project:project", None),
        ([{"scope_id": None}], "iv-abc1", None),
        ([], "iv-abc1", None),
    ],
)
def test_only_the_run_of_the_same_work_is_used(
    desk: Desk, runs: list[dict[str, object]], context: str, chosen: str | None
) -> None:
    """The bead's newest run; of a project without a bead, one that belongs to no bead either."""
    desk.kernel(*runs)
    kind, reason = desk.tell_plan(context)
    if chosen is None:
        assert (kind, reason) == (DEGRADED, f"review requested: {desk.request}")
        assert len(desk.ctx.advices) == 1
    else:
        assert kind is DONE
        assert f"run {chosen}," in reason


TROUBLE = {
    "locked": "print('database is locked', file=sys.stderr); sys.exit(2)",
    "older": "print('usage: ic <command>'); sys.exit(3)",
    "no such run": "if 'add' in words: sys.exit(1)",
    "no array": "print('{}'); sys.exit(0)",
    "damaged": "print('[{'); sys.exit(0)",
    "endless": "print('[' * 100000); sys.exit(0)",
    "no objects": "print('[1, null]'); sys.exit(0)",
    "hung": "time.sleep(30)",
}


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE.keys())
def test_kernel_that_does_not_take_it_leaves_the_lesser_means(desk: Desk, trouble: str) -> None:
    """Whatever ic answers, the review is asked for: by advice and a request file."""
    desk.kernel({})
    (desk.bin / "ic.trouble").write_text(trouble)
    assert desk.tell_plan() == (DEGRADED, f"review requested: {desk.request}")
    assert len(desk.ctx.advices) == 1


def test_kernel_is_not_asked_where_there_is_no_database(desk: Desk) -> None:
    """Every command of ic would create an empty one."""
    desk.install("ic")
    desk.write(".clavain/notes", "")
    assert desk.tell_plan()[0] is DEGRADED
    assert desk.calls("ic") == []


def test_kernel_that_is_not_installed_is_no_trouble(desk: Desk) -> None:
    """A database, and nobody to ask."""
    desk.write(".clavain/intercore.db", "")
    assert desk.tell_plan()[0] is DEGRADED


# A session of its own -------------------------------------------------------------------------------------------------


def test_no_session_is_started_unless_the_user_wants_it(desk: Desk) -> None:
    """A review costs money; anything but true means no."""
    desk.install("claude")
    for setting in ({}, {"headless": False}, {"headless": "yes"}, {"headless": 1}):
        desk.ctx.config = setting
        assert desk.tell_plan() == (DEGRADED, f"review requested: {desk.request}")
    assert desk.ctx.ran == []


def test_session_is_started_where_the_user_wants_it(desk: Desk) -> None:
    """It works in the project, leaves its results where they are seen, and nobody waits for it."""
    desk.install("claude")
    desk.ctx.config = {"headless": True}
    log = desk.request.with_suffix(".log")
    assert desk.tell_plan() == (DONE, f"review started; log: {log}")
    assert desk.calls("claude") == [], "it is still at work"
    ((cwd, flag, prompt),) = desk.until_called("claude")
    assert (cwd, flag) == (str(desk.root), "-p")
    command, document, option, folder = prompt.split()
    assert (command, document, option) == ("/interflux:flux-drive", str(desk.plan), "--output-dir")
    assert Path(folder).parent == desk.root / "docs/research/flux-drive"
    assert Path(folder).name.startswith("p-")
    assert log.read_text() == "working\n"
    assert (len(desk.ctx.requests), desk.ctx.advices) == (1, [])


def test_review_of_that_session_is_known_by_its_directory(desk: Desk) -> None:
    """Whether or not the review names its input, it answers the request."""
    desk.install("claude")
    desk.ctx.config = {"headless": True}
    desk.tell_plan()
    folder = Path(desk.until_called("claude")[0][-1].split()[-1])
    desk.ctx.waiting.append(make_request(desk.plan, desk.root))
    desk.write(f"{folder.relative_to(desk.root)}/findings.json", '{"findings": [{"severity": "P2"}]}')
    adapter.observe(ctx=desk.ctx)
    assert [answer.partition(":")[0] for answer in desk.ctx.closed.values()] == ["safe"]


def test_session_is_started_once(desk: Desk) -> None:
    """A retry after a crash finds its log; without one, it had not begun."""
    desk.install("claude")
    desk.ctx.config = {"headless": True}
    desk.ctx.effects.add("headless")
    assert desk.tell_plan()[0] is DONE, "the earlier attempt died before it started anything"
    desk.until_called("claude")
    assert desk.tell_plan()[0] is DONE, "the log tells that it was started"
    time.sleep(0.5)
    assert len(desk.calls("claude")) == 1


def test_session_has_the_command_that_the_user_gave(desk: Desk) -> None:
    """Limits and permissions are the user's to set; odd paths stay one word."""
    desk.install("my-claude")
    desk.plan = desk.plan.rename(desk.plan.with_name("my $(plan).md"))
    desk.ctx.config = {"headless": True, "headless_command": ["my-claude", "-p", "--max-turns", "40"]}
    desk.tell_plan()
    ((_, *words, prompt),) = desk.until_called("my-claude")
    assert words == ["-p", "--max-turns", "40"]
    assert f"/interflux:flux-drive '{desk.plan}' --output-dir " in prompt


@pytest.mark.parametrize("command", ["claude -p", [], ["claude", 3], [""], None])
def test_command_that_is_none_starts_nothing(desk: Desk, command: object) -> None:
    """It is said why, and the lesser means is taken."""
    desk.install("claude")
    desk.ctx.config = {"headless": True, "headless_command": command}
    assert desk.tell_plan() == (
        DEGRADED,
        f"review requested: {desk.request}; headless_command is not a list of words",
    )
    assert (desk.ctx.ran, len(desk.ctx.advices)) == ([], 1)


def test_missing_or_broken_claude_is_said(desk: Desk) -> None:
    """Not there, and there but not working."""
    desk.ctx.config = {"headless": True}
    assert desk.tell_plan() == (DEGRADED, f"review requested: {desk.request}; headless: claude: not found")
    desk.install("claude", "#!/bin/sh\nexit 7\n")
    assert desk.tell_plan()[1].endswith("; headless: claude --version ended with 7")
    assert not desk.request.with_suffix(".log").exists()


def test_session_without_a_log_is_not_started(desk: Desk) -> None:
    """Nobody could tell what became of it, or whether it was started at all."""
    desk.install("claude")
    desk.ctx.config = {"headless": True}
    desk.request.with_suffix(".log").mkdir()
    kind, reason = desk.tell_plan()
    assert kind is DEGRADED
    assert "; headless: " in reason
    assert "review.log" in reason
    assert len(desk.ctx.advices) == 1
    time.sleep(0.5)
    assert desk.calls("claude") == []


def test_run_is_asked_before_money_is_spent(desk: Desk) -> None:
    """The sprint's own session will do it."""
    desk.kernel({})
    desk.install("claude")
    desk.ctx.config = {"headless": True}
    assert "action of run" in desk.tell_plan()[1]
    assert not any("claude" in argv for argv in desk.ctx.ran)
