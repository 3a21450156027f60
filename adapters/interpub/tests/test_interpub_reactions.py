"""Whether a plugin is ready for its release: by a dry run, by what the dry run leaves out, and by real repositories.

``ic`` is a stand-in that answers as reference/modules/interpub.md, section 5.2, measured; git is git.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import evolve
from interhost_hookspecs import (
    Completed,
    InDoubtError,
    Outcome,
    OutcomeKind,
    PhaseTransition,
    ReleaseState,
    ReleaseStatus,
    ReviewPass,
    Verdict,
)
from interhost_hookspecs.testing import FakeCommand, FakeContext, make_intent, make_request
from interhost_interpub import adapter
from interhost_interpub.commands import run_git

from .conftest import make_kernel, record, statuses

if TYPE_CHECKING:
    from .conftest import Machine

DONE, SKIPPED, DEGRADED, FAILED = OutcomeKind.DONE, OutcomeKind.SKIPPED, OutcomeKind.DEGRADED, OutcomeKind.FAILED
PREPARED = ("prepared", None, "0.1.1", "info")
BLOCKED = ("blocked", None, "0.1.1", "warn")


def ship(machine: Machine, phase: str = "shipping", project: Path | None = None) -> Outcome | None:
    """What comes of a move in the plugin."""
    machine.ctx.drafts.clear()
    intent = make_intent(PhaseTransition(to=phase, phase_model="ic-9"), project_dir=project or machine.plugin)
    return adapter.on_phase_transition(evolve(intent, occurred_at=datetime.now(UTC)), machine.ctx)


def prepare(machine: Machine, **parts: str) -> Outcome | None:
    """What comes of somebody's word that a release is prepared."""
    payload = ReleaseStatus(state=ReleaseState.PREPARED, **parts)  # type: ignore[arg-type]
    return adapter.on_release_status(make_intent(payload, project_dir=machine.plugin), machine.ctx)


def reason(answer: Outcome | None, kind: OutcomeKind) -> str:
    assert answer is not None
    assert answer.kind is kind, answer
    return answer.reason


# Preparing ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["shipping", "polish"])
def test_a_plugin_that_is_ready_waits_for_a_person(workshop: Machine, phase: str) -> None:
    """A dry run, a request with the command, advice; nothing is published, and no file is changed."""
    said = reason(ship(workshop, phase), DEGRADED)
    assert said.startswith("demo 0.1.1 is ready, for a person to release: ")
    (fact,) = workshop.ctx.drafts
    assert statuses([fact]) == [PREPARED]
    assert isinstance(fact.payload, ReleaseStatus)
    assert (fact.payload.previous_version, fact.payload.dry_run, fact.context_id) == ("0.1.0", True, "iv-abc1")
    assert fact.artifact_path == workshop.plugin / ".claude-plugin/plugin.json"
    assert fact.extensions == {
        "version_files": ["plugin.json", "pyproject.toml"],
        "doctor_errors": [],
        "needs_approval": False,
        "git_sha": workshop.git("rev-parse", "HEAD").strip(),
    }
    ((kind, text, details),) = workshop.ctx.requests
    assert (kind, details) == ("release", {"command": "/interpub:release 0.1.1", "plugin": "demo", "version": "0.1.1"})
    assert "    /interpub:release 0.1.1\n" in text
    assert "demo 0.1.0 → 0.1.1" in text
    assert "does not ask for your approval" not in text
    assert "nothing was published" in workshop.ctx.advices[0].text
    assert [call["words"] for call in workshop.calls] == [
        ["publish", "--dry-run", "--patch", f"--cwd={workshop.plugin}"],
        ["publish", "doctor", "--json"],
    ]
    assert workshop.git("status", "--porcelain") == ""


def test_a_commit_is_looked_at_once(workshop: Machine) -> None:
    """Until there is another one; what was not ready is looked at again."""
    (workshop.plugin / "x").touch()
    reason(ship(workshop), DONE)
    (workshop.plugin / "x").unlink()
    reason(ship(workshop), DEGRADED)
    assert reason(ship(workshop), SKIPPED) == "looked at demo at this commit already"
    workshop.commit("More")
    workshop.git("push", "-q")
    reason(ship(workshop), DEGRADED)


