"""``interhost clavain`` from outside: what waits, where a sprint goes on, and what it does when nothing is known."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.submission.test_submission_point import CHECKPOINT
from tests.submission_kit import BEAD, RUN, World, says

if TYPE_CHECKING:
    from tests.conftest import Done, Shell

REVIEW = '{"verdict": "needs-changes", "counts": {"P1": 1}}'
MOVE = '{"from": "strategized", "to": "planned", "phase_model": "clavain-9"}'
ADVISER = """
from datetime import timedelta
from interhost_hookspecs import *

@hookimpl
def on_notify(intent, ctx):
    ctx.advise(Advice(text="the plan is reviewed", context_id=intent.context_id))
    ctx.request("review", "# Review wanted", {"path": "p.md"}, expires=ctx.now() + timedelta(days=1))
    return Outcome.degraded("asked")
"""


class Clavain:
    """A shell in a project with stand-ins for the programs."""

    def __init__(self, shell: Shell, base: Path) -> None:
        self.shell = shell
        self.world = World(base)
        self.world.answer(
            says("ic", f"state get checkpoint {RUN}", out=json.dumps(CHECKPOINT)),
            says("ic", "run current", out='{"found":false}', code=1),
        )
        self.environ = {"PATH": f"{self.world.bin}:{os.defpath}"}

    def run(self, *arguments: str, code: int = 0, **environ: str) -> Done:
        """``interhost clavain``."""
        return self.shell.run(
            "interhost", "clavain", *arguments, code=code, env={**self.environ, **environ}, cwd=self.world.project
        )

    def publish(self, intent: str, payload: str, context: str = BEAD, *more: str) -> dict[str, Any]:
        """A fact of this project."""
        argv = ("publish", intent, "--payload", payload, "--context", context, *more)
        return self.shell.run("interbus", *argv, cwd=self.world.project).records[0]

    def states(self, *arguments: str, code: int = 0, **environ: str) -> list[str]:
        """What ``pending`` lists, by its states."""
        return [one["state"] for one in self.run("pending", *arguments, code=code, **environ).records]


@pytest.fixture
def clavain(shell: Shell, tmp_path: Path) -> Clavain:
    """A fresh one."""
    (tmp_path / "w").mkdir()
    return Clavain(shell, tmp_path / "w")


# pending -------------------------------------------------------------------------------------------------------------


def test_nothing_waits_at_first(clavain: Clavain) -> None:
    """Which is an answer, with 1."""
    done = clavain.run("pending", "--context", BEAD, code=1)
    assert (done.out, done.err) == ("", f"nothing waits in {BEAD}\n")


def test_what_waits_is_listed_with_what_helps(clavain: Clavain) -> None:
    """Unanswered, undelivered and new, each once; a table for people."""
    review = clavain.publish("review_pass", REVIEW)["event_id"]
    move = clavain.publish("phase_transition", MOVE)["event_id"]
    clavain.publish("review_pass", REVIEW, "iv-other")
    unanswered, undelivered, new = clavain.run("pending", "--context", BEAD).records
    assert (unanswered["state"], unanswered["command"]) == ("to review", f"interbus trace {review}")
    assert (undelivered["state"], undelivered["command"]) == ("waiting", "interhost run --drain")
    assert (new["state"], new["event_id"], new["intent"], new["payload"]["to"]) == (
        "new",
        move,
        "phase_transition@1.0",
        "planned",
    )
    assert {one["context_id"] for one in (unanswered, undelivered, new)} == {BEAD}
    table = clavain.run("pending", "--context", BEAD, "--table").out
    assert "to review  review finished: needs-changes (1 P1)" in table


def test_an_answer_ends_the_waiting(clavain: Clavain) -> None:
    """A later review that is safe; what was delivered waits no more."""
    clavain.publish("review_pass", REVIEW)
    clavain.publish("review_pass", '{"verdict": "safe", "counts": {}}')
    clavain.shell.run("interhost", "run", "--once")
    assert clavain.states("--context", BEAD, "--take") == ["new", "new"]
    assert clavain.states("--context", BEAD, code=1) == []


def test_what_was_taken_is_not_new_again(clavain: Clavain) -> None:
    """In its context only; what is unanswered goes on waiting, and what comes later is new."""
    clavain.publish("phase_transition", MOVE)
    clavain.publish("phase_transition", MOVE, "iv-other")
    clavain.shell.run("interhost", "run", "--once")
    assert clavain.states("--context", BEAD, "--take") == ["new"]
    assert clavain.states("--context", BEAD, code=1) == []
    assert clavain.states("--context", "iv-other") == ["new"]
    clavain.publish("review_pass", REVIEW)
    clavain.shell.run("interhost", "run", "--once")
    assert clavain.states("--context", BEAD, "--take") == ["to review"]
    assert clavain.states("--context", BEAD) == ["to review"]


def test_without_a_bead_the_whole_project_is_looked_at(clavain: Clavain) -> None:
    """A sprint that has no bead is about to look for one; another project's are not its business."""
    clavain.publish("discover_work", '{"action": "plan", "title": "Undo", "selected": true}', "iv-1")
    clavain.publish("phase_transition", MOVE, "iv-2")
    clavain.shell.publish("review_pass", REVIEW, "--context", "iv-elsewhere")
    found = {one["context_id"] for one in clavain.run("pending").records}
    assert found == {"iv-1", "iv-2"}
    assert {one["context_id"] for one in clavain.run("pending", CLAVAIN_BEAD_ID="iv-2").records} == {"iv-2"}
    project = clavain.shell.project
    assert {one["context_id"] for one in clavain.run("pending", "--project", str(project)).records} == {"iv-elsewhere"}


