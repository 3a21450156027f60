"""The fakes that adapters are tested with keep the words of the protocols."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from interhost_hookspecs import (
    AdapterContext,
    Advice,
    ArtifactSubmitted,
    Completed,
    Draft,
    InDoubtError,
    Notify,
    Severity,
    SidebandError,
    SidebandFile,
    SubmissionCode,
    SubmissionError,
)
from interhost_hookspecs.testing import (
    EPOCH,
    FakeCommand,
    FakeContext,
    FakeSubmissions,
    make_intent,
    make_request,
    payloads,
)


def test_the_fake_context_is_an_adapter_context(tmp_path: Path) -> None:
    """The type checker holds it against the protocol here; it has every member that the protocol names."""
    context: AdapterContext = FakeContext(tmp_path)
    members = {name for name in vars(AdapterContext) if not name.startswith("_")}
    assert {name for name in members if not hasattr(context, name)} == set()


def test_an_intent_is_as_the_host_would_deliver_it() -> None:
    """Name and version come from the payload's class; whatever matters to a test can be said."""
    intent = make_intent(Notify(text="x"), context_id="iv-b2", severity=Severity.WARN, extensions={"depth": 1})
    assert (intent.name, intent.version, intent.context_id) == ("notify", "1.0", "iv-b2")
    assert (intent.severity, intent.extensions, intent.occurred_at) == (Severity.WARN, {"depth": 1}, EPOCH)
    assert make_intent({"any": "thing"}).name == "test.intent"


def test_a_command_is_answered_from_the_table(tmp_path: Path) -> None:
    """By the program's name: a fixed answer, or one made from the call; and every call is kept."""
    seen: list[FakeCommand] = []

    def answer(command: FakeCommand) -> Completed:
        seen.append(command)
        return Completed(argv=command.argv, returncode=1)

    fixed = Completed(argv=("bd",), returncode=0, stdout="1.0\n")
    context = FakeContext(tmp_path, commands={"bd": fixed, "ic": answer})
    assert context.run(["bd", "version"]) is fixed
    assert not context.run(["ic", "run"], timeout=3, cwd=tmp_path, stdin="x", env={"A": "b"}, drop=["C*"]).ok
    assert seen == [FakeCommand(argv=("ic", "run"), timeout=3, cwd=tmp_path, stdin="x", env={"A": "b"}, drop=("C*",))]
    missing = context.run(["git", "status"])
    assert (missing.missing, missing.ok, missing.problem) == (True, False, "git: not found")
    assert context.ran == [("bd", "version"), ("ic", "run"), ("git", "status")]


def test_what_was_offered_is_kept_in_order(tmp_path: Path) -> None:
    """Drafts, advice, requests and postponed files, for a test to look at."""
    context = FakeContext(tmp_path, adapter="mine")
    drafts = [Draft(payload=Notify(text=text)) for text in "ab"]
    for draft in drafts:
        context.publish(draft)
    context.advise(Advice(text="t"))
    path = context.request("review", "# Please", {"n": 1})
    context.look_again(tmp_path / "f")
    assert payloads(context.drafts) == [Notify(text="a"), Notify(text="b")]
    assert (context.advices, context.requests) == (
        [Advice(text="t", expires=EPOCH + timedelta(days=1))],
        [("review", "# Please", {"n": 1})],
    )
    assert path == tmp_path / ".interbus" / "requests" / "mine" / "review.md"
    assert context.postponed == [tmp_path / "f"]


@pytest.mark.parametrize(
    ("happened", "expected"),
    [(lambda: True, False), (lambda: False, True), (lambda: None, InDoubtError), (None, InDoubtError)],
)
def test_an_effect_is_guarded_as_by_the_host(
    tmp_path: Path, happened: Callable[[], bool | None] | None, expected: Any
) -> None:
    """The first attempt makes it; a later one asks the module, and is in doubt where nobody can tell."""
    context = FakeContext(tmp_path)
    assert context.once("advance", happened)
    assert context.once("comment")
    if expected is InDoubtError:
        with pytest.raises(InDoubtError, match="advance"):
            context.once("advance", happened)
    else:
        assert context.once("advance", happened) is expected


def test_the_clock_moves_when_told(tmp_path: Path) -> None:
    """Sleeping takes no time of the test's."""
    context = FakeContext(tmp_path)
    assert context.now() == EPOCH
    context.sleep(90)
    assert context.now() == EPOCH + timedelta(seconds=90)


def test_tails_and_changes_are_what_the_test_says(tmp_path: Path) -> None:
    """New lines per file, a memory of what was given back, and real files that match a pattern."""
    one, other = tmp_path / "docs" / "a.md", tmp_path / "docs" / "b.md"
    one.parent.mkdir()
    for path in (one, other):
        path.touch()
    context = FakeContext(tmp_path, new_lines={one: ["x", "y"]})
    assert context.tail(one).lines == ("x", "y")
    assert context.tail(other).lines == ()
    context.tail(one).give_back(1)
    assert context.tails[one].given_back == 1
    assert context.changed("docs/*.md", root=tmp_path) == (one, other)
    assert context.changed("*.txt", root=tmp_path) == ()
    context.changed_files = [other]
    assert context.changed("docs/*.md", root=tmp_path) == (other,)


