"""Asking a module without a program for a review, and knowing its answer again."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from interhost_hookspecs import (
    ArtifactReady,
    Change,
    Completed,
    Draft,
    HookEvent,
    Intent,
    Notify,
    OutcomeKind,
    PhaseTransition,
    ReviewPass,
    Severity,
    Verdict,
    VerdictSource,
)
from interhost_hookspecs.answers import find_asked, tell_agent, tell_answers, tell_file, tell_report
from interhost_hookspecs.reviewers import Reviewer, ask_for_artifact, ask_for_phase, report_of
from interhost_hookspecs.testing import EPOCH, FakeCommand, FakeContext, make_hook_event, make_intent, make_request

REVIEWER = Reviewer(
    module="acme",
    kind="polish",
    agent="polisher",
    means="the agent `acme:review:polisher`",
    shape="Verdict: PASS|NEEDS WORK",
    shape_of="as acme writes it",
    phases=frozenset({"executing"}),
    deserves=re.compile(r"\.(?:css|html)$"),
    review=partial(ReviewPass, mode="polish"),
    notice=partial(Notify, title="acme did not answer"),
)
ASKED, OTHER = "01K9ZZZZZZ0000000000000001", "01K9ZZZZZZ0000000000000002"
DONE, SKIPPED, DEGRADED = OutcomeKind.DONE, OutcomeKind.SKIPPED, OutcomeKind.DEGRADED
PASS, WORK = "# Report\n\nVerdict: PASS\n", "# Report\n\nVerdict: NEEDS WORK\n"


def _heard(text: object, *, agent: str, prompt: str = "Review it.", cwd: Path | None = None) -> HookEvent:
    """An agent answers."""
    return make_hook_event(
        tool_name="Agent",
        cwd=str(cwd) if cwd else "/home/ada/widgets",
        tool_input={"subagent_type": agent, "prompt": prompt},
        tool_response={"status": "completed", "agentType": agent, "content": [{"type": "text", "text": text}]},
    )


class Desk:
    """A project with a plan, a git that says what changed, and a state directory."""

    def __init__(self, base: Path) -> None:
        self.project, self.state = base / "widgets", base / "state"
        (self.project / "docs").mkdir(parents=True)
        self.state.mkdir()
        self.plan = self.project / "docs" / "plan.md"
        self.plan.write_text("Change `web/main.css` and src/a.py. See https://x.org/index.html.\n")
        self.changed, self.commit = "", "c" * 40
        self.ctx = FakeContext(
            base,
            adapter="acme",
            root=base,
            projects=(self.project,),
            declared={
                name: {"type": "boolean", "default": name == "request_reviews"}
                for name in ("request_reviews", "headless")
            },
            commands={"git": self._git},
        )

    def begins(self, to: str = "executing", **parts: Any) -> Intent[PhaseTransition]:
        """A phase began."""
        known = {"project_dir": self.project, "artifact_path": self.plan, **parts}
        return make_intent(PhaseTransition(to=to, phase_model="interphase-8"), **known)

    def waits(self, event_id: str = ASKED, *, age: timedelta = timedelta(hours=1)) -> Path:
        """A request waits; its Markdown file."""
        request = make_request(self.plan, self.project, kind="polish", event_id=event_id, age=age)
        path = self.state / f"{event_id}-polish.md"
        details = {**request.details, "subject": "docs/plan.md"}
        self.ctx.waiting.append(evolve(request, path=path, details=details))
        return path

    def report(self, path: Path, text: str, *, age: float = 300.0) -> Path:
        """A report of some age."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        at = self.ctx.now().timestamp() - age
        os.utime(path, (at, at))
        return path

    def look(self) -> list[Draft]:
        """What the next look tells."""
        return list(tell_answers(REVIEWER, self.ctx))

    def hear(
        self, text: object, *, agent: str = "acme:review:polisher", prompt: str = "Review it.", cwd: Path | None = None
    ) -> list[Draft]:
        """What an agent's answer tells."""
        event = _heard(text, agent=agent, prompt=prompt, cwd=cwd or self.project)
        return list(tell_agent(REVIEWER, event, self.ctx))

    def _git(self, command: FakeCommand) -> Completed:
        said = {"rev-parse": self.commit, "status": self.changed}
        word = next((one for one in command.argv if one in said), "")
        return Completed(
            argv=command.argv, returncode=0 if word and said[word] is not None else 128, stdout=said.get(word, "")
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def verdicts(drafts: Sequence[Draft]) -> list[Verdict | None]:
    return [one.payload.verdict for one in drafts if isinstance(one.payload, ReviewPass)]


# Asking ---------------------------------------------------------------------------------------------------------------


def test_a_phase_asks_where_the_work_touches_what_deserves_it(desk: Desk) -> None:
    """What the artifact names, then what was changed; the request says how to answer, and the session hears of it."""
    desk.changed = " M web/other.css\0?? notes.txt\0 M web/main.css\0"
    outcome = ask_for_phase(REVIEWER, desk.begins(), desk.ctx)
    assert outcome
    assert outcome.kind is DEGRADED
    ((kind, text, details),) = desk.ctx.requests
    event_id = desk.begins().event_id
    assert (kind, details["subject"]) == ("polish", "web/main.css, web/other.css")
    assert details["report"] == f"{event_id}-polish.report.md"
    assert f"`{event_id}-polish.report.md`" in text
    assert f"gets `{event_id}-polish` in its prompt" in text
    assert "as acme writes it:\n\n    Verdict: PASS|NEEDS WORK\n" in text
    assert "the agent `acme:review:polisher`" in text
    (advice,) = desk.ctx.advices
    assert advice.context_id == "iv-abc1"
    assert advice.text.startswith("A polish review of web/main.css")
    assert f"{event_id}-polish" in advice.text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"plan": "Nothing of that kind.", "changed": " M a.py\0"}, "nothing in this work is for polish review"),
        ({"plan": None}, "nothing in this work is for polish review"),
        ({"setting": False}, "request_reviews is off"),
        ({"root": None}, "acme is not installed"),
        ({"project": None}, "the project is not known: nothing to look at"),
    ],
)
def test_a_phase_asks_for_nothing_otherwise(desk: Desk, change: dict[str, Any], why: str) -> None:
    """And says why."""
    if "plan" in change:
        desk.plan.write_text(change["plan"]) if change["plan"] else desk.plan.unlink()
    desk.changed = change.get("changed", "")
    if "setting" in change:
        desk.ctx.config = {"request_reviews": change["setting"]}
    desk.ctx.root = change.get("root", desk.ctx.root)
    intent = evolve(desk.begins(), project_dir=None) if "project" in change else desk.begins()
    outcome = ask_for_phase(REVIEWER, intent, desk.ctx)
    assert outcome
    assert (outcome.kind, outcome.reason) == (SKIPPED, why)
    assert desk.ctx.requests == []


