"""Writing and reading sidebands: content, modes, ages, failures; and the files from before interband."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interhost.bus.resolve import resolve_context
from interhost.errors import InputError, PayloadError, StateError
from interhost.interband.find import find_sideband, read_payload
from interhost.interband.legacy import LegacyRoots, legacy_roots, read_legacy, write_legacy
from interhost.interband.paths import sideband_path
from interhost.interband.read import read_sideband
from interhost.interband.store import STAMP, read_file
from interhost.interband.write import Written, prune_channel, rewrite_sideband, write_sideband

BEAD: dict[str, Any] = {"id": "iv-1", "phase": "planned", "reason": "r", "ts": 1}
SIGNAL: dict[str, Any] = {
    "layer": "coordination",
    "icon": "lock",
    "text": "t",
    "priority": 3,
    "ts": "2026-02-17T12:00:00Z",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "interband"


@pytest.fixture
def plain_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def write(root: Path, payload: dict[str, Any] | None = None, key: str = "s1", **more: Any) -> Written:
    return write_sideband(root, "interphase", "bead", key, payload or BEAD, environ={}, **more)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {STAMP}


def test_a_sideband_is_written_as_the_specification_says(root: Path) -> None:
    """Type and session of a known channel are filled in; the file is one line of JSON."""
    written = write(root, now=1771329600)
    assert written.path == root / "interphase/bead/s1.json"
    assert json.loads(written.path.read_bytes()) == {
        "version": "1.0.0", "namespace": "interphase", "type": "bead_phase", "session_id": "s1",
        "timestamp": "2026-02-17T12:00:00Z", "payload": BEAD,
    }  # fmt: skip
    assert written.path.read_bytes().count(b"\n") == 1


@pytest.mark.usefixtures("plain_umask")
def test_only_the_user_can_read_what_is_written(root: Path) -> None:
    """Files are 0600 and folders 0700, under a wide umask and under one that would take everything away."""
    path = write(root).path
    for folder in (root, path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    os.umask(0o777)
    write(root)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_read_is_one_open(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked about the file by its name: between two questions it could be another one."""
    path, asked = write(root).path, []
    real = os.open

    def opened(name: str, *rest: Any) -> int:
        asked.append(("open", name))
        return real(name, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", opened)
        for question in ("stat", "lstat", "access", "readlink"):
            patch.setattr(os, question, lambda *_, **__: pytest.fail("asked by name"))
        read_file(str(path))
    assert asked == [("open", str(path))]


def test_a_refused_payload_changes_nothing(root: Path) -> None:
    """The old file stays as it is, and the error carries key, rule and value."""
    before = write(root).path.read_bytes()
    with pytest.raises(PayloadError, match=r"key 'phase': expected one of brainstorm.*, got \"reflect\"") as caught:
        write(root, {**BEAD, "phase": "reflect"})
    assert [(key, value) for key, _, value in caught.value.problems] == [("phase", '"reflect"')]
    for wrong in ({"id": float("nan")}, {"id": object()}):
        with pytest.raises(InputError):
            write(root, {**BEAD, **wrong})
    assert write(root, {**BEAD, "phase": "reflect"}, any_phase=True, key="s2").path.exists()
    assert (root / "interphase/bead/s1.json").read_bytes() == before
    assert names(root / "interphase/bead") == {"s1.json", "s2.json"}


def test_a_channel_nobody_knows_needs_a_type(root: Path) -> None:
    """It cannot be guessed; with one, any object will do."""
    with pytest.raises(InputError, match="a/b is not known: say which type it carries"):
        write_sideband(root, "a", "b", "c", {}, environ={})
    written = write_sideband(root, "a", "b", "c", {"any": [1]}, kind="t", session_id="s", environ={})
    assert written.envelope[1:4] == ("a", "t", "s")


def test_project_and_agent_are_kept_in_the_payload(root: Path) -> None:
    """Given as two parts they stand in the file, so that a dash in either does no harm."""
    written = write_sideband(root, "interlock", "coordination", ["my-app", "a-b"], SIGNAL, environ={})
    assert written.path.name == "my-app-a-b.json"
    assert written.envelope.payload == {**SIGNAL, "project": "my-app", "agent": "a-b"}
    assert written.envelope.session_id == ""


def test_a_rewrite_keeps_what_it_does_not_know(root: Path) -> None:
    """Unknown fields of envelope and payload stay, the version too; time and the changed keys are new."""
    path = write(root).path
    old = {
        "version": "1.7.2", "namespace": "interphase", "type": "bead_phase", "session_id": "other", "timestamp": 5,
        "payload": {**BEAD, "later": {"n": 10**30}}, "signature": ["x"],
    }  # fmt: skip
    path.write_text(json.dumps(old))
    rewrite_sideband(root, "interphase", "bead", "s1", {"phase": "done"}, environ={}, now=1771329600)
    assert json.loads(path.read_bytes()) == {
        **old, "timestamp": "2026-02-17T12:00:00Z", "payload": {**BEAD, "later": {"n": 10**30}, "phase": "done"},
    }  # fmt: skip


def test_a_rewrite_needs_something_that_can_be_read(root: Path) -> None:
    """There must be a file of version 1; one of version 2 is left alone."""
    with pytest.raises(InputError, match="no such sideband to change"):
        rewrite_sideband(root, "interphase", "bead", "s1", {}, environ={})
    path = write(root).path
    path.write_text('{"version":"2.0.0","payload":{}}')
    with pytest.raises(InputError, match="update interhost"):
        rewrite_sideband(root, "interphase", "bead", "s1", {}, environ={})
    assert path.read_text() == '{"version":"2.0.0","payload":{}}'


@settings(max_examples=40, deadline=None)  # a disk may be slow
@given(payload=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers() | st.booleans()))
def test_what_is_written_is_what_is_read(tmp_path_factory: pytest.TempPathFactory, payload: dict[str, Any]) -> None:
    """Through a real file, for any object."""
    root = tmp_path_factory.mktemp("any")
    written = write_sideband(root, "a", "b", "c", payload, kind="t", environ={})
    found = read_sideband(written.path, check=True)
    assert found
    assert found.envelope == written.envelope
    assert read_payload(root, "a", "b", "c") == payload


