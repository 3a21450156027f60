"""What is prepared, the daemon, builds that hang; and how little a look costs.

Files have the shapes of reference/modules/tldr-swinton.md sections 2.2 and 2.3.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import ArtifactReady, Change, HealthSignal, Level, Severity
from interhost_hookspecs.testing import payloads

if TYPE_CHECKING:
    from conftest import Desk

SHA = "18e8bd8f200ab9d9a15287ad492ffb9e26551f33"
BUNDLE = f".tldrs/cache/bundles/{SHA}.json"
GRAPH = ".tldrs/cache/call_graph.json"
META = ".tldrs/index/meta.json"


def make_bundle(now: float, **more: object) -> dict[str, object]:
    """A bundle as ``prebuild`` saves it."""
    commits = [{"sha": "bd48da2", "subject": "x"}]
    return {
        "commit_sha": SHA,
        "branch": "main",
        "created_at": now - 60.5,
        "structure": [{"id": "src/auth.py:login", "signature": "def login()", "lines": [7, 10]}],
        "branch_info": {"branch": "main", "ahead": 1, "behind": 0, "recent_commits": commits},
        "metadata": {"bundle_version": 1, "token_count": 420, "file_count": 3},
        "format_version": 1,
        **more,
    }


def test_a_bundle_is_told_with_its_commit(desk: Desk, now: float) -> None:
    """Its branch and its size with it, and the time it was made."""
    path = desk.write(BUNDLE, make_bundle(now))
    (draft,) = desk.look(BUNDLE)
    expected = ArtifactReady(kind="context_bundle", title="Bundle of 18e8bd8f200a", change=Change.CREATED, commit=SHA)
    assert draft.payload == expected
    assert (draft.artifact_path, draft.project_dir, draft.severity) == (path, desk.project, Severity.INFO)
    assert draft.occurred_at == datetime.fromtimestamp(now - 60.5, UTC)
    assert draft.extensions == {
        "token_count": 420,
        "file_count": 3,
        "symbols": 1,
        "branch_info": {"ahead": 1, "behind": 0, "branch": "main", "recent_commits": 1},
    }


def test_a_bundle_made_again_is_no_news(desk: Desk, now: float) -> None:
    """It has another time, and the key of the same commit."""
    desk.write(BUNDLE, make_bundle(now))
    (first,) = desk.look(BUNDLE)
    desk.write(BUNDLE, make_bundle(now + 30))
    (second,) = desk.look(BUNDLE)
    assert first.dedupe_key == second.dedupe_key


def test_a_call_graph_of_another_time_is_told(desk: Desk, now: float) -> None:
    """With the number of its edges; the same time again has the same key."""
    edge = {"from_file": "a.py", "from_func": "f", "to_file": "b.py", "to_func": "g"}
    desk.write(GRAPH, {"edges": [edge, edge], "timestamp": now})
    (draft,) = desk.look(GRAPH)
    assert draft.payload == ArtifactReady(kind="code_index", title="Call graph", change=Change.UPDATED)
    assert draft.extensions == {"index": "call_graph", "edges": 2}
    (again,) = desk.look(GRAPH)
    desk.write(GRAPH, {"edges": [edge], "timestamp": now + 1})
    (later,) = desk.look(GRAPH)
    assert draft.dedupe_key == again.dedupe_key != later.dedupe_key


def test_the_index_by_meaning_is_told(desk: Desk) -> None:
    """With what made it; each time it was written."""
    meta = {"version": "1.0", "backend": "faiss", "embed_model": "m", "embed_backend": "ollama", "count": 12}
    desk.write(META, meta)
    (draft,) = desk.look(META)
    assert draft.extensions == {
        "index": "semantic",
        "backend": "faiss",
        "embed_model": "m",
        "embed_backend": "ollama",
        "count": 12,
    }
    (desk.project / META).unlink()
    desk.write(META, meta)
    os.utime(desk.project / META, (1, 1))
    assert desk.look(META)[0].dedupe_key != draft.dedupe_key


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        '"x"',
        "\x00\xff",
        '{"edges": 3, "timestamp": 1e400, "backend": {}, "commit_sha": 1}',
    ],
    ids=["empty", "torn", "list", "deep", "text", "bytes", "odd"],
)
def test_damaged_files_tell_nothing_false(desk: Desk, content: str) -> None:
    """No bundle and no index; of the call graph no more than that it was written."""
    for name in (BUNDLE, GRAPH, META):
        desk.write(name, content)
    assert [draft.payload for draft in desk.look(BUNDLE, GRAPH, META)] == [
        ArtifactReady(kind="code_index", title="Call graph", change=Change.UPDATED)
    ]


def test_a_bundle_of_another_name_is_none(desk: Desk, now: float) -> None:
    """Its file is named after the commit."""
    for name in ("x\x1b]0;.json", f"{SHA[:-1]}0.json"):
        desk.write(f".tldrs/cache/bundles/{name}", make_bundle(now))
        assert desk.look(f".tldrs/cache/bundles/{name}") == []


def test_a_huge_call_graph_is_told_unread(desk: Desk) -> None:
    """Of more than 8 MiB the edges are not counted."""
    desk.write(GRAPH, '{"edges": [' + " " * (9 << 20) + '], "timestamp": 5}')
    (draft,) = desk.look(GRAPH)
    assert draft.extensions == {"index": "call_graph", "edges": None}


# The daemon ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that may be a daemon."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_the_daemon_is_followed_from_its_start_to_its_end(desk: Desk, process: subprocess.Popen[bytes]) -> None:
    """Each state once."""
    told = []
    for state in ("indexing", "ready", "stopped"):
        desk.write(".tldrs/status", state)
        if state == "indexing":
            desk.write(".tldrs/daemon.pid", str(process.pid))
        if state == "stopped":
            (desk.project / ".tldrs/daemon.pid").unlink()
        told += desk.look()
        assert desk.look() == []
    assert payloads(told) == [
        {"state": "indexing", "pid": process.pid},
        {"state": "ready", "pid": process.pid},
        {"state": "stopped", "pid": None},
    ]
    assert {(one.intent, one.severity, one.source_hook) for one in told} == {
        ("tldr_swinton.daemon@1.0", Severity.INFO, "file:status")
    }


def test_a_daemon_that_died_while_ready_is_told(desk: Desk, process: subprocess.Popen[bytes]) -> None:
    """Nothing was written: the process is gone. And told again in order once another is ready."""
    desk.write(".tldrs/status", "ready")
    desk.write(".tldrs/daemon.pid", str(process.pid))
    assert len(desk.look()) == 1
    process.kill()
    process.wait()
    (draft,) = desk.look()
    assert isinstance(draft.payload, HealthSignal)
    assert (draft.payload.signal, draft.payload.level, draft.severity) == ("code_daemon", "yellow", Severity.WARN)
    assert draft.payload.detail == "the daemon is gone, and its status still says ready"
    assert desk.look() == []
    desk.write(".tldrs/daemon.pid", str(os.getpid()))
    (draft,) = desk.look()
    assert isinstance(draft.payload, HealthSignal)
    assert (draft.payload.level, draft.severity) == ("green", Severity.INFO)


def test_a_process_of_somebody_else_is_not_dead(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may not be asked is there; a test that runs as root may ask everybody."""

    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    desk.write(".tldrs/status", "ready")
    desk.write(".tldrs/daemon.pid", "77")
    assert payloads(desk.look()) == [{"state": "ready", "pid": 77}]