@pytest.mark.parametrize("to", ["planned", "shipping", "", "polish"])
def test_other_phases_are_not_this_reviewers_business(desk: Desk, to: str) -> None:
    """Whatever is touched."""
    assert ask_for_phase(REVIEWER, desk.begins(to), desk.ctx) is None


def test_one_commit_is_asked_for_once(desk: Desk) -> None:
    """For a context; the next commit may be asked for again, and so may what is in no repository."""
    kinds = []
    for commit, context, event in (
        ("c", "iv-1", ASKED),
        ("c", "iv-1", OTHER),
        ("c", "iv-2", OTHER),
        ("d", "iv-1", OTHER),
    ):
        desk.commit = commit * 40
        outcome = ask_for_phase(REVIEWER, desk.begins(context_id=context, event_id=event), desk.ctx)
        assert outcome
        kinds.append(outcome.kind)
    assert kinds == [DEGRADED, SKIPPED, DEGRADED, DEGRADED]
    desk.ctx.commands.clear()
    for _ in range(2):
        again = ask_for_phase(REVIEWER, desk.begins(), desk.ctx)
        assert again
        assert again.kind is DEGRADED


def test_what_is_asked_for_already_is_not_asked_for_again(desk: Desk) -> None:
    """By another event; a repeated delivery of the same event writes the same request."""
    path = desk.waits(OTHER)
    desk.ctx.waiting = [evolve(desk.ctx.waiting[0], details={"subject": "docs/plan.md", "event_id": OTHER})]
    ready = evolve(
        make_intent(ArtifactReady(kind="plan"), artifact_path=desk.plan, project_dir=desk.project), consumers=("acme",)
    )
    first = ask_for_artifact(REVIEWER, ready, desk.ctx)
    same = ask_for_artifact(REVIEWER, evolve(ready, event_id=OTHER), desk.ctx)
    assert first
    assert first.reason == f"already requested: {path}"
    assert same
    assert same.kind is DEGRADED


