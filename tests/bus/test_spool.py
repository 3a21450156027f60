"""The spool: what shells leave behind becomes events, each once, and what never can is kept with its reason."""

from __future__ import annotations

import json
import os
import stat
import time
from functools import partial
from pathlib import Path

import pytest

from interhost.bus import spool, spool_file
from interhost.bus.bus import Bus
from interhost.bus.compose import compose
from interhost.bus.envelope import Envelope
from interhost.bus.ids import new_id
from interhost.bus.lock import FileLock
from interhost.bus.log import Query
from interhost.bus.payload import MAX_BYTES
from interhost.bus.spool import Drained, drain_spool, rejected_files, spool_envelope

fact = partial(compose, intent="notify", payload='{"text": "x"}', context_id="iv-a1", producer="cli", door="cli")


def nobody() -> set[str]:
    """No adapter is installed."""
    return set()


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bus:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    bus = Bus(tmp_path / "state")
    (bus.root / "spool" / "new").mkdir(parents=True, mode=0o700)
    return bus


def new(bus: Bus) -> Path:
    return bus.root / "spool" / "new"


def drop(bus: Bus, text: str | bytes, name: str | None = None, age: float = 0.0) -> Path:
    """A file in the spool, as anybody might leave it."""
    path = new(bus) / (name or new_id())
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def head(**fields: object) -> str:
    return json.dumps({"intent": "notify@1.0", "context_id": "iv-a1", **fields})


def draft(payload: str = '{"text": "x"}', **fields: object) -> str:
    return f"{head(**fields)}\n{payload}\n"


def stored(bus: Bus) -> list[Envelope]:
    return [one.envelope for one in bus.log.read(Query())]


def why(bus: Bus) -> str:
    """The reason of the only file that was set aside."""
    ((_, reason),) = rejected_files(bus.root)
    return reason


# The way in ----------------------------------------------------------------------------------------------------------


def test_an_envelope_goes_in_and_comes_out(bus: Bus, tmp_path: Path) -> None:
    """Everything a publisher said arrives, the payload in its own words; only the door tells how it came."""
    envelope = fact(
        payload='{"text":  "zwei\u2028 Zeilen", "x": 1.50}',
        artifact_path="docs/a.md",
        severity="warn",
        consumers=("board",),
        source_hook="PostToolUse:Write",
        project_dir=tmp_path,
        session_id="s-1",
        dedupe_key="k-1",
        extensions={"prompt_id": "p"},
    )
    path = spool_envelope(bus.root, envelope)
    assert (path.parent, path.name) == (new(bus), envelope.event_id)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert drain_spool(bus, nobody) == Drained(1, 0, 0)
    assert not path.exists()
    assert stored(bus) == [envelope._replace(extensions={**envelope.extensions, "door": "spool"})]


def test_the_format_is_two_lines(bus: Bus) -> None:
    """A line with the draft and one with the payload, whatever newlines stood between the payload's tokens."""
    path = spool_envelope(bus.root, fact(payload='{"text":\r\n"x"\n}'))
    first, second, rest = path.read_bytes().split(b"\n")
    assert json.loads(first)["event_id"] == path.name
    assert (json.loads(second), rest) == ({"text": "x"}, b"")


def test_a_spool_that_is_not_there_is_empty(tmp_path: Path) -> None:
    """Draining creates nothing."""
    with Bus(tmp_path / "state") as bus:
        assert drain_spool(bus, nobody) == Drained(0, 0, 0)
        assert not (bus.root / "spool").exists()
        assert rejected_files(bus.root) == []


def test_an_id_is_spooled_once(bus: Bus) -> None:
    """A second file of the same id is refused, and the first one keeps its content."""
    path = spool_envelope(bus.root, fact(event_id=(event_id := new_id())))
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        spool_envelope(bus.root, fact(event_id=event_id, payload='{"text": "other"}'))
    assert path.read_bytes() == before


