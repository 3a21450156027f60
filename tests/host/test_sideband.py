"""``ctx.sideband``: reading, writing and noticing interband files, as an adapter does it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import SidebandError

from interhost.errors import InputError
from interhost.host.context import CursorMovedError, HostContext
from interhost.host.providers import Providers

if TYPE_CHECKING:
    from tests.conftest import Stage

BEAD = {"id": "wid-1", "phase": "planned", "reason": "p.md", "ts": 1}


@pytest.fixture(autouse=True)
def own_places(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of the test's user, and nobody's in /tmp."""
    monkeypatch.delenv("INTERBAND_ROOT", raising=False)
    monkeypatch.setenv("INTERBAND_LEGACY_DIR", str(stage.home))


def context(stage: Stage, adapter: str = "echo", *, backfill: bool = False) -> HostContext:
    return HostContext(adapter, stage.bus, stage.config(), Providers([], lambda *_: None), backfill=backfill)


def seen(ctx: HostContext) -> list[tuple[str, object]]:
    """What changed among the beads, and the look is stored."""
    found = [(one.key, one.payload["phase"]) for one in ctx.sideband.changed("interphase", "bead")]
    ctx.store()
    return found


def make_old(path: Path) -> None:
    moment = time.time() - 90_000
    os.utime(path, (moment, moment))


def test_what_is_written_is_read(stage: Stage) -> None:
    """At once, by the rules of the protocol; type and session are those of the known channel, or as given."""
    path = context(stage).sideband.write("interphase", "bead", "s/1", BEAD)
    assert path == stage.home / ".interband/interphase/bead/s_1.json"
    assert context(stage).sideband.read("interphase", "bead", "s/1") == BEAD
    envelope = json.loads(path.read_bytes())
    assert (envelope["type"], envelope["session_id"]) == ("bead_phase", "s/1")
    path = context(stage).sideband.write("echo", "line", "", {"n": 1}, kind="segment", session_id="s-2")
    envelope = json.loads(path.read_bytes())
    assert (path.name, envelope["type"], envelope["session_id"]) == ("default.json", "segment", "s-2")


@pytest.mark.parametrize(
    ("place", "payload", "reason"),
    [
        (("interphase", "bead", "s-1"), {**BEAD, "phase": "Planned"}, "key 'phase': expected one of"),
        (("..", "bead", "s-1"), BEAD, "expected a plain name"),
        (("echo", "line", "s-1"), {}, "say which type it carries"),
        (("interphase", "bead", "s-1"), {**BEAD, "x": float("nan")}, "cannot be written as JSON"),
        (("interphase", "bead", "folder"), BEAD, "Is a directory"),
    ],
)
def test_what_cannot_be_written_is_one_error(
    stage: Stage, place: tuple[str, str, str], payload: dict[str, object], reason: str
) -> None:
    """Whose text says why; what was there stays, and nothing is left beside it."""
    path = context(stage).sideband.write("interphase", "bead", "s-1", BEAD)
    (path.parent / "folder.json").mkdir()
    with pytest.raises(SidebandError, match=reason):
        context(stage).sideband.write(*place, payload)
    assert context(stage).sideband.read("interphase", "bead", "s-1") == BEAD
    assert {one.name for one in path.parent.iterdir()} == {"s-1.json", "folder.json", ".interband-prune.stamp"}