def test_an_artifact_is_reviewed_when_it_is_addressed(desk: Desk) -> None:
    """That is how somebody orders a review, also where requests by phases are off."""
    desk.ctx.config = {"request_reviews": False}
    ready = make_intent(ArtifactReady(kind="plan"), artifact_path=desk.plan, project_dir=desk.project)
    assert ask_for_artifact(REVIEWER, ready, desk.ctx) is None
    addressed = evolve(ready, consumers=("acme",))
    outcome = ask_for_artifact(evolve(REVIEWER, means="the command `/acme:audit 3`"), addressed, desk.ctx)
    assert outcome
    assert outcome.kind is DEGRADED
    assert "# Review wanted: docs/plan.md\n\nTo be made with the command `/acme:audit 3`" in desk.ctx.requests[0][1]


@pytest.mark.parametrize("path", [None, Path("/nowhere/x.md"), Path("/nowhere/" + "x" * 5000)])
def test_there_has_to_be_something_to_review(desk: Desk, path: Path | None) -> None:
    """Skipped; what was removed is nobody's business."""
    ready = evolve(make_intent(ArtifactReady(kind="plan"), artifact_path=path), consumers=("acme",))
    outcome = ask_for_artifact(REVIEWER, ready, desk.ctx)
    assert outcome
    assert outcome.kind is SKIPPED
    gone = evolve(ready, payload=ArtifactReady(kind="plan", change=Change.REMOVED))
    assert ask_for_artifact(REVIEWER, gone, desk.ctx) is None


def test_a_paid_session_is_told_everything(desk: Desk) -> None:
    """Where it is turned on: what to review, with what, in which shape, and where to put it."""
    fine = Completed(argv=(), returncode=0)
    desk.ctx.commands |= {"claude": fine, "sh": fine}
    desk.ctx.declared = {**desk.ctx.declared, "headless_command": {"type": "array", "default": ["claude", "-p"]}}
    desk.ctx.config = {"headless": True}
    outcome = ask_for_phase(REVIEWER, desk.begins(), desk.ctx)
    assert outcome
    assert outcome.kind is DONE
    prompt = desk.ctx.ran[-1][-1]
    assert prompt.startswith("Review web/main.css")
    assert ".report.md. It has this shape:\n\nVerdict: PASS|NEEDS WORK" in prompt
    assert desk.ctx.advices == []


def test_hostile_names_stay_in_their_line(desk: Desk) -> None:
    """Of files that deserve a review: shown without backticks and control characters, eight of them, cut."""
    names = [f"web/`touch x`\n# Ignore\x1b]0;x\x07{number}{'y' * 300}.css" for number in range(9)]
    desk.changed = "".join(f"?? {name}\0" for name in names)
    desk.plan.unlink()
    ask_for_phase(REVIEWER, desk.begins(), desk.ctx)
    ((_, text, details),) = desk.ctx.requests
    first = text.splitlines()[0]
    assert first.count("`") == 0
    assert first.endswith(" and 1 more")
    assert first.isprintable()
    assert len(str(details["subject"])) < 1100
    assert desk.ctx.advices[0].text.replace("\n", "").isprintable()


# Answers beside requests ----------------------------------------------------------------------------------------------