# Things in the way ---------------------------------------------------------------------------------------------------


def test_a_folder_in_place_of_the_file_is_named(root: Path) -> None:
    """It is not removed and nothing is put into it; nothing is left beside it either."""
    (root / "interphase/bead/s1.json").mkdir(parents=True)
    with pytest.raises(StateError, match=r"s1\.json: Is a directory"):
        write(root)
    with pytest.raises(InputError, match="not a regular file"):
        read_sideband(root / "interphase/bead/s1.json")
    assert names(root / "interphase/bead") == {"s1.json"}


def test_a_file_in_place_of_a_folder_is_named(root: Path) -> None:
    """For writing it is an error, for reading there is no such sideband."""
    root.mkdir()
    (root / "interphase").write_text("")
    with pytest.raises(StateError, match="Not a directory"):
        write(root)
    assert read_sideband(root / "interphase/bead/s1.json") is None


def test_a_pipe_is_refused_at_once(root: Path) -> None:
    """Nobody waits for whoever might write into it."""
    (root / "interphase/bead").mkdir(parents=True)
    os.mkfifo(root / "interphase/bead/s1.json")
    with pytest.raises(InputError, match="not a regular file"):
        read_sideband(root / "interphase/bead/s1.json")


def test_a_link_is_read_through_and_replaced(root: Path, tmp_path: Path) -> None:
    """Writing changes the link, never what it leads to; a link to nothing is no sideband."""
    path = write(root).path
    target = tmp_path / "target.json"
    target.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(target)
    assert read_sideband(path)
    write(root, {**BEAD, "phase": "done"})
    assert not path.is_symlink()
    assert json.loads(target.read_bytes())["payload"]["phase"] == "planned"
    path.unlink()
    path.symlink_to(tmp_path / "nothing")
    assert read_sideband(path) is None


