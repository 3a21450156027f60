"""``interhost interband`` from outside: answers, exit codes, messages."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Done, Shell

BEAD: dict[str, Any] = {"id": "iv-1", "phase": "planned", "reason": "r", "ts": 1}
SIGNAL = {"layer": "coordination", "icon": "lock", "text": "t", "priority": 3, "ts": "2026-02-17T12:00:00Z"}


@pytest.fixture(autouse=True)
def own_places(shell: Shell, tmp_path: Path) -> None:
    """Neither the files of this machine's user are touched, nor those in /tmp."""
    for name in ("legacy", "signals"):
        (tmp_path / name).mkdir()
    shell.environ["INTERBAND_LEGACY_DIR"] = str(tmp_path / "legacy")
    shell.environ["INTERLOCK_SIGNAL_DIR"] = str(tmp_path / "signals")


def run(shell: Shell, *arguments: str, **more: Any) -> Done:
    return shell.run("interhost", "interband", *arguments, **more)


def write(shell: Shell, payload: object = BEAD, *more: str, key: str = "s1", **options: Any) -> Done:
    return run(shell, "write", "interphase", "bead", key, "--payload", json.dumps(payload), *more, **options)


def place(shell: Shell, name: str = "s1") -> Path:
    return shell.home / ".interband/interphase/bead" / f"{name}.json"


def test_what_is_written_is_read(shell: Shell) -> None:
    """Payload or envelope, as one line of JSON; and the path is told."""
    [record] = write(shell).records
    assert record == {"path": str(place(shell)), "legacy": None, "pruned": 0}
    assert run(shell, "path", "interphase", "bead", "s1").out == f"{place(shell)}\n"
    assert run(shell, "read", "interphase", "bead", "s1", "--fresh", "--check").records == [BEAD]
    [envelope] = run(shell, "read", "interphase", "bead", "s1", "--envelope").records
    assert envelope["session_id"] == "s1"
    assert run(shell, "path", "interphase", "bead").out == f"{place(shell).parent}\n"


def test_a_payload_comes_from_anywhere(shell: Shell, tmp_path: Path) -> None:
    """From a file, or standard input; with integers of any size."""
    big = {**BEAD, "ts": 12345678901234567890123456789}
    (tmp_path / "p.json").write_text(json.dumps(big))
    run(shell, "write", "interphase", "bead", "s1", "--payload", f"@{tmp_path}/p.json")
    assert run(shell, "read", "interphase", "bead", "s1").records == [big]
    run(shell, "write", "a", "b", "c", "--payload", "-", "--type", "t", stdin=json.dumps(big))
    assert run(shell, "read", "a", "b", "c").records == [big]


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["write", "interphase", "bead", "s1", "--payload", '{"id":"x"}'], 65, "key 'phase': expected one of"),
        (["write", "interphase", "bead", "s1", "--payload", "[]"], 65, "expected a JSON object"),
        (["write", "interphase", "bead", "s1", "--payload", '{"a":NaN}'], 65, "NaN is not JSON"),
        (["write", "interphase", "bead", "s1", "--payload", "@nothing"], 65, "No such file"),
        (["write", "interphase", "bead", "s1", "--payload", "@"], 65, "No such file"),
        (["write", "a", "b", "c", "--payload", "{}"], 65, "say which type it carries"),
        (["write", "a", "b", "c", "--payload", "{}", "--type", "t", "--dual-write"], 65, "never had files"),
        (["write", "a", "b", "c", "--payload", "{}", "--type", "t", "--merge"], 65, "leave out --type"),
        (["write", "a", "b", "c", "--payload", "{}", "--merge"], 65, "no such sideband to change"),
        (["write", "clavain", "dispatch", "x", "--payload", "{}"], 65, "'x' is no process id"),
        (["write", "interphase", "bead", "a", "b", "--payload", "{}"], 65, "expected session_id, got 2"),
        (["write", "..", "bead", "s1", "--payload", "{}", "--type", "t"], 65, "expected a plain name"),
        (["write", "interphase", "bead", "s1"], 64, "--payload"),
        (["read", "interphase", "bead", "none"], 1, "no "),
        (["read", "interphase", "/etc", "passwd"], 65, "expected a plain name"),
        (["list", ".."], 65, "expected a plain name"),
        (["list"], 1, "no sideband files"),
        (["watch", "--every", "0"], 64, "expected 0.01 to 3600"),
        (["nonsense"], 64, "invalid choice"),
        ([], 64, "ACTION"),
    ],
)
def test_what_does_not_fit_is_named(shell: Shell, arguments: list[str], code: int, reason: str) -> None:
    """With the right exit code, in words, and nothing is written."""
    done = run(shell, *arguments, code=code)
    assert done.out == ""
    assert reason in done.err
    assert list(shell.home.glob(".interband/**/*.json")) == []