def test_the_report_beside_a_request_is_its_answer(desk: Desk) -> None:
    """Told once, about the request's context and subject; the request is closed at the next look."""
    report = desk.report(report_of(desk.waits()), "- P2 | 1 | s | Small\nVerdict: PASS\n")
    (draft,) = desk.look()
    assert isinstance(draft.payload, ReviewPass)
    assert draft.payload == ReviewPass(
        verdict=Verdict.SAFE,
        counts={"P2": 1},
        verdict_source=VerdictSource.STATED,
        stated_verdict="PASS",
        top=draft.payload.top,
        mode="polish",
        inputs=("docs/plan.md",),
        report=str(report),
    )
    assert (draft.context_id, draft.project_dir, draft.severity) == ("iv-abc1", desk.project, Severity.INFO)
    assert draft.artifact_path == report  # never the document: one side of it was looked at
    assert draft.extensions == {"for_event_id": ASKED}
    assert desk.ctx.closed == {}
    assert desk.look() == []
    assert desk.ctx.closed == {desk.ctx.waiting[0].path: f"safe: {report}"}
    assert desk.look() == []


def test_a_report_that_cannot_be_read_is_no_pass(desk: Desk) -> None:
    """It may be half written; then it is told as unreadable, once, and the request waits on for a better one."""
    report = desk.report(report_of(desk.waits()), "# Report\n\x1b[31mAll is\nwell" + "x" * 900, age=5)
    assert desk.look() == []
    desk.ctx.sleep(60)
    (draft,) = desk.look()
    assert (verdicts([draft]), draft.severity) == ([None], Severity.WARN)
    excerpt = str(draft.extensions["excerpt"])
    assert excerpt.startswith("# Report  [31mAll is well")
    assert len(excerpt) == 500
    assert desk.look() == []
    desk.report(report, WORK, age=1)
    assert verdicts(desk.look()) == [Verdict.NEEDS_CHANGES]
    desk.look()
    assert list(desk.ctx.closed.values()) == [f"needs-changes: {report}"]


@pytest.mark.parametrize("prepare", ["directory", "link", "pipe", "empty", "bytes"])
def test_only_a_plain_file_is_a_report(desk: Desk, prepare: str) -> None:
    """Nothing else is opened; what holds no text is unreadable."""
    path = report_of(desk.waits())
    secret = desk.report(desk.ctx.home / "secret.md", PASS)
    if prepare == "directory":
        path.mkdir()
    elif prepare == "link":
        path.symlink_to(secret)
    elif prepare == "pipe":
        os.mkfifo(path)
    else:
        desk.report(path, "")
        path.write_bytes(b"" if prepare == "empty" else b"\xff\xfe\x00" * 100_000)
        os.utime(path, (0, 0))
    assert verdicts(desk.look()) == ([None] if prepare in ("empty", "bytes") else [])


def test_a_request_that_nobody_answers_is_told_and_closed(desk: Desk) -> None:
    """After a day: someone should know. A report that comes later is not waited for any more."""
    path = desk.waits(age=timedelta(hours=23, minutes=59))
    assert desk.look() == []
    desk.ctx.sleep(61)
    desk.report(report_of(path), PASS)
    (draft,) = desk.look()
    assert draft.payload == Notify(
        title="acme did not answer",
        text="Nobody made the polish review of docs/plan.md within 24 hours.",
        link=str(path),
    )
    assert (draft.severity, draft.context_id) == (Severity.WARN, "iv-abc1")
    assert desk.look() == []
    assert desk.ctx.closed == {path: "nobody answered in time"}
    assert desk.look() == []


# Agents ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "verdict", "severity"),
    [
        (PASS, Verdict.SAFE, Severity.INFO),
        (WORK, Verdict.NEEDS_CHANGES, Severity.WARN),
        ("#### Critical Issues\n- one\n\nVerdict: NEEDS WORK", Verdict.NEEDS_CHANGES, Severity.ERROR),
        ("Verdict: risky", Verdict.RISKY, Severity.ERROR),
        ("I could not finish.", None, Severity.WARN),
        ("", None, Severity.WARN),
    ],
)
def test_the_reviewing_agents_answer_is_a_report(
    desk: Desk, text: str, verdict: Verdict | None, severity: Severity
) -> None:
    """Asked for or not; without a readable verdict it is no pass."""
    (draft,) = desk.hear(text)
    assert (verdicts([draft]), draft.severity) == ([verdict], severity)
    assert (draft.artifact_path, draft.context_id, draft.source_hook) == (None, None, None)  # the event's own


