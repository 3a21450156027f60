"""Tools that act through the context: positions, tables of sources, checks, sessions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from interhost_hookspecs import AdapterContext, Check, CheckLevel, Completed, HookEvent, Notify, OutcomeKind
from interhost_hookspecs.checks import check_file, check_module, check_program, check_requests
from interhost_hookspecs.positions import is_due, keep, list_new, recall
from interhost_hookspecs.sessions import have_fulfilled, start_session
from interhost_hookspecs.sources import Source, tail_lines, tell_changes, watch_states
from interhost_hookspecs.testing import FakeCommand, FakeContext, make_intent, make_request

OK, NOTE, PROBLEM = CheckLevel.OK, CheckLevel.NOTE, CheckLevel.PROBLEM


# What is given --------------------------------------------------------------------------------------------------------


def test_an_intent_knows_its_bead() -> None:
    """A context that is a project is about none."""
    assert make_intent(Notify(text="x"), context_id="iv-a1.2").bead == "iv-a1.2"
    assert make_intent(Notify(text="x"), context_id="project:iv-a1").bead is None


@pytest.mark.parametrize("raw", [{}, {"tool_input": 7}, {"tool_input": {"command": ["ls"]}}, {"tool_input": {}}])
def test_an_event_without_a_command_has_an_empty_one(raw: dict[str, object]) -> None:
    """Whatever Claude Code sent."""
    assert HookEvent(name="PostToolUse", session_id="s", cwd=None, raw=raw).command == ""
    given = {"tool_input": {"command": "bd claim iv-1"}}
    assert HookEvent(name="PostToolUse", session_id="s", cwd=None, raw=given).command == "bd claim iv-1"


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"returncode": None, "problem": "timed out", "stderr": "x"}, "timed out"),
        ({"returncode": 1, "stderr": "no\n  such bead", "stdout": "x"}, "no such bead"),
        ({"returncode": 1, "stdout": "usage\n"}, "usage"),
        ({"returncode": 3}, "exit status 3"),
        ({"returncode": 1, "stderr": "\x1b[2Jno\x07"}, "[2Jno"),
        ({"returncode": None, "problem": "a\nb: not found"}, "a b: not found"),
        ({"returncode": 1, "stderr": "y" * 300}, "y" * 200),
    ],
)
def test_why_a_command_ended_is_one_line(parts: dict[str, object], why: str) -> None:
    """The best of what there is to say."""
    assert Completed(argv=("x",), **parts).why == why  # type: ignore[arg-type]


# Positions ------------------------------------------------------------------------------------------------------------


def test_an_object_is_remembered(tmp_path: Path) -> None:
    """Empty at first, and when what stands there is none of ours; of too many keys the last ones stay."""
    ctx = FakeContext(tmp_path)
    assert recall(ctx, "x") == {}
    keep(ctx, "x", {"a": 1, "b": [2], "c": None}, most=2)
    assert recall(ctx, "x") == {"b": [2], "c": None}
    ctx.cursor.set("x", "damaged")
    assert recall(ctx, "x") == {}


def test_only_what_is_new_or_different_is_listed(tmp_path: Path) -> None:
    """What went away and comes back is new."""
    ctx = FakeContext(tmp_path)
    assert list_new(ctx, "x", {"a": [1, "p"], "b": None}) == ["a"]
    assert list_new(ctx, "x", {"a": [1, "p"], "b": 2}) == ["b"]
    assert list_new(ctx, "x", {"b": 2}) == []
    assert list_new(ctx, "x", {"a": [1, "p"], "b": 2}) == ["a"]


def test_what_is_done_once_in_a_while_is_due_once_in_a_while(tmp_path: Path) -> None:
    """At first, and when the time has passed since it was last said to be due; each name for itself."""
    ctx = FakeContext(tmp_path)
    half_an_hour = timedelta(minutes=30)
    assert is_due(ctx, "x", half_an_hour)
    ctx.sleep(1799)
    assert not is_due(ctx, "x", half_an_hour)
    assert is_due(ctx, "y", half_an_hour)
    ctx.sleep(1)
    assert is_due(ctx, "x", half_an_hour)


# Sources --------------------------------------------------------------------------------------------------------------


def test_every_row_tells_its_changed_files(tmp_path: Path) -> None:
    """Row by row, in the order of the table; two rows may look at the same files."""
    for name in ("a.md", "b.md", "c.txt"):
        (tmp_path / name).touch()

    def tell(path: Path, root: Path, ctx: AdapterContext) -> Iterator[str]:
        yield f"{path.name} in {root.name}"
        yield ctx.adapter

    def shout(path: Path, root: Path, ctx: AdapterContext) -> list[str]:
        return [path.name.upper()]

    ctx = FakeContext(tmp_path, changed_files=[tmp_path / "b.md", tmp_path / "c.txt"])
    rows = [Source("*.md", tell), Source("*.md", shout), Source("*.txt", shout, settle=0.0)]
    assert list(tell_changes(rows, tmp_path, ctx)) == [f"b.md in {tmp_path.name}", "fake", "B.MD", "C.TXT"]


def test_a_state_that_is_there_at_first_is_no_news(tmp_path: Path) -> None:
    """It comes once, for comparing; from then on what changed is news."""
    for name in ("a.json", "b.json"):
        (tmp_path / name).touch()
    (tmp_path / "c.json").mkdir()
    ctx = FakeContext(tmp_path, changed_files=[])
    assert list(watch_states("*.json", tmp_path, ctx)) == [(tmp_path / "a.json", False), (tmp_path / "b.json", False)]
    assert list(watch_states("*.json", tmp_path, ctx)) == []
    ctx.changed_files = [tmp_path / "b.json"]
    assert list(watch_states("*.json", tmp_path, ctx)) == [(tmp_path / "b.json", True)]


def test_a_state_that_is_asked_for_as_history_is_news(tmp_path: Path) -> None:
    """With a backfill, and of a root that appears later, each file comes once."""
    (tmp_path / "a.json").touch()
    ctx = FakeContext(tmp_path)
    assert list(watch_states("*.json", tmp_path, ctx)) == [(tmp_path / "a.json", True)]
    assert list(watch_states("*.json", tmp_path / "gone", ctx)) == []


def test_a_log_in_a_strange_place_is_tailed_only_where_it_is_a_file(tmp_path: Path) -> None:
    """One that is not there yet begins with its first line; whatever else bears its name has none."""
    path = tmp_path / "folder" / "log"
    ctx = FakeContext(tmp_path, new_lines={path: ["a"]})
    assert tail_lines(path, ctx) == ("a",)
    path.parent.mkdir()
    assert tail_lines(path, ctx) == ("a",)
    path.touch()
    assert tail_lines(path, ctx) == ("a",)
    path.unlink()
    path.mkdir()
    assert tail_lines(path, ctx) == ()
    path.rmdir()
    os.mkfifo(path)
    assert tail_lines(path, ctx) == ()
    path.unlink()
    path.parent.rmdir()
    path.parent.touch()
    assert tail_lines(path, ctx) == ()


# Checks ---------------------------------------------------------------------------------------------------------------


def test_a_module_is_there_or_noted(tmp_path: Path) -> None:
    """Missing is a note; so is one without the file that the adapter needs."""
    ctx = FakeContext(tmp_path)
    assert check_module(ctx, "install it") == Check(
        name="module", level=NOTE, detail="not installed", hint="install it"
    )
    ctx.root = tmp_path
    assert check_module(ctx, "").level is OK
    assert check_module(ctx, "", needs=Path("lib.sh")).level is NOTE
    (tmp_path / "lib.sh").touch()
    assert check_module(ctx, "", needs=Path("lib.sh")) == Check(name="module", level=OK, detail=str(tmp_path), hint="")


@pytest.mark.parametrize(
    ("answer", "level", "detail"),
    [
        (None, NOTE, "not installed"),
        (Completed(argv=("bd",), returncode=0, stdout="bd version 1.0.5\n"), OK, "bd version 1.0.5"),
        (Completed(argv=("bd",), returncode=1, stderr="broken\n"), PROBLEM, "broken"),
        (Completed(argv=("bd",), returncode=None, problem="timed out"), PROBLEM, "timed out"),
    ],
)
def test_a_program_says_its_version(tmp_path: Path, answer: Completed | None, level: CheckLevel, detail: str) -> None:
    """Missing is a note, broken a problem."""
    check = check_program(FakeContext(tmp_path, commands={"bd": answer} if answer else {}), "bd", "install it")
    assert (check.name, check.level, check.detail, check.hint) == ("bd", level, detail, "install it")


def test_a_file_is_there_or_noted_and_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is there and may not be read is a problem with its remedy."""
    path = tmp_path / "log"
    assert check_file(path, "log", "comes later") == Check(name="log", level=NOTE, detail=str(path), hint="comes later")
    path.touch()
    assert check_file(path, "log", "comes later").level is OK
    monkeypatch.setattr("os.access", lambda *_: False)  # root may read everything
    assert check_file(path, "log", "x") == Check(
        name="log", level=PROBLEM, detail=f"{path} cannot be read", hint=f"chmod u+r {path}"
    )