@pytest.mark.parametrize("environ", [{"INTERBAND_ROOT": "x"}, {"HOME": ""}, {"INTERBAND_ROOT": "/"}])
def test_without_a_root_nothing_is_done(shell: Shell, environ: dict[str, str]) -> None:
    """69, and neither the current directory nor ``/`` has a new file."""
    for arguments in (["path", "a", "b", "c"], ["list"], ["prune"], ["read", "a", "b", "c"]):
        assert "INTERBAND_ROOT" in run(shell, *arguments, env=environ, code=69).err
    write(shell, env=environ, code=69)
    assert [path.name for path in shell.project.iterdir()] == [".git"]


def test_a_phase_of_the_kernel_needs_lenience(shell: Shell) -> None:
    """To write it; reading takes it. A merge keeps everything else."""
    write(shell, {**BEAD, "later": [1]})
    assert 'got "reflect"' in write(shell, {"phase": "reflect"}, "--merge", code=65).err
    write(shell, {"phase": "reflect"}, "--merge", "--lenient", "--sync")
    assert run(shell, "read", "interphase", "bead", "s1", "--check").records == [
        {**BEAD, "later": [1], "phase": "reflect"}
    ]


def test_what_is_too_old_is_not_fresh(shell: Shell) -> None:
    """1, and a note that says how old; the user's retention counts."""
    write(shell)
    os.utime(place(shell), (time.time() - 90_000, time.time() - 90_000))
    done = run(shell, "read", "interphase", "bead", "s1", "--fresh", code=1)
    assert done.out == ""
    assert "its channel keeps files for 86400 s" in done.err
    longer = {"INTERBAND_RETENTION_INTERPHASE_BEAD_SECS": "100000"}
    assert run(shell, "read", "interphase", "bead", "s1", "--fresh", env=longer).records == [BEAD]
    assert run(shell, "read", "interphase", "bead", "s1").records == [BEAD]
    [record] = run(shell, "list").records
    assert record["fresh"] is False
    assert " old " in run(shell, "list", "--table").out


def test_files_from_before_are_read_and_written(shell: Shell, tmp_path: Path) -> None:
    """Where there is no sideband, or no fresh one; and both are written where asked."""
    (tmp_path / "legacy/clavain-bead-s9.json").write_text(json.dumps(BEAD))
    assert run(shell, "read", "interphase", "bead", "s9", "--fresh").records == [BEAD]
    run(shell, "read", "interphase", "bead", "s9", "--no-legacy", code=1)
    [record] = write(shell, BEAD, "--dual-write", key="s9").records
    assert record["legacy"] == str(tmp_path / "legacy/clavain-bead-s9.json")
    os.utime(place(shell, "s9"), (1, 1))
    assert run(shell, "read", "interphase", "bead", "s9", "--fresh").records == [BEAD]
    arguments = ["interlock", "coordination", "my-app", "a-b", "--payload", json.dumps(SIGNAL), "--dual-write"]
    assert run(shell, "write", *arguments, "--table").out.count("wrote ") == 2
    [line] = (tmp_path / "signals/my-app-a-b.jsonl").read_text().splitlines()
    assert json.loads(line) == {"version": 1, **SIGNAL, "project": "my-app", "agent": "a-b"}
    [signal_record] = run(shell, "list", "interlock").records
    assert (signal_record["project"], signal_record["agent"]) == ("my-app", "a-b")


def test_a_version_2_file_is_refused_and_not_replaced_by_an_older_one(shell: Shell, tmp_path: Path) -> None:
    """The reader says that it is too old for it; the file from before is no way around."""
    write(shell)
    (tmp_path / "legacy/clavain-bead-s1.json").write_text(json.dumps(BEAD))
    place(shell).write_text('{"version":"2.0.0","payload":{}}')
    assert "version 2, and this reader knows version 1" in run(shell, "read", "interphase", "bead", "s1", code=65).err


def test_what_is_wrong_is_listed(shell: Shell) -> None:
    """Files, orphans and variables; 1 while anything is wrong."""
    assert run(shell, "check").err == "nothing is wrong\n"
    write(shell)
    place(shell, "bad").write_text(
        json.dumps({"version": "1.0.0", "namespace": "interphase", "type": "bead_phase", "payload": {}})
    )
    orphan = place(shell).with_name(".interband-tmp.x")
    orphan.write_text("")
    os.utime(orphan, (1, 1))
    records = run(shell, "check", env={"INTERBAND_RETENTION_SECS": "1h"}, code=1).records
    assert [Path(record["where"]).name for record in records] == ["bad.json", orphan.name, "INTERBAND_RETENTION_SECS"]
    assert "key 'id': expected a string that is not blank, got nothing" in records[0]["problem"]
    assert "'1h' is no plain number" in records[2]["problem"]
    assert run(shell, "prune", "--force").records == [
        {"channel": "interphase/bead", "due": True, "removed": [orphan.name]}
    ]
    assert run(shell, "prune", "--table").out == "interphase/bead: not due; --force does it now\n"
    assert run(shell, "prune", "interphase", "bead", "--force", "--table").out == "interphase/bead: removed 0\n"
    assert run(shell, "prune", "other").out == ""


