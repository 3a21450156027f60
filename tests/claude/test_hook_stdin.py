"""Standard input of a hook: pipes that are never closed, come slowly, or hold something else than one event."""

from __future__ import annotations

import json
import os
import pty
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from interhost.bus.hook_record import list_records
from interhost.claude.stdin import read_document

if TYPE_CHECKING:
    from pathlib import Path

    from tests.claude_kit import Claude

WHY = "expected one JSON object with a text under 'hook_event_name'"


@pytest.fixture
def recording(claude: Claude) -> Iterator[Claude]:
    """Every event is observed, and no worker takes the records away."""
    claude.adapter("board")
    claude.write_index()
    with claude.no_worker():
        yield claude


@contextmanager
def _pipe(*chunks: bytes, pause: float = 0.0, close: bool = True) -> Iterator[int]:
    """The reading end of a pipe that somebody fills in pieces."""
    reader, writer = os.pipe()

    def fill() -> None:
        for chunk in chunks:
            os.write(writer, chunk)
            time.sleep(pause)
        if close:
            os.close(writer)

    thread = threading.Thread(target=fill)
    thread.start()
    try:
        yield reader
    finally:
        thread.join()
        os.close(reader)
        if not close:
            os.close(writer)


OPEN = {
    "with newline": (b'{"hook_event_name": "Stop"}\n', {"hook_event_name": "Stop"}),
    "without newline": (b'{"hook_event_name": "Stop"}', {"hook_event_name": "Stop"}),
    "two documents": (b'{"n": 1}\n{"n": 2}\n', {"n": 1}),
    "a whole and a half": (b'{"n": 1}\n{"n": ', {"n": 1}),
    "noise behind": (b'{"n": 1}\nDone.\n', {"n": 1}),
    "byte order mark": (b'\xef\xbb\xbf{"n": 1}', {"n": 1}),
    "spaces around": (b' \r\n\t {"n": 1} \r\n ', {"n": 1}),
    "control characters": (b'{"n": "a\x01b\nc"}', {"n": "a\x01b\nc"}),
    "an array": (b'[{"n": 1}]\n', [{"n": 1}]),
    "half": (b'{"n": {"m": 1}', None),
    "nothing": (b"", None),
    "text": (b"hello\n", None),
}


@pytest.mark.parametrize("way", OPEN)
@pytest.mark.parametrize("close", [True, False], ids=["closed", "never closed"])
def test_a_document_is_found_whether_or_not_the_pipe_is_closed(way: str, close: bool) -> None:
    """The first whole value counts and nothing is needed behind it; where there is none, the text is what came."""
    given, expected = OPEN[way]
    with _pipe(given, close=close) as reader:
        text, found = read_document(reader, first=0.1, following=0.1)
    assert found == expected
    if expected is None:
        assert text == given.decode().strip()
    else:
        assert text in given.decode("utf-8-sig")
        assert json.loads(text, strict=False) == expected


def test_a_document_ends_the_reading_at_once() -> None:
    """Without waiting for more, however long that would be allowed."""
    begin = time.monotonic()
    with _pipe(b'{"hook_event_name": "Stop"}\n', close=False) as reader:
        read_document(reader, first=30.0, following=30.0)
    assert time.monotonic() - begin < 10


def test_a_beginning_is_waited_for_longer_than_nothing() -> None:
    """What comes slowly is not cut: each further byte has its own time."""
    document = json.dumps({"prompt": "zwölf Boxkämpfer 🥊 }{", "n": list(range(9))}, ensure_ascii=False).encode()
    pieces = [document[place : place + 7] for place in range(0, len(document), 7)]
    with _pipe(*pieces, pause=0.03, close=False) as reader:
        begin = time.monotonic()
        _, found = read_document(reader, first=5.0, following=5.0)
    assert time.monotonic() - begin > 0.03 * (len(pieces) - 1)
    assert isinstance(found, dict)
    assert found["prompt"] == "zwölf Boxkämpfer 🥊 }{"