def test_open_requests_are_counted(tmp_path: Path) -> None:
    """The oldest is named."""
    first, second = (
        make_request(tmp_path / name, tmp_path, event_id=f"01K9ZZZZZZ000000000000000{name}") for name in "12"
    )
    assert check_requests(FakeContext(tmp_path), "review") == Check(name="requests", level=OK, detail="0 open")
    check = check_requests(FakeContext(tmp_path, waiting=[first, second]), "review")
    assert (check.level, check.detail, check.hint) == (NOTE, "2 open", f"the oldest is {first.path}")


# Sessions -------------------------------------------------------------------------------------------------------------


def laptop(tmp_path: Path, **config: object) -> FakeContext:
    """A context with an agent and a shell that both do what they are told."""

    def fine(command: FakeCommand) -> Completed:
        return Completed(argv=command.argv, returncode=0)

    return FakeContext(
        tmp_path,
        declared={
            "headless": {"type": "boolean", "default": False},
            "headless_command": {"type": "array", "default": ["claude", "-p"]},
        },
        config=config,
        commands={"claude": fine, "agent": fine, "sh": fine},
    )


def test_a_session_is_started_with_its_prompt_and_its_log(tmp_path: Path) -> None:
    """The command comes from the settings; the shell only sends it away."""
    ctx, log = laptop(tmp_path, headless_command=["agent", "--yes"]), tmp_path / "a.log"
    assert start_session("/do it", log=log, project=tmp_path, ctx=ctx) == log
    assert ctx.ran[0] == ("agent", "--version")
    assert (ctx.ran[1][0], ctx.ran[1][3:]) == ("sh", (str(log), "agent", "--yes", "/do it"))


