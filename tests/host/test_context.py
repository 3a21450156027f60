"""What an adapter may use during one call, and what it may not."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from interhost_hookspecs import Advice, ArtifactReady, Draft, Notify
from interhost_hookspecs.testing import hook_payload

from interhost.bus.envelope import Envelope
from interhost.bus.hook_record import write_record
from interhost.bus.log import Query
from interhost.errors import InputError, PayloadError, UnknownIntentError
from interhost.host.codec import view
from interhost.host.context import CursorMovedError, HostContext
from interhost.host.doctor import examine
from interhost.host.providers import Providers

if TYPE_CHECKING:
    from tests.conftest import Stage

SHOW = [
    sys.executable,
    "-c",
    "import json, os, sys\n"
    "json.dump({'cwd': os.getcwd(), 'env': dict(os.environ), 'in': sys.stdin.read()}, sys.stdout)",
]


def context(stage: Stage, adapter: str = "echo", cause: Envelope | None = None) -> HostContext:
    """The context of one call: a delivery when there is a cause, else a look."""
    return HostContext(
        adapter,
        stage.bus,
        stage.config(),
        Providers([], lambda *_: None),
        cause=cause,
        intent=view(cause) if cause else None,
    )


def delivered(stage: Stage, **parts: Any) -> Envelope:
    """A stored envelope."""
    published = stage.publish(**parts)
    return stage.bus.log.read(Query(after=published.seq - 1))[0].envelope


def shown(ctx: HostContext, **arguments: Any) -> Mapping[str, Any]:
    """What a command that the adapter runs sees."""
    done = ctx.run(SHOW, **arguments)
    assert done.ok, done
    answer: Mapping[str, Any] = json.loads(done.stdout)
    return answer


# Settings -------------------------------------------------------------------------------------------------------------

ASKS = """
def ask(ctx):
    return ctx.config.is_on("loud"), str(ctx.config.path("folder"))

@hookimpl
def observe(ctx):
    SEEN.append(("observe", *ask(ctx)))

@hookimpl
def observe_hook(event, ctx):
    SEEN.append(("observe_hook", *ask(ctx)))

@hookimpl
def on_notify(intent, ctx):
    SEEN.append(("on_notify", *ask(ctx)))

@hookimpl
def check_adapter(ctx):
    SEEN.append(("check_adapter", *ask(ctx)))
"""


@pytest.mark.parametrize(("said", "loud"), [("", False), ('loud = "yes"', False), ("loud = true", True)])
def test_settings_are_what_the_manifest_declares(stage: Stage, said: str, loud: bool) -> None:
    """In every call of an adapter: the manifest's default until the user says something of that type."""
    settings = {"loud": {"type": "boolean", "default": False}, "folder": {"type": "path", "default": "~/x"}}
    stage.adapter("echo", ["notify"], ASKS, {"settings": settings, "observes": {"hooks": ["Stop"]}})
    stage.config(f"[adapters.echo]\n{said}\n")
    host = stage.host()
    host.see_consumers()
    stage.publish()
    write_record(str(stage.root), {"at": "1"}, json.dumps(hook_payload("Stop")))
    host.take_in_hooks()
    host.run_pass()
    list(examine(stage.bus, stage.entries(), stage.config()))
    hooks = ("observe", "observe_hook", "on_notify", "check_adapter")
    assert set(stage.seen("echo")) == {(hook, loud, str(Path.home() / "x")) for hook in hooks}


# Running --------------------------------------------------------------------------------------------------------------