def test_a_linked_channel_works_like_any_other(root: Path, tmp_path: Path) -> None:
    """The file is written, renamed and pruned where the link leads."""
    (tmp_path / "elsewhere").mkdir()
    (root / "interphase").mkdir(parents=True)
    (root / "interphase/bead").symlink_to(tmp_path / "elsewhere")
    os.utime(write(root, key="old").path, (1, 1))
    write(root)
    prune_channel(root, "interphase", "bead", force=True, environ={})
    assert names(tmp_path / "elsewhere") == {"s1.json"}
    assert read_payload(root, "interphase", "bead", "s1") == BEAD


def test_a_key_longer_than_a_file_name_is_named(root: Path) -> None:
    """It is what was given that is wrong."""
    with pytest.raises(InputError, match="longer than a file name can be"):
        write(root, key="x" * 300)
    with pytest.raises(InputError, match="longer than a file name can be"):
        read_sideband(sideband_path(root, "interphase", "bead", "x" * 300))


def test_a_write_prunes_its_channel_when_it_is_due(root: Path) -> None:
    """The first write and those after the interval; a retention that is no number cannot remove what was written."""
    first = write(root, key="old").path
    os.utime(first, (1, 1))
    assert write(root, key="two").pruned == 0
    os.utime(first.parent / STAMP, (1, 1))
    assert write(root, key="three").pruned == 1
    assert names(first.parent) == {"two.json", "three.json"}
    strange = {"INTERBAND_PRUNE_INTERVAL_SECS": "0", "INTERBAND_MAX_FILES": "0", "INTERBAND_RETENTION_SECS": "-1"}
    write_sideband(root, "interphase", "bead", "four", BEAD, environ=strange)
    assert len(names(first.parent)) == 3


def test_pruning_that_fails_does_not_fail_the_write(root: Path) -> None:
    """The file is there; what is old stays until the stamp can be written again."""
    path = write(root).path
    (path.parent / STAMP).unlink()
    (path.parent / STAMP).mkdir()
    assert write(root, {**BEAD, "phase": "done"}).pruned == 0
    assert read_payload(root, "interphase", "bead", "s1") == {**BEAD, "phase": "done"}
    with pytest.raises(StateError, match="Is a directory"):
        prune_channel(root, "interphase", "bead", force=True, environ={})


# Age -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "fresh"), [(0, True), (59, True), (62, False), (-30, True), (-90, False)])
def test_what_is_too_old_is_not_fresh(root: Path, age: int, fresh: bool) -> None:
    """Nor what is more than a minute from the future: nobody can say how old that is."""
    path = write(root).path
    moment = time.time() - age
    os.utime(path, (moment, moment))
    found = read_sideband(path)
    assert found
    assert found.is_fresh(60) is fresh
    assert (read_payload(root, "interphase", "bead", "s1", max_age=60) == BEAD) is fresh
    assert read_payload(root, "interphase", "bead", "s1") == BEAD


def test_nobody_takes_yesterdays_bead_for_todays(tmp_path: Path) -> None:
    """A fact is about the bead of its session as long as the channel keeps the file; the user may keep it longer."""
    path = write(tmp_path / ".interband").path

    def context(**environ: str) -> str:
        found = {"environ": environ, "artifact": None, "session_id": "s1", "project": tmp_path, "home": tmp_path}
        return resolve_context(**found)  # type: ignore[arg-type]

    assert context() == "iv-1"
    os.utime(path, (time.time() - 90_000, time.time() - 90_000))
    assert context() == f"project:{tmp_path.name}"
    assert context(INTERBAND_RETENTION_SECS="100000") == "iv-1"
    assert context(INTERBAND_RETENTION_SECS="100000", INTERBAND_ROOT="relative") == f"project:{tmp_path.name}"