def test_a_long_document_is_not_read_in_square_time() -> None:
    """8 MB in which every piece ends like a document: it is looked at anew only a bounded number of times."""
    document = b'{"n": "' + b"}" * (8 << 20) + b'"}'
    done = threading.Event()
    reader, writer = os.pipe()

    def fill() -> None:
        view = memoryview(document)
        while view:
            view = view[os.write(writer, view) :]
        done.set()

    thread = threading.Thread(target=fill)
    thread.start()
    begin = time.monotonic()
    text, found = read_document(reader, first=5.0, following=5.0)
    took = time.monotonic() - begin
    thread.join()
    os.close(reader)
    os.close(writer)
    assert isinstance(found, dict)
    assert len(text) == len(document)
    assert took < 4.0


# As a process --------------------------------------------------------------------------------------------------------


def test_pipes_that_are_never_closed_stop_nobody(recording: Claude) -> None:
    """A whole event is recorded at once; where nothing comes, the hook ends after seconds; exit 0, always."""
    event = json.dumps(recording.event("PreToolUse", tool_name="Bash")).encode()
    sent = {"event": event, "newline": event.replace(b"Bash", b"Edit") + b"\n", "none": b""}
    begin = time.monotonic()
    hooks = {name: recording.start() for name in sent}
    for name, hook in hooks.items():
        assert hook.stdin
        hook.stdin.write(sent[name])
        hook.stdin.flush()
    took = {}
    for name in ("event", "newline", "none"):
        hook = hooks[name]
        assert hook.wait(20) == 0
        took[name] = time.monotonic() - begin
        assert hook.stdout
        assert hook.stdout.read() == b""
    assert took["event"] < 2
    assert took["newline"] < 2
    assert 2 < took["none"] < 8
    assert {document["tool_name"] for _, document in recording.records()} == {"Bash", "Edit"}
    assert recording.rejected() == {}


def test_slow_pieces_are_put_together(recording: Claude) -> None:
    """An event that comes in small pieces, cut within characters, is recorded as a whole."""
    document = recording.event("UserPromptSubmit", prompt="Größe 🧵 {}}", prompt_id="p-7")
    data = json.dumps(document, ensure_ascii=False).encode()
    hook = recording.start()
    assert hook.stdin
    for place in range(0, len(data), 9):
        hook.stdin.write(data[place : place + 9])
        hook.stdin.flush()
        time.sleep(0.01)
    assert hook.wait(20) == 0
    assert [one for _, one in recording.records()] == [document]


def test_empty_input_is_no_event(claude: Claude) -> None:
    """Nothing, spaces or a lone byte order mark: exit 0, no output, no record."""
    for data in (b"", b"\n", b"  \t\r\n", b"\xef\xbb\xbf"):
        claude.hook(data).quietly()
    assert claude.records() == []
    assert not claude.root.exists() or not claude.rejected()


def test_two_documents_are_one_event(recording: Claude) -> None:
    """The first counts; the second neither joins it nor spoils it."""
    first, second = recording.event("Stop", n=1), recording.event("Stop", n=2)
    recording.hook(f"{json.dumps(first)}\n{json.dumps(second)}\n".encode()).quietly()
    assert [one for _, one in recording.records()] == [first]


def test_a_megabyte_is_an_event(recording: Claude) -> None:
    """A file's whole content in a tool's input, and an answer as long: recorded and shown without a byte missing."""
    content = ('Zeile mit Ümläuten und "Klammern" {}[]\n' * 26_000)[: 1 << 20]
    event = recording.event("PostToolUse", tool_name="Write", tool_input={"content": content})
    recording.hook(event).quietly()
    assert [one for _, one in recording.records()] == [event]


def test_what_is_not_utf8_is_replaced(recording: Claude) -> None:
    """Bytes of another encoding become marks; the event is recorded, and shown to the adapter."""
    data = json.dumps(recording.event("Stop", note="@@")).encode().replace(b"@@", b"caf\xe9 \xff\xfe \xed\xa0\x80")
    recording.hook(data).quietly()
    ((_, one),) = recording.records()
    assert one["note"].startswith("caf� ")
    assert (one["hook_event_name"], one["session_id"]) == ("Stop", recording.event()["session_id"])