@pytest.mark.parametrize("pid", ["", "0", "-1", "1e9", "99999999999999", "x\n", "\x00"])
def test_what_is_no_process_is_never_asked_for(desk: Desk, pid: str) -> None:
    """0 and -1 would be whole groups; who says no number is not dead."""
    desk.write(".tldrs/status", "ready")
    desk.write(".tldrs/daemon.pid", pid)
    assert payloads(desk.look()) == [{"state": "ready", "pid": None}]
    assert desk.look() == []


def test_an_odd_status_does_no_harm(desk: Desk) -> None:
    """A directory, a link to nowhere, a pipe, and signs that act on a terminal."""
    status = desk.project / ".tldrs" / "status"
    status.mkdir()
    assert desk.look() == []
    status.rmdir()
    status.symlink_to("nowhere")
    assert desk.look() == []
    status.unlink()
    os.mkfifo(status)
    assert desk.look() == []
    status.unlink()
    status.write_bytes(b"re\x1b]0;\xffady" * 1000)
    (draft,) = desk.look()
    assert isinstance(draft.payload, dict)
    assert draft.payload["state"].isprintable()
    assert len(draft.payload["state"]) <= 40


# Builds --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [".build.lock", ".build_in_progress"])
def test_a_build_that_hangs_is_told_once_and_its_end(desk: Desk, now: float, name: str) -> None:
    """After half an hour, unless the user says otherwise."""
    lock = desk.write(f".tldrs/index/{name}", "")
    os.utime(lock, (now, now))
    assert desk.look() == []
    desk.wait(minutes=29)
    assert desk.look() == []
    desk.wait(minutes=2)
    (draft,) = desk.look()
    assert draft.payload == HealthSignal(
        signal="index_build",
        level=Level.YELLOW,
        value=31,
        unit="minutes",
        threshold=30,
        detail=f"{name} has been there for 31 minutes",
    )
    assert (draft.severity, draft.artifact_path) == (Severity.WARN, lock)
    desk.wait(hours=1)
    assert desk.look() == []
    lock.unlink()
    assert [one.level for one in payloads(desk.look()) if isinstance(one, HealthSignal)] == ["green"]
    assert desk.look() == []