def test_run_drops_the_session_that_started_us(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of the delivering process's own session do not reach a command; everything else does."""
    monkeypatch.setenv("CLAVAIN_BEAD_ID", "wrong-1")
    monkeypatch.setenv("CLAUDE_SESSION_ID", "wrong")
    monkeypatch.setenv("OTHER", "kept")
    env = shown(context(stage, cause=delivered(stage)), env={"CLAVAIN_BEAD_ID": "wid-1", "ADDED": "1"})["env"]
    assert "CLAUDE_SESSION_ID" not in env
    assert (env["OTHER"], env["ADDED"], env["CLAVAIN_BEAD_ID"]) == ("kept", "1", "wid-1")


def test_run_drops_what_the_adapter_names(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """By globs that mind upper and lower case; what the adapter adds itself stays."""
    for name in ("FORGE_TOKEN", "TOKENS", "API_KEY", "kept_token"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("CLAUDE_SESSION_ID", "wrong")
    env = shown(context(stage), env={"MY_TOKEN": "given"}, drop=["*TOKEN*", "API_KEY"])["env"]
    assert {"FORGE_TOKEN", "TOKENS", "API_KEY", "CLAUDE_SESSION_ID"} & env.keys() == set()
    assert (env["MY_TOKEN"], env["kept_token"]) == ("given", "secret")


def test_run_drops_the_repository_of_the_git_hook_that_started_us(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A host that a git hook has started finds every other repository; how git works for the user stays."""
    names = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}
    for name in (*names, "GIT_AUTHOR_NAME"):
        monkeypatch.setenv(name, str(tmp_path))
    env = shown(context(stage, cause=delivered(stage)))["env"]
    assert names.isdisjoint(env)
    assert "GIT_AUTHOR_NAME" in env


def test_run_happens_in_the_project_of_the_intent(stage: Stage) -> None:
    """A command runs where the fact happened, not where the delivering process was started."""
    ctx = context(stage, cause=delivered(stage))
    assert Path(shown(ctx)["cwd"]) == stage.project
    assert Path(shown(ctx, cwd=stage.home)["cwd"]) == stage.home


def test_run_gives_text_and_closes_standard_input_without_it(stage: Stage) -> None:
    """``stdin`` arrives as it is; left out, a command that reads gets the end of file at once."""
    ctx = context(stage)
    assert (shown(ctx, stdin="wörds")["in"], shown(ctx)["in"]) == ("wörds", "")


def test_tracker_and_kernel_are_asked_in_the_project_of_the_intent(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``ctx.beads`` and ``ctx.runs`` run the real programs, ``bd`` where the fact happened unless told otherwise."""
    for name, text in {"bd": '{"value": "%s"}', "ic": '{"id": "r1", "phase": "%s"}'}.items():
        (tmp_path / name).write_text(f'#!/bin/sh\nprintf \'{text}\\n\' "$(basename "$PWD")"\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    ctx = context(stage, cause=delivered(stage))
    assert ctx.beads.read_state("wid-1", "phase") == stage.project.name
    assert ctx.beads.read_state("wid-1", "phase", stage.home) == stage.home.name
    assert ctx.runs.read("r1", stage.project) is None
    (stage.project / ".clavain").mkdir()
    (stage.project / ".clavain" / "intercore.db").touch()
    run = ctx.runs.read("r1", stage.project)
    assert run is not None
    assert (run.id, run.phase) == ("r1", stage.project.name)


def test_adapters_ask_the_programs_that_the_user_has_named(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same as submissions use; one that is not there is an answer, and nothing else runs in its place."""
    (tmp_path / "my-ic").write_text("#!/bin/sh\necho mine $*\n")
    (tmp_path / "my-ic").chmod(0o755)
    monkeypatch.setenv("INTERHOST_IC", str(tmp_path / "my-ic"))
    done = context(stage).run(["ic", "version"])
    assert (done.stdout, done.argv) == ("mine version\n", ("ic", "version"))
    monkeypatch.setenv("INTERHOST_IC", "/no/such/ic")
    done = context(stage).run(["ic", "version"])
    assert (done.returncode, done.missing) == (None, False)
    assert done.problem == "INTERHOST_IC=/no/such/ic: not the absolute path of a program"
    monkeypatch.setenv("INTERHOST_ECHO", "/no/such/echo")
    assert context(stage).run(["echo", "x"]).stdout == "x\n"


def test_missing_program_and_missing_project_are_answers(stage: Stage) -> None:
    """A tool or folder that is not there is told in one line, and only the tool counts as missing."""
    cause = delivered(stage)
    ctx = context(stage, cause=cause)
    done = ctx.run(["no-such-tool"])
    assert (done.ok, done.returncode, done.missing, done.problem) == (False, None, True, "no-such-tool: not found")
    (stage.project / ".git").rmdir()
    stage.project.rmdir()
    done = ctx.run(["true"])
    assert (done.missing, done.problem) == (False, f"true: working directory {stage.project} does not exist")


def test_hung_command_ends_with_its_deadline(stage: Stage) -> None:
    """A command that does not end is ended, with what it said until then."""
    done = context(stage).run(["sh", "-c", "echo begun; sleep 60"], timeout=0.2)
    assert (done.returncode, done.stdout, done.problem) == (None, "begun\n", "sh: timed out after 0.2 s")


# Where things are -----------------------------------------------------------------------------------------------------


def test_module_root_is_found_in_a_fixed_order(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's variable, then the module's own, then the record of plugins; a folder that is gone does not count."""
    folders = {name: stage.home / name for name in ("ours", "own", "recorded")}
    for folder in folders.values():
        folder.mkdir()
    record = stage.home / ".claude" / "plugins" / "installed_plugins.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"plugins": {"tool-time@m": [{"installPath": str(folders["recorded"])}]}}))
    ctx = context(stage, "tool-time")
    assert ctx.module_root() == folders["recorded"]
    monkeypatch.setenv("TOOL_TIME_ROOT", str(folders["own"]))
    assert ctx.module_root() == folders["own"]
    monkeypatch.setenv("INTERHOST_TOOL_TIME_ROOT", str(folders["ours"]))
    assert ctx.module_root() == folders["ours"]
    folders["ours"].rmdir()
    assert ctx.module_root() == folders["own"]
    monkeypatch.delenv("TOOL_TIME_ROOT")
    record.unlink()
    assert ctx.module_root() is None


@pytest.mark.parametrize(
    ("text", "bead"),
    [
        ("# Plan\n\n**Bead:** iv-ab1.2\n", "iv-ab1.2"),
        ("Bead: `Demarch_x-9`\n", "Demarch_x-9"),
        ("**Bead**: iv-1\n**Bead:** iv-2\n", "iv-1"),
        ("the Bead: iv-1 in a sentence\n", None),
        ("**Bead:** none\n", None),
    ],
)
def test_bead_is_read_from_its_line(stage: Stage, text: str, bead: str | None) -> None:
    """``find_bead`` reads a ``**Bead:**`` line with dots, backquotes and without stars, and nothing from prose."""
    path = stage.home / "plan.md"
    path.write_text(text)
    assert context(stage).find_bead(path) == bead


def test_bead_of_what_cannot_be_read_is_none(stage: Stage) -> None:
    """A missing file, a folder, a file of bytes and a pipe that nobody writes into have no bead."""
    (stage.home / "bytes").write_bytes(b"\xff\xfe**Bead:**\x00")
    os.mkfifo(stage.home / "pipe")
    paths = (stage.home / "missing", stage.home, stage.home / "bytes", stage.home / "pipe")
    assert [context(stage).find_bead(path) for path in paths] == [None] * 4


def test_projects_are_those_the_host_has_seen(stage: Stage) -> None:
    """``ctx.projects`` has every known project's root."""
    stage.bus.store.see_project(stage.project)
    stage.bus.store.see_project(stage.home)
    assert sorted(context(stage).projects) == sorted([stage.project, stage.home])


# Requests and advice --------------------------------------------------------------------------------------------------


def test_request_is_written_for_people_and_for_programs(stage: Stage) -> None:
    """One Markdown and one JSON file per intent and kind; what the host knows cannot be overwritten by details."""
    cause = delivered(stage, artifact_path="docs/p.md")
    path = context(stage, cause=cause).request("review", "Please **review**.\n\n", {"depth": 2, "event_id": "forged"})
    assert path == stage.root / "requests" / "echo" / f"{cause.event_id}-review.md"
    assert path.read_text() == "Please **review**.\n"
    assert json.loads(path.with_suffix(".json").read_text()) == {
        "depth": 2,
        "kind": "review",
        "event_id": cause.event_id,
        "context_id": "wid-1",
        "artifact_path": str(stage.project / "docs" / "p.md"),
        "project_dir": str(stage.project),
    }


def test_a_request_does_nothing_to_a_terminal(stage: Stage) -> None:
    """Whoever looks at the file sees text, whatever an adapter has put into it."""
    path = context(stage, cause=delivered(stage)).request("review", "a\x1b]0;x\x07b\n\u202ec")
    assert path.read_text() == "a ]0;x b\n c\n"


def test_request_for_the_same_intent_is_rewritten(stage: Stage) -> None:
    """A retry asks again in the same two files; nothing is left beside them."""
    ctx = context(stage, cause=delivered(stage))
    assert ctx.request("review", "first") == (path := ctx.request("review", "second"))
    assert path.read_text() == "second\n"
    assert len(os.listdir(path.parent)) == 2
    assert path.parent.stat().st_mode & 0o077 == 0


def test_request_is_open_until_it_is_closed_or_its_time_has_come(stage: Stage) -> None:
    """Oldest first, of one kind and one adapter; a request without a time limit waits for nobody."""
    soon, past = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(seconds=1)
    causes = [delivered(stage, artifact_path="docs/p.md") for _ in range(2)]
    paths = [context(stage, cause=cause).request("review", "x", {"depth": 2}, expires=soon) for cause in causes]
    context(stage, cause=causes[0]).request("other", "x", expires=soon)
    context(stage, cause=delivered(stage)).request("review", "x")
    context(stage, cause=delivered(stage)).request("review", "x", expires=past)
    context(stage, "mine", cause=causes[0]).request("review", "x", expires=soon)
    ctx = context(stage)
    first, second = ctx.open_requests("review")
    assert [first.path, second.path] == paths
    assert (first.kind, first.context_id, first.project_dir) == ("review", "wid-1", stage.project)
    assert (first.artifact_path, first.expires) == (stage.project / "docs" / "p.md", soon)
    assert first.details["depth"] == 2
    assert datetime.now(UTC) - timedelta(minutes=1) < first.asked_at < first.expires

    ctx.close_request(first, "safe")
    assert ctx.open_requests("review") == (second,)
    assert paths[0].read_text() == "x\n\nClosed: safe\n"
    assert json.loads(paths[0].with_suffix(".json").read_text())["answer"] == "safe"
    (late,) = ctx.expired_requests("review")
    assert late.expires == past
    ctx.close_request(late, "nobody answered")
    assert (ctx.expired_requests("review"), ctx.open_requests("review")) == ((), (second,))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '{"kind": "review"}', '{"expires": "soon"}'])
def test_damaged_request_is_no_request(stage: Stage, text: str) -> None:
    """Whatever lies in the folder, the others are found."""
    ctx = context(stage, cause=delivered(stage))
    path = ctx.request("review", "x", expires=datetime.now(UTC) + timedelta(hours=1))
    path.with_name("0-review.json").write_text(text)
    path.with_name("1-review.json").mkdir()
    assert [one.path for one in ctx.open_requests("review")] == [path]


def test_new_file_is_tailed_from_its_start(stage: Stage) -> None:
    """What ``changed`` reported is no history; a look later there is nothing new."""
    path = stage.project / "lines"
    path.write_text("one\n")
    assert context(stage).tail(path).lines == ()
    ctx = context(stage)
    assert ctx.tail(path, whole=True).lines == ("one",)
    with stage.bus.database.transaction():
        ctx.store()
    assert context(stage).tail(path, whole=True).lines == ()


@pytest.mark.parametrize("kind", ["", "../up", "a/b", "a b", "ümlaut", "x" * 65, "a\n"])
def test_kind_that_is_no_file_name_is_refused(stage: Stage, kind: str) -> None:
    """A kind cannot lead out of the adapter's folder."""
    with pytest.raises(ValueError, match="expected letters, digits, '-' and '_'"):
        context(stage, cause=delivered(stage)).request(kind, "text")
    assert not (stage.root / "requests").exists()


def test_requests_and_effects_belong_to_a_delivery(stage: Stage) -> None:
    """While observing there is no intent that a request or an effect could be about."""
    ctx = context(stage)
    with pytest.raises(RuntimeError, match="delivery"):
        ctx.request("review", "text")
    with pytest.raises(RuntimeError, match="delivery"):
        ctx.once("post")


def test_same_advice_is_stored_once(stage: Stage) -> None:
    """The same text for the same ears waits once, however often it is given; other ears get their own."""
    for _ in range(2):
        ctx = context(stage)
        ctx.advise(Advice(text="well", session_id="s"))
        ctx.advise(Advice(text="well", session_id="s"))
        ctx.advise(Advice(text="well", context_id="wid-1"))
        ctx.store()
    waiting = [(one.adapter, one.text, one.session_id, one.context_id) for one in stage.bus.store.waiting_advice()]
    assert waiting == [("echo", "well", "s", None), ("echo", "well", None, "wid-1")]


def test_expired_advice_is_not_waiting(stage: Stage) -> None:
    """Advice is worth saying until it expires; for a day, when it does not say until when."""
    ctx = context(stage)
    ctx.advise(Advice(text="daily", session_id="s"))
    ctx.advise(Advice(text="late", session_id="s", expires=datetime(2020, 1, 1, tzinfo=UTC)))
    ctx.advise(Advice(text="early", session_id="s", expires=datetime(2100, 1, 1, tzinfo=UTC)))
    ctx.store()
    assert [one.text for one in stage.bus.store.waiting_advice()] == ["daily", "early"]
    [(lasts,)] = stage.bus.database.rows("SELECT expires - ts FROM advice WHERE text = 'daily'")
    assert abs(lasts / 1e6 - timedelta(days=1).total_seconds()) < 60


def test_cursor_reads_what_this_call_has_set(stage: Stage) -> None:
    """A moved position is seen at once by the call, and by others when it is stored."""
    ctx = context(stage)
    ctx.cursor.set("place", "2")
    assert (ctx.cursor.get("place"), context(stage).cursor.get("place")) == ("2", None)
    ctx.store()
    assert context(stage).cursor.get("place") == "2"
    assert context(stage, "other").cursor.get("place") is None


@pytest.mark.parametrize("before", [None, "1"])
def test_cursor_that_moved_meanwhile_is_not_stored(stage: Stage, before: str | None) -> None:
    """What was made of a position counts only while that position stands, the very first look included."""
    if before is not None:
        stage.bus.store.move_cursor("echo", "place", before)
    slow, quick = context(stage), context(stage)
    for ctx, value in ((slow, "2"), (quick, "3")):
        assert ctx.cursor.get("place") == before
        ctx.cursor.set("place", value)
    quick.cursor.store()
    with pytest.raises(CursorMovedError, match="place"):
        slow.cursor.store()
    assert stage.bus.store.cursor("echo", "place") == "3"


def test_cursor_that_was_not_read_is_simply_set(stage: Stage) -> None:
    """Whoever does not build upon a position cannot have built upon an old one."""
    ctx = context(stage)
    ctx.cursor.set("place", "2")
    stage.bus.store.move_cursor("echo", "place", "9")
    ctx.cursor.store()
    assert stage.bus.store.cursor("echo", "place") == "2"


# Drafts ---------------------------------------------------------------------------------------------------------------


def published(ctx: HostContext, draft: Draft) -> Envelope:
    """The envelope of one draft."""
    ctx.publish(draft)
    return ctx.envelopes[-1]


def test_draft_of_a_reaction_is_about_what_caused_it(stage: Stage) -> None:
    """Without words of its own, a reaction has the context and project of its cause, and the adapter as producer."""
    cause = delivered(stage, context_id="wid-7")
    envelope = published(context(stage, cause=cause), Draft(payload=Notify(text="x")))
    assert (envelope.context_id, envelope.producer, envelope.intent) == ("wid-7", "echo", "notify@1.0")
    assert envelope.extensions["project_dir"] == str(stage.project)
    assert (envelope.caused_by, envelope.depth, envelope.extensions["door"]) == (cause.event_id, 1, "adapter")


def test_draft_about_an_artifact_takes_its_bead(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The artifact's bead counts, never the bead of the session that happens to deliver."""
    monkeypatch.setenv("CLAVAIN_BEAD_ID", "wrong-1")
    (stage.project / "p.md").write_text("**Bead:** wid-3\n")
    ctx = context(stage)
    about = published(ctx, Draft(payload=ArtifactReady(kind="plan"), artifact_path=stage.project / "p.md"))
    assert (about.context_id, about.artifact_path) == ("wid-3", str(stage.project / "p.md"))
    (stage.project / "q.md").write_text("no bead\n")
    about = published(ctx, Draft(payload=ArtifactReady(kind="plan"), artifact_path=stage.project / "q.md"))
    assert about.context_id == "project:widgets"


def test_draft_of_a_session_takes_the_bead_of_its_sideband(stage: Stage) -> None:
    """Where the session is known, what interphase says about it stands in for a missing context."""
    sideband = stage.home / ".interband" / "interphase" / "bead" / "s-1.json"
    sideband.parent.mkdir(parents=True)
    sideband.write_text(json.dumps({"version": "1.0.0", "payload": {"id": "wid-5"}}))
    ctx = context(stage)
    with_session = published(ctx, Draft(payload=Notify(text="x"), session_id="s-1", project_dir=stage.project))
    without = published(ctx, Draft(payload=Notify(text="x"), project_dir=stage.project))
    assert (with_session.context_id, without.context_id) == ("wid-5", "project:widgets")


def test_the_root_of_the_sidebands_is_known_or_nobodys(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever watches the files finds them where they are read; a root that is no absolute path is none."""
    monkeypatch.delenv("INTERBAND_ROOT", raising=False)
    assert context(stage).sideband.root == stage.home / ".interband"
    monkeypatch.setenv("INTERBAND_ROOT", "relative/path")
    sideband = context(stage).sideband
    assert (sideband.root, sideband.read("interphase", "bead", "s-1")) == (None, None)


def test_given_context_wins(stage: Stage) -> None:
    """What the source itself says is not guessed about."""
    (stage.project / "p.md").write_text("**Bead:** wid-3\n")
    draft = Draft(payload=ArtifactReady(kind="plan"), artifact_path=stage.project / "p.md", context_id="other-1")
    assert published(context(stage), draft).context_id == "other-1"


def test_project_of_a_draft_is_the_git_root_of_its_artifact(stage: Stage) -> None:
    """A draft that names a file names its project."""
    path = stage.project / "deep" / "er" / "p.md"
    path.parent.mkdir(parents=True)
    envelope = published(context(stage), Draft(payload=ArtifactReady(kind="plan"), artifact_path=path))
    assert envelope.extensions["project_dir"] == str(stage.project)


def test_relative_artifact_is_taken_from_the_project(stage: Stage) -> None:
    """A relative path becomes absolute by the draft's project, or the intent's."""
    draft = Draft(payload=ArtifactReady(kind="plan"), artifact_path=Path("docs/../p.md"))
    envelope = published(context(stage, cause=delivered(stage)), draft)
    assert envelope.artifact_path == str(stage.project / "p.md")


def test_relative_artifact_without_a_project_is_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows what it is relative to; the working directory of the host certainly is not it."""
    monkeypatch.chdir(stage.home)
    draft = Draft(payload=ArtifactReady(kind="plan"), artifact_path=Path("p.md"), context_id="wid-1")
    with pytest.raises(InputError, match=r"draft: artifact p\.md is relative, and no project is known"):
        context(stage).publish(draft)


def test_draft_about_nothing_is_refused(stage: Stage) -> None:
    """A fact with neither context nor project could not be found again."""
    with pytest.raises(InputError, match="names neither a context nor a project"):
        context(stage).publish(Draft(payload=Notify(text="x")))


def test_own_intent_is_the_adapters_alone(stage: Stage) -> None:
    """``module.name`` may be published by that module's adapter; a dash of its name is written as an underscore."""
    ctx = context(stage, "tool-time", delivered(stage))
    assert published(ctx, Draft(payload={"a": 1}, intent="tool_time.tick@1.0")).intent == "tool_time.tick@1.0"
    with pytest.raises(UnknownIntentError, match=r"unknown intent 'echo\.tick@1\.0'"):
        ctx.publish(Draft(payload={"a": 1}, intent="echo.tick@1.0"))


@pytest.mark.parametrize(
    ("intent", "problem"),
    [
        ("review_passed@1.0", "unknown intent 'review_passed@1.0'; did you mean review_pass?"),
        ("notify@2.0", "this host knows notify@1.0"),
        ("Notify", "expected name@major.minor"),
        (None, "a plain mapping needs 'intent'"),
        ("echo.tick", "an unknown intent needs a version"),
    ],
)
def test_intent_that_nobody_knows_is_refused(stage: Stage, intent: str | None, problem: str) -> None:
    """A slip in a canonical name is an error at once, with the nearest name."""
    with pytest.raises(InputError, match=problem.replace("?", r"\?")):
        context(stage, cause=delivered(stage)).publish(Draft(payload={"text": "x"}, intent=intent))


def test_payload_that_misses_its_class_is_refused(stage: Stage) -> None:
    """A mapping under a canonical name is held against the class as any other payload."""
    with pytest.raises(PayloadError) as caught:
        context(stage, cause=delivered(stage)).publish(Draft(payload={"words": 1}, intent="notify@1.0"))
    assert [problem[0] for problem in caught.value.problems] == ["text"]


FORGED = {
    "occurred_at": "1999-01-01T00:00:00Z",
    "project_dir": "/",
    "door": "cli",
    "session_id": "other",
    "caused_by": "01K9ZZZZZZ0000000000000000",
    "depth": -100,
    "dedupe_key": "other",
    "signature": "ok",
}


@pytest.mark.parametrize("reacting", [True, False])
def test_what_only_the_host_may_say_cannot_be_forged(stage: Stage, reacting: bool) -> None:
    """Cause, depth, door, time, project and signature are the host's, whatever an adapter puts into the open map."""
    cause = delivered(stage) if reacting else None
    draft = Draft(payload=Notify(text="x"), project_dir=stage.project, extensions={**FORGED, "mine": 1})
    extensions = dict(published(context(stage, cause=cause), draft).extensions)
    assert extensions.pop("mine") == 1
    assert str(extensions.pop("occurred_at")) > "2020"
    expected: dict[str, object] = {"project_dir": str(stage.project), "door": "adapter"}
    assert extensions == expected | ({"caused_by": cause.event_id, "depth": 1} if cause else {})


def test_what_a_draft_says_in_its_own_fields_is_kept(stage: Stage) -> None:
    """Time, session and natural key are the adapter's to say, in their fields."""
    draft = Draft(
        payload=Notify(text="x"),
        context_id="wid-1",
        occurred_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        session_id="s-1",
        dedupe_key="mine:1",
    )
    extensions = published(context(stage), draft).extensions
    kept = (extensions["occurred_at"], extensions["session_id"], extensions["dedupe_key"])
    assert kept == ("2026-01-02T03:04:05.000Z", "s-1", "mine:1")


def test_time_without_zone_is_refused(stage: Stage) -> None:
    """A naive time would be somebody's local one."""
    draft = Draft(payload=Notify(text="x"), context_id="wid-1", occurred_at=datetime(2026, 1, 2))
    with pytest.raises(InputError, match="expected a time zone"):
        context(stage).publish(draft)


def test_known_fact_is_stored_once(stage: Stage) -> None:
    """The same natural key from two looks, or two adapters, is one event."""
    for adapter in ("echo", "other", "echo"):
        ctx = context(stage, adapter)
        ctx.publish(Draft(payload=Notify(text=adapter), context_id="wid-1", dedupe_key="fact:1"))
        ctx.store()
    assert [stored.envelope.producer for stored in stage.bus.log.read(Query())] == ["echo"]