def test_a_file_that_cannot_be_finished_is_not_left_behind(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever spools is told that it failed; then nobody must find half of it later."""

    class FullDisk:
        def __init__(self, fd: int, *_: object, **__: object) -> None:
            os.close(fd)

        def __enter__(self) -> FullDisk:
            return self

        def __exit__(self, *_: object) -> None:
            raise OSError(28, "No space left on device")

        def write(self, _: str) -> None:
            pass

    monkeypatch.setattr(spool, "open", FullDisk, raising=False)
    with pytest.raises(OSError, match="No space"):
        spool_envelope(bus.root, fact())
    assert list(new(bus).iterdir()) == []


def test_files_are_stored_in_the_order_of_their_names(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Across batches, whatever order they were written in."""
    monkeypatch.setattr(spool, "BATCH", 3)
    names = sorted(new_id() for _ in range(10))
    for name in (*names[5:], *names[:5]):
        drop(bus, draft(), name)
    assert drain_spool(bus, nobody) == Drained(10, 0, 0)
    assert [one.event_id for one in stored(bus)] == names


def test_a_batch_is_one_commit(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven files in batches of three wake the waiting three times, not seven."""
    monkeypatch.setattr(spool, "BATCH", 3)
    woken: list[int] = []
    monkeypatch.setattr(bus.database, "wake", lambda: woken.append(bus.log.end()))
    for _ in range(7):
        drop(bus, draft())
    drain_spool(bus, nobody)
    assert woken == [3, 6, 7]


def test_only_one_drains_at_a_time(bus: Bus) -> None:
    """While somebody holds the spool's lock, the others say how many wait and touch nothing."""
    drop(bus, draft())
    drop(bus, draft())
    lock = FileLock(bus.root / "spool.lock")
    with lock:
        assert drain_spool(bus, nobody) == Drained(0, 0, 2)
        assert len(list(new(bus).iterdir())) == 2
    lock.close()
    assert drain_spool(bus, nobody) == Drained(2, 0, 0)


# Unfinished ----------------------------------------------------------------------------------------------------------

UNFINISHED = ["", head(), head() + "\n", head() + '\n{"text"', draft()[:-1]]


@pytest.mark.parametrize("text", UNFINISHED)
def test_a_young_unfinished_file_is_left_alone(bus: Bus, text: str) -> None:
    """Its writer may be at it right now; once it is complete it is drained."""
    path = drop(bus, text)
    assert drain_spool(bus, nobody) == Drained(0, 0, 1)
    assert path.read_text() == text
    path.write_text(draft())
    assert drain_spool(bus, nobody) == Drained(1, 0, 0)


@pytest.mark.parametrize("text", UNFINISHED)
def test_an_old_unfinished_file_is_set_aside(bus: Bus, text: str) -> None:
    """After a minute its writer is not coming back."""
    path = drop(bus, text, age=spool_file.UNFINISHED_SECONDS + 1)
    assert drain_spool(bus, nobody) == Drained(0, 1, 0)
    assert "unfinished for more than 60 s" in why(bus)
    assert (bus.root / "spool" / "rejected" / path.name).read_text() == text


def test_a_file_that_vanishes_is_nobodys_loss(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between listing and reading somebody removed it: nothing is stored and nothing is rejected."""
    monkeypatch.setattr(spool, "_names", lambda root: ["01ARZ3NDEKTSV4RRFFQ69G5FAV"])
    assert drain_spool(bus, nobody) == Drained(0, 0, 1)
    assert rejected_files(bus.root) == []


# What can never become an event --------------------------------------------------------------------------------------

REJECTS: dict[str, tuple[str | bytes, str]] = {
    "not JSON": ("nonsense\n{}\n", "first line: not JSON"),
    "not an object": ("[]\n{}\n", "first line: expected a JSON object"),
    "extensions": (draft(extensions=[]), "first line: expected a JSON object"),
    "consumers": (draft(consumers="board"), "key 'consumers': expected a list"),
    "a consumer": (draft(consumers=["No Name"]), "adapter name 'No Name'"),
    "other id": (draft(event_id="01ARZ3NDEKTSV4RRFFQ69G5FAV"), "is not its name"),
    "no intent": ('{"context_id": "iv-a1"}\n{}\n', "intent 'None'"),
    "bad intent": (draft(intent="Notify!"), "intent 'Notify!'"),
    "payload not JSON": (draft("{"), "payload: not JSON"),
    "payload no object": (draft("[]"), "payload: expected a JSON object"),
    "payload unfit": (draft("{}"), "key 'text': missing"),
    "payload too many lines": (draft('{"text": "x"}\n{}'), "more than two lines"),
    "severity": (draft(severity="loud"), "severity 'loud'"),
    "context": (draft(context_id="a\nb"), "context"),
    "deep": (f'{head()[:-1]}, "x": {"[" * 100_000}\n{{}}\n', "first line: not JSON"),
    "not finite": (draft(extensions={"x": float("nan")}), "extensions: not JSON"),
    "binary": (b"\xff\xfe\n{}\n", "not valid UTF-8 at byte 0"),
    "too large": (b"x" * (MAX_BYTES + 70_000), "the limit of a payload is"),
    "large payload": (draft(json.dumps({"text": "x" * MAX_BYTES})), "the limit is"),
    "relative project": (draft(extensions={"project_dir": "widgets"}), "project_dir 'widgets'"),
    "relative artifact": (draft(artifact_path="docs/a.md"), "artifact_path 'docs/a.md' is relative"),
    "no UTF-8": (draft(extensions={"caused_by": "\ud800"}), "extensions: not JSON"),
    "impossible time": (draft(extensions={"occurred_at": "0001-01-01T00:00:00+23:59"}), "occurred_at"),
}


@pytest.mark.parametrize("what", REJECTS)
def test_what_can_never_be_an_event_is_kept_with_its_reason(bus: Bus, what: str) -> None:
    """It goes to ``spool/rejected``, byte for byte, a ``.why`` beside it; what is valid is stored all the same."""
    data, reason = REJECTS[what]
    before, after = drop(bus, draft()), None
    path = drop(bus, data)
    after = drop(bus, draft())
    assert drain_spool(bus, nobody) == Drained(2, 1, 0)
    assert [one.event_id for one in stored(bus)] == [before.name, after.name]
    assert reason in why(bus)
    kept = bus.root / "spool" / "rejected" / path.name
    assert kept.read_bytes() == (data.encode() if isinstance(data, str) else data)
    assert (kept.parent / f"{path.name}.why").read_text() == f"{why(bus)}\n"
    assert list(new(bus).iterdir()) == []


def test_a_name_that_is_no_id_is_set_aside(bus: Bus) -> None:
    """Also one that only looks like an id, and one of a time that no calendar has."""
    for name in ("note.json", "01arz3ndektsv4rrffq69g5fav", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"):
        drop(bus, draft(), name)
    assert drain_spool(bus, nobody) == Drained(0, 3, 0)
    assert sorted(path.name for path, _ in rejected_files(bus.root)) == sorted(
        ("note.json", "01arz3ndektsv4rrffq69g5fav", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ")
    )


@pytest.mark.parametrize("what", ["directory", "FIFO", "symlink", "dangling"])
def test_only_regular_files_are_read(bus: Bus, tmp_path: Path, what: str) -> None:
    """Nothing is followed out of the spool, and nothing makes the drain wait or fail; the thing itself is moved."""
    path = new(bus) / new_id()
    secret = tmp_path / "secret"
    secret.write_text(draft('{"text": "secret"}'))
    if what == "directory":
        path.mkdir()
        (path / "inside").write_text("x")
    elif what == "FIFO":
        os.mkfifo(path)
    else:
        path.symlink_to(secret if what == "symlink" else tmp_path / "nowhere")
    good = drop(bus, draft())
    descriptors = len(os.listdir("/dev/fd"))
    assert drain_spool(bus, nobody) == Drained(1, 1, 0)
    assert len(os.listdir("/dev/fd")) == descriptors
    assert [one.event_id for one in stored(bus)] == [good.name]
    assert os.path.lexists(bus.root / "spool" / "rejected" / path.name)
    assert "cannot be read" in why(bus) or "not a regular file" in why(bus)
    assert secret.exists()


def test_a_second_reject_of_one_name_keeps_both(bus: Bus) -> None:
    """Somebody corrected it wrongly and put it back: the first try is not overwritten."""
    name = new_id()
    for text in ("first\n\n", "second\n\n"):
        drop(bus, text, name)
        assert drain_spool(bus, nobody).rejected == 1
    assert sorted(path.read_text() for path, _ in rejected_files(bus.root)) == ["first\n\n", "second\n\n"]


def test_a_reject_that_cannot_be_moved_stops_nobody(bus: Bus) -> None:
    """There is no room for its reason: the file stays where it is, and the others are stored."""
    (bus.root / "spool" / "rejected").write_text("in the way")
    bad, good = drop(bus, "nonsense\n\n"), drop(bus, draft())
    assert drain_spool(bus, nobody).stored == 1
    assert [one.event_id for one in stored(bus)] == [good.name]
    assert bad.exists()


# What the host decides -----------------------------------------------------------------------------------------------


def test_an_id_that_is_stored_already_is_the_same_event(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drain that was killed before it removed the file: whatever would be resolved differently by now, once."""
    path = drop(bus, draft(context_id=None, producer="board"))
    text = path.read_text()
    drain_spool(bus, lambda: {"board"})
    (first,) = stored(bus)
    drop(bus, text, path.name)
    monkeypatch.setattr(spool_file, "resolve_context", lambda **_: "iv-other")
    assert drain_spool(bus, nobody) == Drained(1, 0, 0)
    assert stored(bus) == [first]
    assert list(new(bus).iterdir()) == []


@pytest.mark.parametrize("text", [draft('{"text": "other"}'), draft(intent="module.other@1.0")])
def test_an_id_that_is_stored_with_another_content_is_set_aside(bus: Bus, text: str) -> None:
    """Neither overwritten nor thrown away."""
    path = drop(bus, draft())
    drain_spool(bus, nobody)
    (first,) = stored(bus)
    drop(bus, text, path.name)
    assert drain_spool(bus, nobody) == Drained(0, 1, 0)
    assert "another content" in why(bus)
    assert stored(bus) == [first]


def test_two_files_of_one_fact_are_one_event(bus: Bus) -> None:
    """The natural key counts here as everywhere, and both files go."""
    for _ in range(2):
        drop(bus, draft(extensions={"dedupe_key": "ic:1"}))
    assert drain_spool(bus, nobody) == Drained(2, 0, 0)
    assert len(stored(bus)) == 1
    assert list(new(bus).iterdir()) == []


@pytest.mark.parametrize(
    ("claim", "installed", "producer"),
    [
        ("board", {"board"}, "board"),
        ("board", {"other"}, "shell"),
        ("cli", set(), "cli"),
        (None, {"board"}, "shell"),
        (["board"], {"board"}, "shell"),
        ("", {"board"}, "shell"),
    ],
)
def test_a_producers_claim_is_believed_of_adapters_only(
    bus: Bus, claim: object, installed: set[str], producer: str
) -> None:
    """A shell may say who it is; anybody else is ``shell``."""
    drop(bus, draft(producer=claim))
    drain_spool(bus, lambda: installed)
    assert [one.producer for one in stored(bus)] == [producer]


def test_the_context_is_found_out_at_ingest(bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the draft's own project and artifact, never from the session that happens to drain."""
    monkeypatch.setenv("CLAVAIN_BEAD_ID", "wrong-1")
    project = tmp_path / "widgets"
    (project / ".git").mkdir(parents=True)
    (project / "a.md").write_text("**Bead:** iv-b2\n")
    drop(bus, draft(context_id=None, artifact_path="a.md", extensions={"project_dir": str(project)}))
    drop(bus, draft(context_id="", extensions={"project_dir": str(project)}))
    drop(bus, draft(context_id="iv-c3", artifact_path=str(project / "a.md")))
    assert drain_spool(bus, nobody) == Drained(3, 0, 0)
    assert [one.context_id for one in stored(bus)] == ["iv-b2", "project:widgets", "iv-c3"]
    assert stored(bus)[0].artifact_path == str(project / "a.md")


def test_a_fact_happened_when_its_id_was_made(bus: Bus) -> None:
    """Unless the draft says a time that can be understood."""
    name = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    drop(bus, draft(), name)
    drop(bus, draft(extensions={"occurred_at": "2026-11-20T10:00:00+01:00"}))
    drop(bus, draft(extensions={"occurred_at": "yesterday"}), unclear := "01ARZ3NDEKTSV4RRFFQ69G5FAW")
    drain_spool(bus, nobody)
    times = {one.event_id: one.extensions["occurred_at"] for one in stored(bus)}
    assert times.pop(name) == times.pop(unclear) == "2016-07-30T23:54:10.259Z"
    assert list(times.values()) == ["2026-11-20T09:00:00.000Z"]


def test_a_smaller_limit_counts_at_ingest(bus: Bus) -> None:
    """The user's limit holds at every door."""
    drop(bus, draft(json.dumps({"text": "x" * 200})))
    assert drain_spool(bus, nobody, limit=100) == Drained(0, 1, 0)
    assert "the limit is 100" in why(bus)


def test_reasons_are_listed_by_name(bus: Bus) -> None:
    """For doctor: each file with its reason, in the order of their names."""
    names = [drop(bus, f"{number}\n\n").name for number in range(3)]
    drain_spool(bus, nobody)
    listed = rejected_files(bus.root)
    assert [path.name for path, _ in listed] == names
    assert all(reason.startswith("first line: ") for _, reason in listed)