def test_a_session_is_started_once(tmp_path: Path) -> None:
    """A later attempt sees the log of the first; without it, nobody can tell that none was started: it is."""
    ctx, log = laptop(tmp_path), tmp_path / "a.log"
    for _ in range(2):
        start_session("x", log=log, project=tmp_path, ctx=ctx)
        log.touch()
    assert [argv[0] for argv in ctx.ran].count("sh") == 1


@pytest.mark.parametrize("command", ["claude", [], [""], ["claude", 7]])
def test_a_command_that_is_no_list_of_words_is_refused(tmp_path: Path, command: object) -> None:
    """Nothing is run, and the reason says which setting it is."""
    ctx = laptop(tmp_path, headless_command=command)
    answer = start_session("x", log=tmp_path / "a.log", project=tmp_path, ctx=ctx)
    assert (answer, ctx.ran) == ("headless_command is not a list of words", [])


def test_an_agent_that_cannot_be_started_is_an_answer(tmp_path: Path) -> None:
    """Missing, failing, or refused by the shell: one line each, and no exception."""
    ctx, log = laptop(tmp_path), tmp_path / "a.log"
    ctx.commands["sh"] = Completed(argv=("sh",), returncode=1, stderr="cannot create a.log\n")
    assert start_session("x", log=log, project=tmp_path, ctx=ctx) == "headless: cannot create a.log"
    ctx.commands["claude"] = Completed(argv=("claude",), returncode=1)
    assert start_session("x", log=log, project=tmp_path, ctx=ctx) == "headless: claude --version ended with 1"
    del ctx.commands["claude"]
    assert start_session("x", log=log, project=tmp_path, ctx=ctx) == "headless: claude: not found"


@pytest.mark.parametrize(
    ("config", "project", "kind", "says"),
    [
        ({}, True, OutcomeKind.DEGRADED, "review requested: {request}"),
        ({"headless": "yes"}, True, OutcomeKind.DEGRADED, "review requested: {request}"),
        ({"headless": True}, False, OutcomeKind.DEGRADED, "review requested: {request}"),
        (
            {"headless": True, "headless_command": ["x"]},
            True,
            OutcomeKind.DEGRADED,
            "{request}; headless: x: not found",
        ),
        ({"headless": True}, True, OutcomeKind.DONE, "review started; log: {log}"),
    ],
)
def test_someone_is_found_for_a_request(
    tmp_path: Path, config: dict[str, object], project: bool, kind: OutcomeKind, says: str
) -> None:
    """A session that costs money only where that is turned on and a project is known; else whoever is at work."""
    ctx, request = laptop(tmp_path, **config), tmp_path / "r-review.md"
    intent = make_intent(Notify(text="x"), project_dir=tmp_path if project else None)
    outcome = have_fulfilled(request, "/do it", "It is wanted.", intent, ctx, what="review")
    assert outcome.kind is kind
    assert says.format(request=request, log=tmp_path / "r-review.log") in outcome.reason
    heard = [(one.text, one.context_id, one.expires) for one in ctx.advices]
    assert heard == ([] if kind is OutcomeKind.DONE else [("It is wanted.", "iv-abc1", ctx.now() + timedelta(days=1))])
