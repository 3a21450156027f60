"""``interhost report`` and ``interhost companions --svg``, as commands."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from tests.conftest import Shell

_MOVE = '{"to": "planned", "phase_model": "interphase-8"}'


def test_an_empty_bus_has_no_story(shell: Shell) -> None:
    """Exit code 1, and what to do."""
    done = shell.run("interhost", "report", code=1)
    assert done.out == ""
    assert "interhost demo" in done.err


def test_the_story_of_the_project_is_told(shell: Shell) -> None:
    """Without --context; JSON in a pipe, text with --table."""
    shell.publish("phase_transition", _MOVE, "--context", "wid-1")
    [record] = shell.run("interhost", "report").records
    assert (record["context_id"], record["continue"]["text"]) == ("wid-1", "go on from planned to plan-reviewed")
    text = shell.run("interhost", "report", "--table").out
    assert text.startswith("wid-1: 1 fact in 0 s\n\nWhere to continue\n  go on from planned to plan-reviewed\n")


def test_an_unknown_context_is_an_expected_negative(shell: Shell) -> None:
    """Exit code 1, and how to find one."""
    shell.publish("notify", '{"text": "x"}')
    assert "--list" in shell.run("interhost", "report", "--context", "wid-9", code=1).err


def test_contexts_are_listed(shell: Shell) -> None:
    """As NDJSON, newest first."""
    for context in ("wid-1", "wid-2"):
        shell.publish("notify", '{"text": "x"}', "--context", context)
    assert [one["context_id"] for one in shell.run("interhost", "report", "--list").records] == ["wid-2", "wid-1"]


def test_the_page_is_private_and_replaced_at_once(shell: Shell) -> None:
    """What is in it may be nobody else's business; writing it again replaces it."""
    shell.publish("phase_transition", _MOVE, "--context", "wid-1")
    for _ in range(2):
        shell.run("interhost", "report", "--html", "report.html")
    page = shell.project / "report.html"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert [one.name for one in shell.project.glob("*report*")] == ["report.html"]
    assert shell.run("interhost", "report", "--html", "-").out.startswith("<!DOCTYPE html>")


def test_a_page_that_cannot_be_written_is_said(shell: Shell) -> None:
    """Bad input: what, why, and nothing else is broken."""
    shell.publish("notify", '{"text": "x"}')
    done = shell.run("interhost", "report", "--html", f"{os.devnull}/x.html", code=65)
    assert "x.html" in done.err


def test_hostile_text_does_not_reach_the_terminal(shell: Shell) -> None:
    """Control characters are replaced in the text for people."""
    shell.publish("notify", '{"text": "\\u001b]0;x\\u0007\\u202e"}')
    assert not {"\x1b", "\x07", "\u202e"} & set(shell.run("interhost", "report", "--table").out)


def test_companions_are_drawn(shell: Shell) -> None:
    """As one SVG document on standard output."""
    root = ElementTree.fromstring(shell.run("interhost", "companions", "--svg").out)  # noqa: S314 - our own
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