def test_the_agent_is_known_by_the_end_of_its_type(desk: Desk) -> None:
    """Whoever installed it; another agent is nobody."""
    assert desk.hear(PASS, agent="polisher")
    assert desk.hear(PASS, agent="mine:polisher")
    assert list(tell_agent(evolve(REVIEWER, agent=""), _heard(PASS, agent="mine:"), desk.ctx)) == []
    assert desk.hear(PASS, agent="unpolisher") == desk.hear(PASS, agent="polisher:helper") == []


def test_any_agent_may_answer_a_request_that_its_prompt_names(desk: Desk) -> None:
    """If it has a verdict: an agent that only helps has none."""
    path = desk.waits()
    (draft,) = desk.hear(WORK, agent="general-purpose", prompt=f"Fulfil {path}")
    assert (draft.context_id, draft.extensions["for_event_id"]) == ("iv-abc1", ASKED)
    assert desk.hear("I found the files.", agent="Explore", prompt=f"Look for {path}") == []
    assert desk.look() == []
    assert desk.ctx.closed == {path: "needs-changes: the answer of an agent"}


def test_an_answer_and_its_report_are_one_review(desk: Desk) -> None:
    """The same request with the same verdict has one key; another verdict is another review."""
    path = desk.waits()
    (answer,) = desk.hear(PASS, prompt=f"{ASKED}-polish")
    (file,) = tell_report(REVIEWER, desk.report(path.with_name("other.md"), PASS), desk.ctx, asked=ASKED)
    (again,) = desk.hear(WORK, prompt=f"{ASKED}-polish")
    assert answer.dedupe_key == file.dedupe_key != again.dedupe_key


def test_the_report_beside_the_request_counts_more_than_the_answer(desk: Desk) -> None:
    """It was asked for."""
    report = desk.report(report_of(desk.waits()), WORK, age=1)
    (draft,) = desk.hear(f"Done, see {ASKED}-polish.report.md. Verdict: PASS")
    assert (verdicts([draft]), draft.artifact_path) == ([Verdict.NEEDS_CHANGES], report)


@pytest.mark.parametrize(
    "said",
    [
        "Findings written to {name}",
        "Findings written to `{name}`.",
        "I have saved to: **{name}**",
        "Report written to {absolute} (12 findings)",
        "Written to {name}\n\nVerdict: PASS",
    ],
)
def test_what_an_agent_has_written_is_read(desk: Desk, said: str) -> None:
    """The file tells, not the sentence that names it; whoever looks at the file later sees the same review."""
    name = ".clavain/reviews/current/polisher.md"
    path = desk.report(desk.project / name, WORK)
    (draft,) = desk.hear(said.format(name=name, absolute=path))
    assert (verdicts([draft]), draft.artifact_path) == ([Verdict.NEEDS_CHANGES], path)
    (file,) = tell_file(REVIEWER, path, desk.project, desk.ctx)
    assert file.dedupe_key == draft.dedupe_key


def test_a_written_report_that_cannot_be_read_is_told_as_it_is(desk: Desk) -> None:
    """Unless the answer itself has a verdict."""
    path = desk.report(desk.project / "r.md", "nothing")
    (draft,) = desk.hear("Findings written to r.md")
    assert (verdicts([draft]), draft.artifact_path) == ([None], path)
    (draft,) = desk.hear("Findings written to r.md\nVerdict: NEEDS WORK")
    assert (verdicts([draft]), draft.artifact_path) == ([Verdict.NEEDS_CHANGES], None)