def test_one_file_or_channel_that_cannot_be_used_hides_no_other(shell: Shell) -> None:
    """They are listed, checked and pruned; the one that cannot be is named, and the exit code says it."""
    write(shell)
    place(shell, "loop").symlink_to(place(shell, "loop"))
    run(shell, "write", "a", "b", "c", "--type", "t", "--payload", "{}")
    done = run(shell, "list")
    assert [record["key"] for record in done.records] == ["c", "s1"]
    assert "loop.json: Too many levels" in done.err
    stamp = shell.home / ".interband/a/b/.interband-prune.stamp"
    stamp.unlink()
    stamp.mkdir()
    done = run(shell, "prune", "--force", code=69)
    assert [record["channel"] for record in done.records] == ["interphase/bead"]
    assert "a/b: Is a directory" in done.err


def test_a_root_that_is_none_is_told(shell: Shell, tmp_path: Path) -> None:
    """A file in its place is a problem; nothing in its place is none."""
    (tmp_path / "file").write_text("")
    [record] = run(shell, "check", env={"INTERBAND_ROOT": str(tmp_path / "file")}, code=1).records
    assert record == {"where": str(tmp_path / "file"), "problem": "Not a directory"}
    assert run(shell, "check", env={"INTERBAND_ROOT": str(tmp_path / "none")}).err == "nothing is wrong\n"


def test_a_closed_channel_is_told(shell: Shell) -> None:
    """And what is wrong elsewhere is, too."""
    write(shell)
    run(shell, "write", "a", "b", "c", "--type", "t", "--payload", "{}")
    closed = shell.home / ".interband/a/b"
    closed.chmod(0)
    try:
        if os.access(closed, os.R_OK):
            pytest.skip("root may do everything")
        place(shell).write_text("{")
        records = run(shell, "check", code=1).records
        assert [Path(record["where"]).name for record in records] == ["b", "s1.json"]
        assert run(shell, "prune", "interphase", "--force").records
    finally:
        closed.chmod(0o700)


def test_an_empty_key_is_the_default(shell: Shell) -> None:
    """As in a shell whose session has no id."""
    write(shell, key="")
    assert run(shell, "path", "interphase", "bead", "").out == f"{place(shell, 'default')}\n"
    assert run(shell, "read", "interphase", "bead", "").records == [BEAD]


def test_changes_are_printed_as_they_come(shell: Shell) -> None:
    """Each content once; what was there before only with ``--all``; what cannot be read is told on standard error."""
    write(shell)
    silent = shell.start("interhost", "interband", "watch", "--every", "0.02")
    every = shell.start("interhost", "interband", "watch", "interphase", "bead", "--all", "--table", "--every", "0.02")
    for running in (silent, every):
        shell.until(lambda running=running: "stop with Ctrl-C" in running.done.err)  # type: ignore[misc]
    write(shell, key="s2")
    write(shell, {**BEAD, "phase": "done"}, key="s2")
    place(shell, "s3").write_text("{")
    shell.until(lambda: "s3.json" in silent.done.err and "s3.json" in every.done.err)
    for running in (silent, every):
        assert running.end(signal.SIGINT).code == 130
    seen = [(record["key"], record["envelope"]["payload"]["phase"]) for record in silent.done.records]
    assert seen[-1] == ("s2", "done")
    assert len(seen) == len(set(seen))
    assert "s1" not in {key for key, _ in seen}
    assert every.done.out.count("  interphase/bead  s1  ") == 1


def test_the_library_is_found(shell: Shell) -> None:
    """The published one, or ours where it is asked for; an override that cannot be used is told."""
    done = run(shell, "lib", code=1, env={"INTERBAND_LIB": "relative.sh"})
    assert "INTERBAND_LIB='relative.sh'" in done.err
    assert "lib --ours" in done.err
    ours = Path(run(shell, "lib", "--ours").out.strip())
    assert "interband_write()" in ours.read_text()
    published = shell.home / "interband/lib/interband.sh"
    published.parent.mkdir(parents=True)
    published.write_text("#\n")
    assert run(shell, "lib").out == f"{published}\n"
    assert run(shell, "lib", "--from", "..").out == f"{published}\n"
    assert run(shell, "lib", "--from", "/", code=1).out == ""