def test_other_projects_and_moves_are_none_of_its_business(workshop: Machine) -> None:
    """No plugin, a damaged manifest, one that names something else, another phase."""
    assert ship(workshop, "done") is None
    assert ship(workshop, project=workshop.marketplace) is None
    for content in (
        "{",
        {"name": "../x", "version": "0.1.0"},
        {"name": "demo", "version": "--minor"},
        {"name": "demo"},
    ):
        workshop.write(workshop.plugin / ".claude-plugin" / "plugin.json", content)
        assert ship(workshop) is None
    assert workshop.calls == []


@pytest.mark.parametrize(
    ("bump", "word"),
    [("minor", "--minor"), ("patch", "--patch"), ("major", "--patch"), ("--auto", "--patch"), (7, "--patch")],
)
def test_what_is_raised_is_configured(workshop: Machine, bump: object, word: str) -> None:
    """Patch or minor, and nothing else becomes an argument."""
    workshop.ctx.config = {"bump": bump}
    ship(workshop)
    assert workshop.calls[0]["words"][2] == word


def test_a_release_that_somebody_calls_prepared_is_held_against_the_checks(workshop: Machine) -> None:
    """With its version; of another plugin, or without a version that is one, nothing is run."""
    assert prepare(workshop, module="other", version="2.0.0") is None
    assert reason(prepare(workshop, module="demo", version="--auto"), SKIPPED) == "--auto is no version"
    assert workshop.calls == []
    reason(prepare(workshop, module="demo", version="2.0.0"), DEGRADED)
    assert workshop.calls[0]["words"][2] == "2.0.0"
    assert statuses(workshop.ctx.drafts) == [("prepared", None, "2.0.0", "info")]
    published = make_intent(ReleaseStatus(state=ReleaseState.PUBLISHED), project_dir=workshop.plugin)
    assert adapter.on_release_status(published, workshop.ctx) is None


def test_an_agents_commit_is_named_as_such(workshop: Machine) -> None:
    """The command for a person does not ask for an approval, so the request says that one is needed."""
    workshop.commit("Add it\n\nCo-Authored-By: Claude <noreply@example.org>")
    workshop.git("push", "-q")
    ship(workshop)
    assert workshop.ctx.drafts[0].extensions["needs_approval"] is True
    assert "does not ask for your approval" in workshop.ctx.requests[0][1]
    workshop.write(workshop.plugin / ".publish-approved", "yes")
    workshop.commit("Add more\n\nCo-authored-by: codex <x@example.org>")
    workshop.git("push", "-q")
    ship(workshop)
    assert workshop.ctx.drafts[0].extensions["needs_approval"] is False


def test_what_doctor_finds_of_this_plugin_is_told_with_it(workshop: Machine) -> None:
    """Its errors; warnings, and those of other plugins, are not this release's. Off, nobody is asked."""
    rows = [("error", "demo", "cache is missing"), ("error", "other", "x"), ("warning", "demo", "y")]
    keys = ("severity", "plugin", "message")
    workshop.answer(doctor=json.dumps([dict(zip(keys, row, strict=True)) for row in rows]), doctor_rc=1)
    ship(workshop)
    assert workshop.ctx.drafts[0].extensions["doctor_errors"] == ["cache is missing"]
    workshop.ctx.config = {"run_doctor": False}
    workshop.ctx.cursor.values.clear()
    ship(workshop)
    assert workshop.ctx.drafts[0].extensions["doctor_errors"] is None


# What a dry run says --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dry", "kind", "said"),
    [
        ("already", SKIPPED, "demo is at its version already: demo is already at 0.1.0"),
        ("no plugin", SKIPPED, "is not a plugin directory for ic"),
        ("usage", FAILED, "this ic does not know the command: Usage: ic publish [version]"),
        ("hangs", FAILED, "dry run: timed out after 30 s"),
        ("market", DONE, "demo is not ready: Marketplace not found"),
        ("stale", DONE, "demo is not ready: release artifacts are stale: skills/x.md"),
        ("silent", DONE, "demo is not ready: exit status 2"),
    ],
)
def test_a_dry_run_that_says_no(workshop: Machine, dry: str, kind: OutcomeKind, said: str) -> None:
    """It ends with 0 when there is nothing to do, too: that is no success. Nothing is asked of anybody."""
    workshop.answer(dry=dry)
    assert said in reason(ship(workshop), kind)
    told = statuses(workshop.ctx.drafts)
    assert told == ([("blocked", None, None, "warn")] if kind is DONE else [])
    assert (workshop.ctx.requests, workshop.ctx.advices) == ([], [])