@pytest.mark.parametrize(
    "said",
    [
        "{home}/secret.md",
        "../secret.md",
        "~/secret.md",
        "link.md",
        "gone.md",
        "docs",
        "/etc/passwd",
        "a\0.md",
        "\ud800.md",
    ],
)
def test_nothing_outside_the_project_is_followed(desk: Desk, said: str) -> None:
    """By whatever name: then the answer is what the agent said, and it said no verdict."""
    secret = desk.report(desk.ctx.home / "secret.md", PASS)
    (desk.project / "link.md").symlink_to(secret)
    (draft,) = desk.hear(f"Findings written to {said.format(home=desk.ctx.home)}")
    assert (verdicts([draft]), draft.artifact_path) == ([None], None)


def test_a_session_at_the_root_of_the_disk_gives_away_nothing(desk: Desk) -> None:
    """Everything lies below it."""
    secret = desk.report(desk.ctx.home / "secret.md", PASS)
    (draft,) = desk.hear(f"Findings written to {secret}", cwd=Path("/"))
    assert verdicts([draft]) == [None]


def test_other_events_tell_nothing(desk: Desk) -> None:
    """No agent, or one that is still at work."""
    assert list(tell_agent(REVIEWER, make_hook_event("Stop"), desk.ctx)) == []
    launched = make_hook_event(
        tool_name="Agent",
        tool_input={"subagent_type": "polisher"},
        tool_response={"status": "async_launched", "content": "Verdict: PASS"},
    )
    assert list(tell_agent(REVIEWER, launched, desk.ctx)) == []


# Files ----------------------------------------------------------------------------------------------------------------


def test_each_state_of_a_file_is_told_once(desk: Desk) -> None:
    """By one key, also through a link to its directory; another state has another."""
    path = desk.report(desk.project / "r.md", PASS)
    (desk.ctx.home / "alias").symlink_to(desk.project)
    keys = [
        [one.dedupe_key for one in tell_file(REVIEWER, place, desk.project, desk.ctx)]
        for place in (path, desk.ctx.home / "alias" / "r.md")
    ]
    assert keys[0] == keys[1]
    desk.report(path, PASS, age=200)
    assert [one.dedupe_key for one in tell_file(REVIEWER, path, desk.project, desk.ctx)] != keys[0]


def test_a_file_that_may_be_half_written_is_looked_at_again(desk: Desk) -> None:
    """For a minute."""
    path = desk.report(desk.project / "r.md", "# Rep", age=5)
    assert list(tell_file(REVIEWER, path, desk.project, desk.ctx)) == []
    assert desk.ctx.postponed == [path]
    desk.ctx.sleep(60)
    (draft,) = tell_file(REVIEWER, path, desk.project, desk.ctx)
    assert verdicts([draft]) == [None]
    assert draft.occurred_at == EPOCH - timedelta(seconds=5)


def test_a_file_answers_the_request_that_it_names(desk: Desk) -> None:
    """Wherever it lies."""
    desk.waits()
    path = desk.report(desk.project / "r.md", f"For {ASKED}-polish.\n{PASS}")
    (draft,) = tell_file(REVIEWER, path, desk.project, desk.ctx)
    assert (draft.context_id, draft.project_dir) == ("iv-abc1", desk.project)


def test_a_file_that_is_gone_is_unreadable(desk: Desk) -> None:
    """It was reported, and then somebody took it away."""
    (draft,) = tell_file(REVIEWER, desk.project / "gone.md", desk.project, desk.ctx)
    assert (verdicts([draft]), draft.occurred_at) == ([None], None)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (f"see {ASKED}-polish.md", ASKED),
        (f"/home/ada/.interbus/requests/acme/{ASKED}-polish.report.md", ASKED),
        (f"{ASKED}-polish", ASKED),
        (f"{ASKED}-polished", None),
        (f"{ASKED}-polish-2", None),
        (f"x{ASKED}-polish", None),
        (f"{ASKED}-design", None),
        (ASKED, None),
        ("", None),
    ],
)
def test_a_request_is_named_whole(text: str, asked: str | None) -> None:
    """Event and kind."""
    assert find_asked(REVIEWER, "nothing", text) == asked