# From before interband -----------------------------------------------------------------------------------------------


@pytest.fixture
def old(tmp_path: Path) -> LegacyRoots:
    roots = LegacyRoots(tmp_path / "tmp", tmp_path / "signals")
    for folder in roots:
        folder.mkdir()
    return roots


def test_old_places_can_be_set() -> None:
    """They are those of the programs that write there; a relative one is an error."""
    assert legacy_roots({}) == (Path("/tmp"), Path("/var/run/intermute/signals"))
    assert legacy_roots({"INTERBAND_LEGACY_DIR": "/a", "INTERLOCK_SIGNAL_DIR": "/b"}) == (Path("/a"), Path("/b"))
    for variable in ("INTERBAND_LEGACY_DIR", "INTERLOCK_SIGNAL_DIR"):
        with pytest.raises(StateError, match=f"{variable}='x' is not an absolute path"):
            legacy_roots({variable: "x"})


def test_an_old_bead_is_read_as_a_sideband(old: LegacyRoots) -> None:
    """The bare payload gets an envelope; its time is the file's."""
    (old.folder / "clavain-bead-s1.json").write_text(json.dumps({**BEAD, "phase": "reflect"}))
    os.utime(old.folder / "clavain-bead-s1.json", (1771329600, 1771329600))
    found = read_legacy(old, "interphase", "bead", "s1", check=True, now=1771329700)
    assert found
    assert found.legacy
    assert found.age == 100
    assert found.envelope[1:5] == ("interphase", "bead_phase", "s1", "2026-02-17T12:00:00Z")
    assert found.envelope.payload["phase"] == "reflect"
    assert read_legacy(old, "interphase", "bead", "s2") is None
    assert read_legacy(old, "intercheck", "pressure", "s1") is None