def test_without_ic_a_release_is_described_by_hand(workshop: Machine) -> None:
    """The deprecated script is not run instead."""
    del workshop.ctx.commands["ic"]
    said = reason(ship(workshop), SKIPPED)
    assert said == "ic is not installed; by hand: demo 0.1.0 → 0.1.1 in plugin.json, pyproject.toml"
    workshop.ctx.config = {"bump": "minor"}
    assert "0.1.0 → 0.2.0" in reason(ship(workshop), SKIPPED)
    assert "0.1.0 → 3.0.0" in reason(prepare(workshop, version="3.0.0"), SKIPPED)
    workshop.state_version("1")
    assert "1 → ?" in reason(ship(workshop), SKIPPED)
    assert workshop.ctx.drafts == []


def test_against_the_users_wish_nothing_is_run(workshop: Machine) -> None:
    """Nor where a path could not be shown, nor where there is no commit."""
    workshop.ctx.config = {"prepare": False}
    assert reason(ship(workshop), SKIPPED) == "prepare is off"
    workshop.ctx.config = {}
    odd = workshop.home / "a\nb"
    workshop.write(odd / ".claude-plugin" / "plugin.json", {"name": "demo", "version": "0.1.0"})
    assert reason(ship(workshop, project=odd), SKIPPED) == "the project's path holds control characters"
    plain = workshop.home / "plain"
    workshop.write(plain / ".claude-plugin" / "plugin.json", {"name": "demo", "version": "0.1.0"})
    assert reason(ship(workshop, project=plain), SKIPPED) == f"{plain} has no commit to release"
    assert workshop.calls == []


# What a dry run does not say ------------------------------------------------------------------------------------------


def blocked(machine: Machine) -> str:
    """Why a plugin is not ready, which is told and leads to no request."""
    said = reason(ship(machine), DONE)
    assert statuses(machine.ctx.drafts) == [BLOCKED]
    assert machine.ctx.requests == []
    return said.removeprefix("demo is not ready: ")


@pytest.mark.parametrize("name", ["new.md", "README.md", "-rf", "a'b\"c $(touch x)\n"])
def test_a_tree_that_is_not_clean_is_not_ready(workshop: Machine, name: str) -> None:
    """Of the plugin or of its marketplace; a file's name is nothing but a name."""
    (workshop.plugin / name).write_text("x")
    assert blocked(workshop) == "the plugin has changes that are not committed"
    (workshop.marketplace / name).write_text("x")
    assert blocked(workshop).endswith("; the marketplace has changes that are not committed")
    assert not (workshop.plugin / "x").exists()


def test_a_marketplace_that_is_none_is_not_ready(workshop: Machine) -> None:
    """Nobody can tell whether it is clean."""
    workshop.answer(marketplace=str(workshop.home / "gone"))
    assert blocked(workshop).startswith("nobody can tell whether the marketplace is clean: ")


def test_a_remote_that_cannot_be_reached_is_not_ready(workshop: Machine) -> None:
    """The push would fail after the commit."""
    (workshop.home / "remotes" / f"{workshop.plugin.name}.git").rename(workshop.home / "moved")
    assert blocked(workshop).startswith("the remote cannot be reached: ")


def test_git_asks_nobody_for_a_password(tmp_path: Path) -> None:
    """Neither on a terminal nor in a window, and it takes no lock from the user."""
    asked: list[FakeCommand] = []

    def git(command: FakeCommand) -> Completed:
        asked.append(command)
        return Completed(argv=command.argv, returncode=0)

    run_git(["ls-remote"], tmp_path, FakeContext(tmp_path, of=adapter, commands={"git": git}))
    assert asked[0].argv == ("git", "--no-optional-locks", "ls-remote")
    assert asked[0].env == {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "SSH_ASKPASS_REQUIRE": "never"}


def test_a_branch_that_is_behind_or_without_upstream_is_not_ready(workshop: Machine) -> None:
    """The push would be refused, or go nowhere."""
    workshop.commit("More")
    workshop.git("push", "-q")
    workshop.git("reset", "-q", "--hard", "HEAD^")
    assert blocked(workshop) == "the branch is behind its upstream by 1 commits"
    workshop.git("checkout", "-q", "-b", "feature")
    assert blocked(workshop) == "the branch has no upstream to push to"


