"""``interbus trace``, and what hostile text may do to a terminal: nothing."""

from __future__ import annotations

import json
import os
import pty
import re
import struct
import subprocess
import termios
from fcntl import ioctl
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Shell

_REACTING = """
from interhost_hookspecs import Draft, Notify, Outcome, hookimpl

@hookimpl
def on_review_pass(intent, ctx):
    ctx.publish(Draft(payload=Notify(text="a review finished")))
    return Outcome.done("told")
"""
_LISTENING = """
from interhost_hookspecs import Outcome, hookimpl

@hookimpl
def on_notify(intent, ctx):
    return Outcome.skipped("heard " + intent.payload.text)
"""
_REVIEW = '{"verdict": "safe", "counts": {"P2": 1}}'


def test_a_trace_is_the_whole_tree(shell: Shell) -> None:
    """Who got it with which outcome, and below it the reaction with its own deliveries."""
    shell.adapter("reacting", ["review_pass"], _REACTING)
    shell.adapter("listening", ["notify"], _LISTENING)
    review = shell.publish("review_pass", _REVIEW, "--context", "wid-1")["event_id"]
    waiting = shell.run("interbus", "trace", review).records[0]
    assert {one["consumer"]: one["state"] for one in waiting["deliveries"]} == {
        "interphase": "waiting",
        "reacting": "waiting",
    }
    shell.run("interhost", "run", "--once")
    traced = shell.run("interbus", "trace", review.lower()).records[0]
    states = {one["consumer"]: (one["state"], one["reason"]) for one in traced["deliveries"]}
    assert states["reacting"] == ("done", "told")
    assert states["interphase"][0] == "skipped"
    (reaction,) = traced["reactions"]
    assert (reaction["intent"], reaction["context_id"], reaction["producer"]) == ("notify@1.0", "wid-1", "reacting")
    (heard,) = reaction["deliveries"]
    assert (heard["consumer"], heard["state"], heard["reason"]) == ("listening", "skipped", "heard a review finished")
    assert len(heard["attempts"]) == 1
    lines = shell.run("interbus", "trace", review, "--table").out.splitlines()
    assert lines[0].startswith("review_pass@1.0  wid-1  from cli")
    assert "  → reacting  done: told" in lines
    assert "  └─ which led to" in lines
    assert "       → listening  skipped: heard a review finished" in lines


def test_an_event_that_is_not_there(shell: Shell) -> None:
    """A well-formed id that the log does not have is 1; what is no id is 65."""
    done = shell.run("interbus", "trace", "01K9ZQ3V9T6J1W0E4T5N8R2X7C", code=1)
    assert done.out == ""
    assert "not in the log" in done.err
    assert "expected a ULID" in shell.run("interbus", "trace", "latest", code=65).err


def test_what_nobody_consumes_is_said(shell: Shell) -> None:
    """An event without a consumer has a trace that says so."""
    event = shell.publish("release_status", '{"state": "published"}')["event_id"]
    assert shell.run("interbus", "trace", event).records[0]["deliveries"] == []
    assert "nobody here consumes it" in shell.run("interbus", "trace", event, "--table").out


# Hostile text -------------------------------------------------------------------------------------------------------

# C1 controls, OSC and CSI in their 8-bit form, bidi overrides and isolates, line and paragraph separators.
HOSTILE = "x\x9b31m\x9d0;owned\x9c\x7f\x85\u202egpj.exe\u2066\u2069\u200f\u061c\u2028\u2029y"
RAW = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
OURS = re.compile(r"\x1b\[(2|0)m")

_HOSTILE_ADAPTER = """
from interhost_hookspecs import Check, CheckLevel, Outcome, hookimpl

@hookimpl
def on_notify(intent, ctx):
    raise ValueError("\\x1b]0;owned\\x07\\x1b[2J\\u202e")

@hookimpl
def check_adapter(ctx):
    return [Check(name="\\x1b[31mred", level=CheckLevel.NOTE, detail="\\x1b]0;owned\\x07", hint="\\x9b2J\\u202e")]
"""