def test_half_characters_are_kept(recording: Claude) -> None:
    """A lone surrogate, as JavaScript writes it where it has cut a text: recorded and shown as it came."""
    event = recording.event("Stop", last_assistant_message="cut here: \ud83e", other="\udd4a")
    recording.hook(event).quietly()
    assert [one for _, one in recording.records()] == [event]
    os.unlink(recording.root / "drain.lock")
    recording.drain()
    assert [one["raw"] for one in recording.seen("board")] == [event]


def test_a_byte_order_mark_is_no_mistake(recording: Claude) -> None:
    """Some programs on Windows write one."""
    recording.hook(b"\xef\xbb\xbf" + json.dumps(recording.event()).encode()).quietly()
    assert [one for _, one in recording.records()] == [recording.event()]


REFUSED = {
    "truncated": b'{"hook_event_name": "Stop", "session_id": "s',
    "broken": b'{"hook_event_name": Stop}',
    "an array": b'[{"hook_event_name": "Stop"}]',
    "a text": b'"Stop"',
    "a number": b"7",
    "no JSON": b"Stop!\x07\x1b[31m",
    "without a name": b'{"session_id": "s"}',
    "a name that is no text": b'{"hook_event_name": 7}',
    "null": b"null",
    "nested too deeply": b'{"hook_event_name":"Stop","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("way", REFUSED)
def test_what_is_no_event_is_set_aside(recording: Claude, way: str) -> None:
    """Exit 0, one line on standard error that says where it is; kept as it came, with the reason for doctor."""
    called = recording.hook(REFUSED[way])
    assert (called.code, called.out, called.err.count("\n")) == (0, "", 1)
    assert f"{WHY}; what came is in {recording.root}/spool/rejected/hook-event" in called.err
    assert called.err.isprintable() or called.err[:-1].isprintable()
    assert recording.records() == []
    assert recording.rejected() == {WHY: REFUSED[way].decode()}


def test_doctor_names_what_is_no_event(recording: Claude) -> None:
    """With the reason, the file, and what to do with it, which is not to publish it."""
    recording.hook(b"[]")
    (check,) = [
        json.loads(line)
        for line in recording.run("doctor", "--json", code=1).out.splitlines()
        if "rejected hook-event" in line
    ]
    assert (check["level"], check["detail"]) == ("problem", WHY)
    assert str(recording.root / "spool" / "rejected" / "hook-event") in check["hint"]
    assert "spool/new" not in check["hint"]


def test_deep_nesting_is_an_event_or_set_aside(recording: Claude) -> None:
    """Around the depth that Python can read, nothing crashes: each event is shown or set aside, none is lost."""
    recording.adapter("counter", _COUNTS)
    recording.write_index()
    depths = range(900, 1010, 10)
    for depth in depths:
        called = recording.hook(_nested(recording, depth))
        assert (called.code, called.out) == (0, "")
    kept = len(list_records(str(recording.root)))
    assert 0 < kept < len(depths)
    os.unlink(recording.root / "drain.lock")
    recording.drain()
    shown = (recording.home / "counter").read_text().count("\n")
    aside = list((recording.root / "spool" / "rejected").glob("draft-*.why"))
    assert shown + len(aside) == kept
    assert list_records(str(recording.root)) == []


_COUNTS = """
@hookimpl
def observe_hook(event, ctx):
    with open(HOME / "counter", "a") as file:
        file.write("1\\n")
    return None
"""


def _nested(claude: Claude, depth: int) -> bytes:
    return json.dumps(claude.event(n=depth, x="@")).replace('"@"', "[" * depth + "]" * depth).encode()


def test_a_terminal_is_told_what_this_is(claude: Claude, tmp_path: Path) -> None:
    """A person who tries it gets one line at once instead of a command that hangs; exit 0, nothing is made."""
    ours, theirs = pty.openpty()
    try:
        hook = claude.start(stdin=theirs)
        out, err = hook.communicate(timeout=5)
        assert (hook.returncode, out) == (0, b"")
        assert b"interhost hook --explain FILE" in err
    finally:
        os.close(ours)
        os.close(theirs)
    assert not claude.root.exists()