def test_requests_and_advice_wait(clavain: Clavain) -> None:
    """Advice is only shown: the hook still hands it out."""
    clavain.shell.adapter("adviser", ["notify"], ADVISER)
    clavain.shell.run("interhost", "run", "--once")
    clavain.publish("notify", '{"text": "x"}')
    clavain.shell.run("interhost", "run", "--once")
    requested, advice, new = clavain.run("pending", "--context", BEAD).records
    assert (requested["state"], requested["text"]) == ("requested", "adviser asks for a review of p.md")
    assert (advice["state"], advice["text"], advice["command"]) == ("advice", "adviser: the plan is reviewed", None)
    assert new["state"] == "new"
    assert clavain.states("--context", BEAD, "--take") == ["requested", "advice", "new"]
    assert clavain.states("--context", BEAD) == ["requested", "advice"]
    point = clavain.run("status", "--context", BEAD).records[0]
    assert point["request"] == requested["command"]
    assert point["next"] == "requested: adviser asks for a review of p.md"


def test_clavains_own_facts_are_no_news_to_it(clavain: Clavain) -> None:
    """What the sprint itself did, it knows."""
    clavain.shell.run(
        "interhost", "submit", "advance", BEAD, "brainstorm", env=clavain.environ, cwd=clavain.world.project
    )
    assert clavain.states("--context", BEAD) == ["waiting"]
    moved = clavain.run("status", "--context", BEAD).records[1]
    assert (moved["producer"], moved["headline"]) == ("clavain", "moved from brainstorm to brainstorm-reviewed")


def test_nothing_that_waits_drives_the_terminal(clavain: Clavain) -> None:
    """Texts come from anybody."""
    clavain.publish("notify", json.dumps({"text": "\x1b]0;evil\x07 $(reboot)\nmore"}))
    for option in ("--table", "--json"):
        done = clavain.run("pending", "--context", BEAD, option)
        assert "\x1b" not in done.out
        assert "\x07" not in done.out


# status --------------------------------------------------------------------------------------------------------------


def test_a_sprint_resumes_where_it_stopped(clavain: Clavain) -> None:
    """Run, phase, what follows, its command, the checkpoint, and what happened; for people, and as NDJSON."""
    clavain.publish("phase_transition", MOVE)
    clavain.publish("artifact_ready", '{"kind": "plan"}', BEAD, "--artifact", str(clavain.world.project / "docs/b.md"))
    point, move, artifact = clavain.run("status", "--context", BEAD).records
    assert point["kind"] == "point"
    assert {name: point[name] for name in ("run_id", "status", "phase", "following", "command", "next")} == {
        "run_id": RUN,
        "status": "active",
        "phase": "brainstorm",
        "following": "brainstorm-reviewed",
        "command": "/clavain:strategy",
        "next": "go on from brainstorm to brainstorm-reviewed: /clavain:strategy",
    }
    assert (point["checkpoint"], point["note"]) == (CHECKPOINT, None)
    assert point["last_artifact"] == str(clavain.world.project / "docs/b.md")
    assert [(one["kind"], one["headline"]) for one in (move, artifact)] == [
        ("fact", "moved from strategized to planned"),
        ("fact", "plan ready: b.md"),
    ]
    table = clavain.run("status", "--context", BEAD, "--table").out
    assert f"run:         {RUN}, active\n" in table
    assert "in strategized; done: brainstorm, strategy; plan: docs/plan.md; at 2026-11-20T10:37:38Z\n" in table
    assert "cli: moved from strategized to planned\n" in table