def test_a_publish_under_way_locks_out_another(workshop: Machine) -> None:
    """Of whichever plugin; ``--auto`` would clear its lock."""
    connection = make_kernel(workshop.home, [{"plugin": "other", "phase": "push_plugin"}], wal=True)
    assert blocked(workshop) == "a publish of other 0.1.1 is under way, in phase push_plugin"
    connection.close()
    (workshop.home / ".clavain" / "intercore.db").write_text("damaged")
    assert blocked(workshop).startswith("nobody can tell whether a publish is under way: ")
    workshop.ctx.config = {"publish": True}
    ship(workshop)
    assert all("--auto" not in call["words"] for call in workshop.calls)


# How ic is run --------------------------------------------------------------------------------------------------------


def test_ic_makes_no_database_where_there_is_none(workshop: Machine) -> None:
    """The folder of the canaries is above every project; with a database, it is run in the project."""
    workshop.canary()
    ship(workshop)
    folders = {call["cwd"] for call in workshop.calls}
    assert all("interhost-interpub-" in folder and not Path(folder).exists() for folder in folders)
    make_kernel(workshop.plugin, []).close()
    workshop.commit("More")
    workshop.git("push", "-q", "origin", "main")
    ship(workshop)
    assert {call["cwd"] for call in workshop.calls} - folders == {str(workshop.plugin)}