def test_an_old_file_of_somebody_else_is_not_believed(old: LegacyRoots, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may write to /tmp."""
    (old.folder / "clavain-dispatch-7.json").write_text("{}")
    assert read_legacy(old, "clavain", "dispatch", "7")
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    with pytest.raises(InputError, match="belongs to user"):
        read_legacy(old, "clavain", "dispatch", "7")


def test_the_file_from_before_stands_in_for_a_sideband(root: Path, old: LegacyRoots) -> None:
    """Where there is none, or where it is fresh and the sideband is not; for whoever asks, the host included."""
    environ = {"INTERBAND_LEGACY_DIR": str(old.folder)}
    before = old.folder / "clavain-bead-s1.json"

    def found(max_age: float | None = None) -> object:
        payload = read_payload(root, "interphase", "bead", "s1", max_age=max_age, environ=environ)
        return payload and payload["id"]

    assert found() is None
    before.write_text(json.dumps({**BEAD, "id": "iv-old"}))
    assert found() == found(60) == "iv-old"
    session = {"artifact": None, "session_id": "s1", "project": root.parent, "home": root.parent}
    assert resolve_context(environ={**environ, "INTERBAND_ROOT": str(root)}, **session) == "iv-old"  # type: ignore[arg-type]
    path = write(root).path
    assert found() == found(60) == "iv-1"
    os.utime(path, (1, 1))
    assert (found(), found(60)) == ("iv-1", "iv-old")
    os.utime(before, (1, 1))
    assert (found(), found(60)) == ("iv-1", None)
    old_one = find_sideband(root, "interphase", "bead", "s1", legacy=old, max_age=60)
    assert old_one
    assert old_one.path == path


def test_the_file_from_before_is_no_way_around_one_that_cannot_be_read(root: Path, old: LegacyRoots) -> None:
    """Of a later version, or damaged: it is what the writer meant to say last."""
    path = write(root).path
    (old.folder / "clavain-bead-s1.json").write_text(json.dumps(BEAD))
    for text in ('{"version":"2.0.0","payload":{}}', "{"):
        path.write_text(text)
        with pytest.raises(InputError):
            find_sideband(root, "interphase", "bead", "s1", legacy=old)
        environ = {"INTERBAND_LEGACY_DIR": str(old.folder)}
        assert read_payload(root, "interphase", "bead", "s1", environ=environ) is None
    for name in ("", "relative"):
        assert read_payload(root, "..", "bead", "s1", environ={"INTERBAND_LEGACY_DIR": name}) is None


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.jsonl")
    return folder


def test_the_last_complete_signal_counts(old: LegacyRoots) -> None:
    """Not one that is being written, not one that was torn; a file without any is refused."""
    path = old.signals / "app-agent.jsonl"
    lines = [json.dumps({"version": 1, **SIGNAL, "text": text}) for text in ("one", "two", "three")]
    path.write_text(f"{lines[0]}\n{lines[1]}\n{lines[2][:20]}\nnot json\n{lines[2]}")
    found = read_legacy(old, "interlock", "coordination", "app-agent", check=True)
    assert found
    assert found.envelope.payload["text"] == "two"
    path.write_text(lines[0])
    with pytest.raises(InputError, match="not a regular file"):
        read_legacy(LegacyRoots(old.folder, _pipe(old.signals)), "interlock", "coordination", "pipe")
    with pytest.raises(InputError, match="no line of it is a complete JSON object"):
        read_legacy(old, "interlock", "coordination", "app-agent")


def test_only_the_end_of_a_long_signal_file_is_read(old: LegacyRoots) -> None:
    """It grows for as long as the service runs."""
    line = json.dumps({**SIGNAL, "text": "x" * 1000})
    (old.signals / "a-b.jsonl").write_text(f"{line}\n" * 2000 + json.dumps(SIGNAL) + "\n")
    found = read_legacy(old, "interlock", "coordination", "a-b")
    assert found
    assert found.envelope.payload == SIGNAL


def test_both_are_written_where_asked(root: Path, old: LegacyRoots) -> None:
    """The bare payload to the old place, and one more line of signals; readers of either see the same."""
    assert write_legacy(old, write(root)) == old.folder / "clavain-bead-s1.json"
    assert json.loads((old.folder / "clavain-bead-s1.json").read_bytes()) == BEAD
    for text in ("one", "two"):
        written = write_sideband(root, "interlock", "coordination", "a-b", {**SIGNAL, "text": text}, environ={})
        path = write_legacy(old, written)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [{"version": 1, **SIGNAL, "text": text} for text in ("one", "two")]
    found = read_legacy(old, "interlock", "coordination", "a-b")
    assert found
    assert found.envelope.payload == lines[1]


def test_a_signal_is_a_line_of_its_own(root: Path, old: LegacyRoots) -> None:
    """Also after one that a killed writer has left without its end; a pipe is refused and not waited for."""
    (old.signals / "a-b.jsonl").write_text('{"layer":')
    written = write_sideband(root, "interlock", "coordination", "a-b", SIGNAL, environ={})
    path = write_legacy(old, written)
    assert path.read_text().splitlines()[0] == '{"layer":'
    found = read_legacy(old, "interlock", "coordination", "a-b")
    assert found
    assert found.envelope.payload == {"version": 1, **SIGNAL}
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StateError, match="not a regular file"):
        write_legacy(old, written)


def test_a_second_place_that_cannot_be_written_is_named(root: Path, old: LegacyRoots) -> None:
    """The sideband is written all the same; a channel that never had another place is refused."""
    written = write_sideband(root, "interlock", "coordination", "a-b", SIGNAL, environ={})
    old.signals.rmdir()
    with pytest.raises(StateError, match=r"a-b\.jsonl: No such file or directory"):
        write_legacy(old, written)
    with pytest.raises(InputError, match="never had files from before interband"):
        write_legacy(old, write_sideband(root, "a", "b", "c", {}, kind="t", environ={}))