def test_when_a_build_hangs_is_a_setting(desk: Desk, now: float) -> None:
    """A large project takes longer."""
    desk.set(stuck_minutes=90)
    os.utime(desk.write(".tldrs/index/.build.lock", ""), (now, now))
    desk.wait(minutes=89)
    assert desk.look() == []
    desk.wait(minutes=2)
    assert len(desk.look()) == 1


# Looks ---------------------------------------------------------------------------------------------------------------


def test_the_first_look_is_silent(desk: Desk, now: float) -> None:
    """A project the host meets late has a history, which is none of our news; unless the user wants it."""
    desk.write(".tldrs/status", "ready")
    desk.write(".tldrs/daemon.pid", "4194304")
    os.utime(desk.write(".tldrs/index/.build.lock", ""), (now - 9999, now - 9999))
    desk.ctx.cursor.values.clear()
    assert desk.look() == []
    assert desk.look() == []
    desk.ctx.cursor.values.clear()
    desk.ctx.backfill = True
    assert len(desk.look()) == 3


def test_a_look_without_news_opens_nothing_and_runs_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the times of files; what was kept stays as it is."""
    desk.write(".tldrs/status", "ready")
    desk.write(".tldrs/daemon.pid", str(os.getpid()))
    desk.ask(".tldrs/tldrs_state.db", "CREATE TABLE deliveries (session_id, symbol_id, last_accessed)")
    desk.ask(".workbench/state.db", "CREATE TABLE decisions (id TEXT)")
    desk.look()
    before = dict(desk.ctx.cursor.values)
    monkeypatch.setattr(os, "open", _refuse)
    monkeypatch.setattr("builtins.open", _refuse)
    monkeypatch.setattr("sqlite3.connect", _refuse)
    assert desk.look() == []
    assert desk.ctx.cursor.values == before
    assert desk.ctx.ran == []


def _refuse(*_: object, **__: object) -> None:
    raise AssertionError("something was opened")