def test_what_is_open_comes_first(clavain: Clavain) -> None:
    """Going on past a review that asks for changes is not what is next."""
    clavain.publish("review_pass", REVIEW)
    point = clavain.run("status", "--context", BEAD).records[0]
    assert point["next"] == "to review: review finished: needs-changes (1 P1)"
    assert point["waiting"] == 2


def test_without_a_kernel_the_bus_says_where_it_stopped(clavain: Clavain) -> None:
    """And why the run is not known."""
    clavain.world.remove("ic")
    clavain.publish("phase_transition", MOVE)
    clavain.shell.run("interhost", "run", "--once")
    point = clavain.run("status", "--context", BEAD).records[0]
    assert (point["run_id"], point["phase"], point["following"]) == (None, "planned", "plan-reviewed")
    assert (point["next"], point["note"]) == ("go on from planned to plan-reviewed", "ic is not installed")
    assert "run:         not known: ic is not installed" in clavain.run("status", "--context", BEAD, "--table").out


def test_a_run_of_which_nothing_was_told_is_shown(clavain: Clavain) -> None:
    """The kernel knows it."""
    [point] = clavain.run("status", "--context", BEAD).records
    assert (point["run_id"], point["waiting"], point["last_artifact"]) == (RUN, 0, None)


def test_only_the_last_facts_are_shown(clavain: Clavain) -> None:
    """As many as asked for; none is a number, too."""
    for _ in range(3):
        clavain.publish("phase_transition", MOVE)
    assert len(clavain.run("status", "--context", BEAD, "--last", "2").records) == 3
    assert len(clavain.run("status", "--context", BEAD, "--last", "0").records) == 1


def test_a_context_that_nobody_knows_is_an_answer(clavain: Clavain) -> None:
    """With 1, and where to look."""
    done = clavain.run("status", "--context", "iv-none", code=1)
    assert done.out == ""
    assert "nothing is known of iv-none" in done.err


def test_watching_shows_what_comes_and_where_it_goes_on(clavain: Clavain) -> None:
    """A fact of this context as it comes, and the point after every move; Ctrl-C ends it."""
    argv = ("clavain", "status", "--context", BEAD, "--watch", "--project", str(clavain.world.project))
    running = clavain.shell.start("interhost", *argv, env=clavain.environ)
    clavain.shell.until(lambda: "watching" in running.done.err)
    clavain.publish("notify", '{"text": "elsewhere"}', "iv-other")
    clavain.publish("notify", '{"text": "here"}')
    clavain.shell.until(lambda: len(running.done.records) == 2)
    clavain.publish("phase_transition", MOVE)
    clavain.shell.until(lambda: len(running.done.records) == 4)
    done = running.end(signal.SIGINT)
    assert [(one["kind"], one.get("headline")) for one in done.records] == [
        ("point", None),
        ("fact", "to be told: here"),
        ("fact", "moved from strategized to planned"),
        ("point", None),
    ]
    assert done.code == 130


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 64, "ACTION"),
        (("nod",), 64, "invalid choice"),
        (("status", "--last", "x"), 64, "expected a number of facts"),
        (("pending", "--project", "/no/such"), 65, "project /no/such: no such folder"),
        (("pending", "--context", b"\xff".decode("utf-8", "surrogateescape")), 65, "not valid UTF-8"),
    ],
)
def test_wrong_use_is_named(clavain: Clavain, arguments: tuple[str, ...], code: int, words: str) -> None:
    """64 for usage, 65 for input; never 2."""
    assert words in clavain.run(*arguments, code=code).err