def test_without_a_root_nothing_is_done(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading and looking find nothing, writing says what is wrong, and the current directory stays as it is."""
    monkeypatch.chdir(stage.project)
    before = sorted(stage.project.iterdir())
    monkeypatch.setenv("INTERBAND_ROOT", "relative/path")
    sideband = context(stage).sideband
    assert (sideband.root, sideband.read("interphase", "bead", "s-1", fresh=True)) == (None, None)
    assert sideband.changed("interphase", "bead") == ()
    with pytest.raises(SidebandError, match="INTERBAND_ROOT='relative/path' is not an absolute path"):
        sideband.write("interphase", "bead", "s-1", BEAD)
    assert sorted(stage.project.iterdir()) == before


def test_yesterdays_file_is_not_fresh(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The retention of its channel decides, the user's own included; without ``fresh`` any age will do."""
    make_old(context(stage).sideband.write("interphase", "bead", "s-1", BEAD))
    assert context(stage).sideband.read("interphase", "bead", "s-1", fresh=True) is None
    assert context(stage).sideband.read("interphase", "bead", "s-1") == BEAD
    monkeypatch.setenv("INTERBAND_RETENTION_INTERPHASE_BEAD_SECS", "100000")
    assert context(stage).sideband.read("interphase", "bead", "s-1", fresh=True) == BEAD


def test_the_file_from_before_stands_in(stage: Stage) -> None:
    """Where there is no sideband, or no fresh one."""
    (stage.home / "clavain-bead-s-1.json").write_text(json.dumps({**BEAD, "id": "wid-0"}))
    assert context(stage).sideband.read("interphase", "bead", "s-1") == {**BEAD, "id": "wid-0"}
    make_old(context(stage).sideband.write("interphase", "bead", "s-1", BEAD))
    assert context(stage).sideband.read("interphase", "bead", "s-1") == BEAD
    assert context(stage).sideband.read("interphase", "bead", "s-1", fresh=True) == {**BEAD, "id": "wid-0"}


# Changes --------------------------------------------------------------------------------------------------------------


def test_every_content_is_reported_once(stage: Stage) -> None:
    """Over calls and contexts, to each adapter; within one call always the same."""
    sideband = context(stage).sideband
    assert seen(context(stage)) == []
    path = sideband.write("interphase", "bead", "s-1", BEAD)
    sideband.write("interphase", "bead", "s-2", BEAD)
    ctx = context(stage)
    first = ctx.sideband.changed("interphase", "bead")
    assert [(one.path.name, one.key, one.kind, one.session_id) for one in first] == [
        ("s-1.json", "s-1", "bead_phase", "s-1"),
        ("s-2.json", "s-2", "bead_phase", "s-2"),
    ]
    assert ctx.sideband.changed("interphase", "bead") is first
    assert ctx.sideband.changed("interphase", "other") == ()
    ctx.store()
    assert seen(context(stage)) == []
    path.write_bytes(path.read_bytes())
    assert seen(context(stage)) == []
    sideband.write("interphase", "bead", "s-1", {**BEAD, "phase": "done"})
    assert seen(context(stage)) == [("s-1", "done")]


def test_the_first_look_is_a_silent_baseline(stage: Stage) -> None:
    """What lies there when an adapter comes is no news, unless the user asked for it; a new channel has no baseline."""
    sideband = context(stage).sideband
    sideband.write("interphase", "bead", "s-1", BEAD)
    assert seen(context(stage)) == []
    assert seen(context(stage, "other", backfill=True)) == [("s-1", "planned")]
    assert context(stage, "third").sideband.changed("echo", "line") == ()


def test_a_look_that_is_not_stored_is_made_again(stage: Stage) -> None:
    """What an adapter failed over is reported once more; and of two hosts that look at once, one stores its look."""
    sideband = context(stage).sideband
    assert seen(context(stage)) == []
    sideband.write("interphase", "bead", "s-1", BEAD)
    slow, quick = context(stage), context(stage)
    for ctx in (slow, quick):
        assert [one.key for one in ctx.sideband.changed("interphase", "bead")] == ["s-1"]
    quick.store()
    with pytest.raises(CursorMovedError):
        slow.store()


def test_a_channel_that_is_gone_may_come_back_as_it_was(stage: Stage) -> None:
    """A disk that was not there for a moment makes nothing news."""
    sideband = context(stage).sideband
    seen(context(stage))
    folder = sideband.write("interphase", "bead", "s-1", BEAD).parent
    assert seen(context(stage)) == [("s-1", "planned")]
    folder.rename(folder.with_name("away"))
    assert seen(context(stage)) == []
    folder.with_name("away").rename(folder)
    assert seen(context(stage)) == []


def test_what_is_no_envelope_is_left_out(stage: Stage) -> None:
    """Until it is one; a name that leads elsewhere is the adapter's mistake."""
    folder = context(stage).sideband.write("interphase", "bead", "s-1", BEAD).parent
    seen(context(stage))
    (folder / "s-2.json").write_text("{")
    (folder / ".interband-tmp.x").write_text("{")
    assert seen(context(stage)) == []
    context(stage).sideband.write("interphase", "bead", "s-2", BEAD)
    assert seen(context(stage)) == [("s-2", "planned")]
    with pytest.raises(InputError, match="plain name"):
        context(stage).sideband.changed("..", "bead")