def _on_terminal(shell: Shell, program: str, *arguments: str, columns: int = 400) -> str:
    """What a command writes when its standard output is a terminal."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        shell.argv(program, *arguments),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=shell.environ,
        cwd=shell.project,
    )
    os.close(theirs)
    written = b""
    try:
        while chunk := os.read(ours, 65536):
            written += chunk
    except OSError:  # how a terminal says that nobody writes to it any more
        pass
    finally:
        os.close(ours)
    process.wait(30)
    return written.decode().replace("\r\n", "\n")


@pytest.fixture
def hostile(shell: Shell) -> tuple[Shell, str]:
    """A bus with a fact that would like to own the terminal, and an adapter that would, too."""
    shell.adapter("hostile", ["notify"], _HOSTILE_ADAPTER)
    with shell.bus():
        pass
    escaped = json.dumps("\x1b[31m\x1b]0;owned\x07\n" + HOSTILE)
    payload = f'{{"text": {escaped}, "raw": "{HOSTILE}"}}'
    done = shell.run("interbus", "publish", "notify", "--payload", "-", "--context", "wid-1", stdin=payload)
    event = done.records[0]["event_id"]
    shell.run("interhost", "run", "--once")
    return shell, event


def test_hostile_text_never_reaches_a_table_raw(hostile: tuple[Shell, str]) -> None:
    """Whatever a payload, a context, an error or a check contains, tables and messages show a mark in its place."""
    shell, event = hostile
    shell.change("UPDATE pending SET due = 0")
    tables = [
        ("interhost", "run", "--once", "--table"),
        ("interbus", "replay", "--table"),
        ("interbus", "subscribe", "*", "--table"),
        ("interbus", "trace", event, "--table"),
        ("interhost", "list", "--table"),
        ("interhost", "doctor", "--table"),
        ("interhost", "redrive", "--table"),
    ]
    for program, *arguments in tables:
        done = shell.run(program, *arguments)
        assert RAW.findall(done.out + done.err) == [], arguments
        assert RAW.findall(OURS.sub("", _on_terminal(shell, program, *arguments))) == [], arguments
    assert "\N{REPLACEMENT CHARACTER}" in shell.run("interbus", "replay", "--table").out
    assert len(shell.run("interbus", "replay", "--table").out.split("\n")) == 3


@pytest.mark.parametrize("mark", ["\u202e", "\u009b", "\u2028", "\u061c"])
def test_a_context_that_could_drive_a_terminal_is_refused(shell: Shell, mark: str) -> None:
    """A context is one line of plain text; the refusal itself does not repeat the mark."""
    said = shell.run("interbus", "publish", "notify", "--payload", '{"text": "x"}', "--context", f"a{mark}b", code=65)
    assert "control character" in said.err
    assert RAW.findall(said.out + said.err) == []


def test_hostile_text_is_one_line_of_ndjson(hostile: tuple[Shell, str]) -> None:
    """In a pipe the text is the producer's own, and still one line that parses."""
    shell, event = hostile
    (record,) = shell.run("interbus", "replay").records
    assert record["payload"]["raw"] == HOSTILE
    for arguments in (["trace", event], ["replay", "--format", "cloudevents"]):
        assert len(shell.run("interbus", *arguments).records) == 1


def test_a_terminal_gets_tables_and_a_pipe_gets_ndjson(shell: Shell) -> None:
    """Without an option the output decides; --json overrules it on a terminal. Rows end at the terminal's width."""
    event = shell.publish("notify", json.dumps({"text": "word " * 100}))["event_id"]
    for program, *arguments in (
        ("interbus", "replay"),
        ("interbus", "subscribe", "*"),
        ("interbus", "trace", event),
        ("interbus", "catalog"),
        ("interbus", "catalog", "notify"),
        ("interhost", "list"),
        ("interhost", "doctor"),
    ):
        assert len(shell.run(program, *arguments).records) >= 1
        seen = _on_terminal(shell, program, *arguments)
        assert not seen.startswith("{"), arguments
        for line in _on_terminal(shell, program, *arguments, "--json").strip().split("\n"):
            assert isinstance(json.loads(line), dict)
    narrow = OURS.sub("", _on_terminal(shell, "interbus", "replay", columns=60)).strip().split("\n")
    assert [len(line) <= 60 for line in narrow] == [True, True]
    assert narrow[1].endswith("…")