def test_ic_gets_no_token_and_no_policy_of_who_started_the_host(
    workshop: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token would let a release pass that a person has to look at; the machine's role is in its file."""
    secrets = (
        "CLAVAIN_AUTHZ_TOKEN",
        "FORGE_TOKEN",
        "NPM_TOKEN_2",
        "AWS_SECRET_ACCESS_KEY",
        "MODEL_API_KEY",
        "DB_PASSWORD",
    )
    for name in (*secrets, "IC_PUBLISH_ROLE", "PUBLISH_AUTHZ_FRESHNESS_MIN", "HARMLESS"):
        monkeypatch.setenv(name, "x")
    workshop.ctx.config = {"publish": True}
    workshop.write(workshop.home / ".config" / "intercore" / "publish-role", "signer\n")
    reason(ship(workshop), DONE)
    assert any("--auto" in call["words"] for call in workshop.calls)
    for call in workshop.calls:
        assert {*secrets, "IC_PUBLISH_ROLE", "PUBLISH_AUTHZ_FRESHNESS_MIN"} & call["env"].keys() == set()
        assert call["env"]["HARMLESS"] == "x"


# Publishing -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def signer(workshop: Machine) -> Machine:
    """A machine that may sign releases, and a user who wants them to be made."""
    workshop.write(workshop.home / ".config" / "intercore" / "publish-role", "signer\n")
    workshop.ctx.config = {"publish": True}
    return workshop


def test_a_real_publish_is_off_by_default(workshop: Machine) -> None:
    """Whatever else is in place; only ``true`` turns it on."""
    workshop.write(workshop.home / ".config" / "intercore" / "publish-role", "signer\n")
    for publish in (None, "yes", 1):
        workshop.ctx.config = {"publish": publish}
        workshop.ctx.cursor.values.clear()
        reason(ship(workshop), DEGRADED)
    assert all("--auto" not in call["words"] for call in workshop.calls)


def test_a_publish_that_is_wanted_asks_for_approval(signer: Machine) -> None:
    """Only by ``--auto``, which has the gate; the canary tells it, so nothing else does."""
    assert reason(ship(signer), DONE) == "published demo 0.1.1"
    assert statuses(signer.ctx.drafts) == [PREPARED]
    assert (signer.calls[-1]["words"], signer.ctx.requests) == (["publish", "--auto", f"--cwd={signer.plugin}"], [])
    written = [
        call["words"] for call in signer.calls if "--dry-run" not in call["words"] and "doctor" not in call["words"]
    ]
    assert len(written) == 1


@pytest.mark.parametrize(
    ("auto", "kind", "said", "told"),
    [
        ("approval", FAILED, "demo was not published: agent-mutated plugin requires human approval", ["blocked"]),
        ("disk", FAILED, "demo was not published: no space left", ["failed"]),
        ("silent", FAILED, "demo was not published: exit status 2", ["failed"]),
        ("already", SKIPPED, "nothing was published: demo is already at 0.1.0", []),
        ("hangs", FAILED, "nobody can tell whether demo was published: timed out after 180 s", []),
    ],
)
def test_a_publish_that_was_not_made_is_not_called_done(
    signer: Machine, auto: str, kind: OutcomeKind, said: str, told: list[str]
) -> None:
    """The gate refused, something broke, there was nothing to do, nobody knows."""
    signer.answer(auto=auto)
    assert reason(ship(signer), kind) == said
    assert [state for state, *_ in statuses(signer.ctx.drafts)] == ["prepared", *told]
    for fact in signer.ctx.drafts[1:]:
        assert (fact.extensions["exit"], fact.context_id) == ("2", "iv-abc1")


def test_a_publish_that_began_since_the_dry_run_is_left_alone(signer: Machine) -> None:
    """Its lock is looked for once more, at the last moment."""
    git = signer.ctx.commands["git"]

    def begin_another(command: FakeCommand) -> Completed:
        if "log" in command.argv:  # the last question before a publish
            make_kernel(signer.home, [{"plugin": "other"}]).close()
        return git(command) if callable(git) else git

    signer.ctx.commands["git"] = begin_another
    assert reason(ship(signer), SKIPPED).startswith("nothing was published: a publish of other 0.1.1 is under way")
    assert all("--auto" not in call["words"] for call in signer.calls)


def test_an_earlier_attempt_is_never_repeated(signer: Machine) -> None:
    """What it left looks like the next release. Its canary says that it was made; without one nobody can tell."""
    signer.ctx.effects = {"publish"}
    old, later = int((datetime.now(UTC) - timedelta(hours=1)).timestamp()), 2**32
    for canaries in ([], [record(published_at=old), record(plugin="other", published_at=later)]):
        signer.canary(*canaries)
        with pytest.raises(InDoubtError):
            ship(signer)
        signer.ctx.cursor.values.clear()  # nothing of an attempt that raised is stored
    signer.canary(record(published_at=later))
    assert reason(ship(signer), DONE) == "demo was published by an earlier attempt"
    assert signer.ctx.drafts == []
    assert all("--auto" not in call["words"] for call in signer.calls)


@pytest.mark.parametrize("role", ["verifier\n", "", None])
def test_a_machine_that_may_not_sign_leaves_it_to_a_person(signer: Machine, role: str | None) -> None:
    """Its role is in its own file, and nothing else counts."""
    path = signer.home / ".config" / "intercore" / "publish-role"
    path.unlink() if role is None else path.write_text(role)
    assert reason(ship(signer), DEGRADED).endswith("; this machine is no signer")
    assert all("--auto" not in call["words"] for call in signer.calls)


def test_a_version_that_auto_would_not_choose_is_left_to_a_person(signer: Machine) -> None:
    """It raises the patch."""
    assert reason(prepare(signer, version="2.0.0"), DEGRADED).endswith("; --auto makes patch releases only")


# Reviews --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", [Verdict.NEEDS_CHANGES, Verdict.RISKY])
def test_a_review_that_finds_something_takes_a_prepared_release_back(machine: Machine, verdict: Verdict) -> None:
    """Of the same context; the request is closed, and the release blocked."""
    asked = make_request(machine.plugin, machine.plugin, kind="release")
    asked = evolve(asked, details={"plugin": "demo", "version": "0.1.1"})
    machine.ctx.waiting = [asked, evolve(asked, context_id="iv-other", path=Path("/other"))]
    intent = make_intent(ReviewPass(verdict=verdict, counts={"P1": 1}))
    assert reason(adapter.on_review_pass(intent, machine.ctx), DONE) == "blocked: 1 prepared releases"
    assert machine.ctx.closed == {asked.path: f"blocked: a review finished {verdict}"}
    (fact,) = machine.ctx.drafts
    assert statuses([fact]) == [BLOCKED]
    assert fact.context_id == "iv-abc1"


@pytest.mark.parametrize("verdict", [Verdict.SAFE, Verdict.ERROR, None])
def test_other_reviews_change_nothing(machine: Machine, verdict: Verdict | None) -> None:
    """A review that nobody can read is not one that found something."""
    machine.ctx.waiting = [make_request(machine.plugin, machine.plugin, kind="release")]
    assert adapter.on_review_pass(make_intent(ReviewPass(verdict=verdict, counts={})), machine.ctx) is None
    assert machine.ctx.closed == {}
    machine.ctx.waiting = []
    risky = make_intent(ReviewPass(verdict=Verdict.RISKY, counts={"P0": 1}))
    assert adapter.on_review_pass(risky, machine.ctx) is None