@pytest.mark.parametrize(
    ("text", "bead"),
    [
        ("**Bead:** iv-a1.2\n", "iv-a1.2"),
        ("x\nBead: `iv-a1`\n", "iv-a1"),
        ("**Bead:**\nwell-known\n", None),
        ("x\n", None),
    ],
)
def test_beads_are_found_as_by_the_host(tmp_path: Path, text: str, bead: str | None) -> None:
    """In the same lines of a real file; a missing file has none."""
    path = tmp_path / "plan.md"
    path.write_text(text)
    assert FakeContext(tmp_path).find_bead(path) == bead
    assert FakeContext(tmp_path).find_bead(tmp_path / "missing") is None


def test_cursors_guards_and_sidebands_answer_from_memory(tmp_path: Path) -> None:
    """Everything is absent until a test says otherwise."""
    context = FakeContext(tmp_path)
    assert context.cursor.get("file") is None
    context.cursor.set("file", "7")
    assert context.cursor.get("file") == "7"
    guards = context.guards
    assert (guards.has_ic(), guards.has_bd(), guards.in_ecosystem(), guards.in_sprint()) == (False,) * 4
    assert (guards.get_bead(), guards.has_companion("x")) == ("", False)
    guards.companions, guards.bead, guards.sprint = frozenset({"x"}), "iv-a1", True
    assert (guards.get_bead(), guards.has_companion("x"), guards.in_sprint()) == ("iv-a1", True, True)
    context.sideband.files["a", "b", "c"] = {"n": 1}
    assert context.sideband.read("a", "b", "c") == {"n": 1}
    assert context.sideband.read("a", "b", "d") is None


def test_sidebands_are_written_fresh_and_changed(tmp_path: Path) -> None:
    """What was written is read, and is fresh; what changed and what is refused a test says."""
    sideband = FakeContext(tmp_path).sideband
    sideband.files["a", "b", "c"], sideband.stale = {"n": 1}, {("a", "b", "c")}
    assert sideband.read("a", "b", "c", fresh=True) is None
    assert sideband.read("a", "b", "c") == {"n": 1}
    assert sideband.write("a", "b", "c", {"n": 2}, kind="t", session_id="s") == Path("/a/b/c.json")
    sideband.root = tmp_path
    assert sideband.write("a", "b", "d", {"n": 3}) == tmp_path / "a/b/d.json"
    assert sideband.read("a", "b", "c", fresh=True) == {"n": 2}
    sideband.refusal = SidebandError("no")
    with pytest.raises(SidebandError, match="no"):
        sideband.write("a", "b", "c", {"n": 4})
    assert sideband.read("a", "b", "c") == {"n": 2}
    news = SidebandFile(path=tmp_path / "c.json", key="c", kind="t", session_id="s", payload={"n": 2})
    assert sideband.changed("a", "b") == ()
    sideband.news["a", "b"] = [news]
    assert sideband.changed("a", "b") == (news,)


SUBMISSIONS: list[tuple[str, str, dict[str, object]]] = [
    ("create_sprint", "sprint", {"goal": "g", "complexity": None, "lane": None}),
    ("dispatch_task", "task", {"run_id": "r", "prompt_file": Path("p"), "agent": None}),
    ("advance_run", "advance", {"bead_id": "b", "phase": "plan", "artifact": None}),
    ("override_gate", "override", {"run_id": "r", "reason": "x", "category": "justified"}),
    ("submit_artifact", "artifact", {"bead_id": "b", "kind": "plan", "path": Path("p")}),
    ("enforce_gate", "gate", {"bead_id": "b", "phase": "plan", "artifact": None}),
    ("get_artifact", "found", {"bead_id": "b", "kind": "plan"}),
    ("read_sprint", "state", {"bead_id": "b", "project": Path("p")}),
    ("create_sprint", "sprint", {"goal": "g", "complexity": 1, "lane": "l", "key": "once"}),
]


@pytest.mark.parametrize(("name", "attribute", "arguments"), SUBMISSIONS)
def test_a_submission_is_recorded_and_answered(name: str, attribute: str, arguments: dict[str, object]) -> None:
    """Nobody answers at first; an assigned answer is given to its own submission; a refusal is raised by all."""
    submit = FakeSubmissions()
    assert getattr(submit, name)(**arguments) is None
    answer = ArtifactSubmitted(via="ic", policy_enforced=False, artifact_id=None, path="p")
    setattr(submit, attribute, answer)
    assert getattr(submit, name)(**arguments) is answer
    submit.refusal = SubmissionError(SubmissionCode.PAUSED, "the run is paused", recoverable=True)
    with pytest.raises(SubmissionError, match="the run is paused") as caught:
        getattr(submit, name)(**arguments)
    assert (caught.value.code, caught.value.recoverable) == (SubmissionCode.PAUSED, True)
    assert submit.calls == [(name, arguments)] * 3


def test_a_request_waits_until_it_is_answered_or_late(tmp_path: Path) -> None:
    """What a test lays down is open, as by the host: of its kind, not closed, not past its time."""
    review, other = make_request(tmp_path / "p.md", tmp_path), make_request(tmp_path, tmp_path, kind="other")
    context = FakeContext(tmp_path, waiting=[review, other])
    assert context.open_requests("review") == (review,)
    assert review.asked_at < context.now() < review.expires
    context.close_request(review, "safe")
    assert (context.open_requests("review"), context.closed) == ((), {review.path: "safe"})
    context.sleep(24 * 3600)
    assert context.open_requests("other") == ()
    assert context.expired_requests("other") == (other,)
    assert context.expired_requests("review") == ()
    context.close_request(other, "nobody answered")
    assert context.expired_requests("other") == ()
