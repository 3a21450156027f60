"""Somebody's settings file: one command is changed in it, and put back, and every other byte stays."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interhost.claude.settings_text import add_member, find_members, remove_member
from interhost.claude.statusline import (
    ADDED,
    MADE,
    SCRIPT,
    StatusLine,
    compose,
    install,
    parse_status_line,
    read_status_line,
    uninstall,
    write_settings,
)
from interhost.errors import BusyError, InputError, StateError

PATH = Path("/home/u/.claude/settings.json")
BLANKS = st.sampled_from(["", " ", "\n", "\r\n\t", "\n  ", "  \n\n    "])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=8), one, max_size=3),
    max_leaves=8,
)
KEYS = st.text(max_size=8).filter(lambda key: key != "statusLine")
COMMANDS = st.text(min_size=1, max_size=40).filter(lambda text: text.strip() != "" and "\0" not in text)


@st.composite
def settings(draw: st.DrawFn, *, line: bool) -> str:
    """Settings as people and programs write them: in any order, with any blanks and any way to spell a text."""
    values = draw(st.dictionaries(KEYS, VALUES, max_size=4))
    members = [(json.dumps(key), json.dumps(value)) for key, value in values.items()]
    if line:
        command = json.dumps(draw(COMMANDS), ensure_ascii=draw(st.booleans())).replace(
            "/", draw(st.sampled_from(["/", "\\/"]))
        )
        rows = [("type", '"command"'), ("command", command), ("padding", "0")]
        value = _object([(json.dumps(key), value) for key, value in draw(st.permutations(rows))], draw)
        members.insert(draw(st.integers(0, len(members))), ('"statusLine"', value))
    return draw(BLANKS) + _object(members, draw) + draw(BLANKS)


def _object(members: list[tuple[str, str]], draw: st.DrawFn) -> str:
    rows = (f"{draw(BLANKS)}{key}{draw(BLANKS)}:{draw(BLANKS)}{value}{draw(BLANKS)}" for key, value in members)
    return "{" + (",".join(rows) or draw(BLANKS)) + "}"


@given(settings(line=True))
def test_what_stands_behind_ours_comes_back_byte_for_byte(text: str) -> None:
    """However the file is written; while it is in, everything else is as it was."""
    before = parse_status_line(PATH, text)
    changed = parse_status_line(PATH, install(before))
    assert (changed.state, changed.then) == ("installed", before.command)
    assert changed.command == compose(str(before.command))
    whole, now = json.loads(text), json.loads(str(changed.text))
    assert {**now, "statusLine": {**now["statusLine"], "command": before.command}} == whole
    assert list(now) == list(whole)
    assert uninstall(changed) == text


@given(settings(line=False))
def test_where_no_status_line_was_there_is_none_afterwards(text: str) -> None:
    """A member more, at the end; and the very same text when it is gone."""
    changed = parse_status_line(PATH, install(parse_status_line(PATH, text)))
    assert (changed.state, changed.then) == ("installed", ADDED)
    now = json.loads(str(changed.text))
    assert {key: value for key, value in now.items() if key != "statusLine"} == json.loads(text)
    assert uninstall(changed) == text


def test_where_no_file_was_there_is_none_afterwards() -> None:
    """Unless somebody has put more into it meanwhile: that stays."""
    made = parse_status_line(PATH, install(StatusLine(PATH, None, None, None, None)))
    assert (made.state, made.then) == ("installed", MADE)
    assert json.loads(str(made.text))["statusLine"]["type"] == "command"
    assert uninstall(made) is None
    used = parse_status_line(PATH, add_member(str(made.text), "model", '"opus"'))
    assert json.loads(str(uninstall(used))) == {"model": "opus"}


@given(settings(line=True))
def test_a_file_that_somebody_has_written_anew_is_put_right_all_the_same(text: str) -> None:
    """Claude Code writes all of it in its own form when a setting changes: the command comes back as that form."""
    before = parse_status_line(PATH, text)
    anew = json.dumps(json.loads(install(before)) | {"model": "opus"}, indent=2, ensure_ascii=False)
    rest = uninstall(parse_status_line(PATH, anew))
    assert json.loads(str(rest)) == json.loads(text) | {"model": "opus"}
    assert str(rest) == json.dumps(json.loads(text) | {"model": "opus"}, indent=2, ensure_ascii=False)


@pytest.mark.parametrize("place", ["/opt/venv/lib", "/home/u/my venv/lib", "/home/it's/lib", "/a\nb", "/a'\"b $(x)"])
def test_ours_of_another_place_is_replaced_and_taken_out(place: str) -> None:
    """An interhost that was moved or updated: whatever its folder is called, nothing is wrapped twice."""
    script = Path(place, "interhost/claude/statusline.sh")
    quoted = shlex.quote(str(script))
    command = f"test -f {quoted} && . {quoted}; ~/.claude/statusline.sh"
    old = parse_status_line(PATH, json.dumps({"statusLine": {"type": "command", "command": command}}))
    assert (old.state, old.script, old.then) == ("outdated", script, "~/.claude/statusline.sh")
    new = parse_status_line(PATH, install(old))
    assert (new.state, new.command) == ("installed", compose("~/.claude/statusline.sh"))
    for one in (old, new):
        restored = {"statusLine": {"type": "command", "command": "~/.claude/statusline.sh"}}
        assert uninstall(one) == json.dumps(restored)


LINE = '{"statusLine": %s}'
REFUSED = {
    "": "expected '{'",
    "[]": "expected '{'",
    "\ufeff{}": "expected '{'",
    "{": "not JSON",
    '{"a": 1,}': "a comma before the end",
    '{"a": 1 "b": 2}': "where a comma or the end of an object should be",
    '{"a" 1}': "expected ':'",
    "{'a': 1}": "not JSON",
    '{"a": 1} // my settings': "follows the object",
    '{"a": 1}{"a": 2}': "follows the object",
    '// my settings\n{"a": 1}': "expected '{'",
    '{"a": [1, 2}': "not JSON",
    '{"a": ' + "[" * 100_000: "not JSON",
    '{"a": ' + "9" * 5000 + "}": "not JSON",
    '{"statusLine": null, "statusLine": null}': "key 'statusLine' stands twice",
    LINE % "null": "key 'statusLine': expected an object",
    LINE % "7": "key 'statusLine': expected an object",
    LINE % '"~/x.sh"': "key 'statusLine': expected an object",
    LINE % "{}": "key 'statusLine': expected an object",
    LINE % '{"type": "command"}': "key 'statusLine': expected an object",
    LINE % '{"type": "static", "command": "x"}': "key 'statusLine': expected an object",
    LINE % '{"command": "x"}': "key 'statusLine': expected an object",
    LINE % '{"type": "command", "command": ["x"]}': "key 'statusLine': expected an object",
    LINE % '{"type": "command", "command": " "}': "key 'statusLine': expected an object",
    LINE % '{"type": "command", "command": "a\\u0000b"}': "key 'statusLine': expected an object",
    LINE % '{"type": "command", "command": "x", "command": "y"}': "key 'command' stands twice",
    LINE % '{"type": "command", "command": "bash /x/interhost/claude/statusline.sh"}': "not as we write it",
    LINE % '{"type": "command", "command": "x; test -f /a/interhost/claude/statusline.sh"}': "not as we write it",
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_is_not_understood_is_refused(text: str) -> None:
    """Comments, trailing commas, keys that stand twice, another kind of status line, ours in another form."""
    with pytest.raises(InputError, match=REFUSED[text]):
        parse_status_line(PATH, text)


def test_a_refusal_names_the_file_and_says_what_to_do(tmp_path: Path) -> None:
    """Nothing was changed."""
    path = tmp_path / "settings.json"
    path.write_bytes(b"\xff{}")
    with pytest.raises(InputError, match="not UTF-8 at byte 0"):
        read_status_line(path)
    path.write_text("{}}")
    with pytest.raises(InputError, match=r"settings\.json: not JSON: '}' follows") as caught:
        read_status_line(path)
    assert caught.value.hint.startswith("nothing was changed")


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    """A pipe would keep us for ever; a folder is none either."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(InputError, match="not a file"):
            read_status_line(path)


def test_a_file_is_replaced_at_once_with_its_mode_and_its_link(tmp_path: Path) -> None:
    """Dotfiles are often links into a repository."""
    target, link = tmp_path / "dotfiles" / "claude.json", tmp_path / "settings.json"
    target.parent.mkdir()
    target.write_text("{}")
    target.chmod(0o640)
    link.symlink_to(target)
    found = read_status_line(link)
    write_settings(found, install(found))
    assert (link.is_symlink(), target.stat().st_mode & 0o777) == (True, 0o640)
    assert read_status_line(link).state == "installed"
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["claude.json", "dotfiles", "settings.json"]


def test_a_change_of_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    """Claude Code may have written meanwhile: try again. That holds for a file that was not there, too."""
    path = tmp_path / "settings.json"
    absent = read_status_line(path)
    path.write_text("{}")
    for found in (absent, read_status_line(path)):
        path.write_text('{"model": "opus"}')
        with pytest.raises(BusyError, match="somebody has changed it"):
            write_settings(found, install(found))
    assert path.read_text() == '{"model": "opus"}'
    assert [one.name for one in tmp_path.iterdir()] == ["settings.json"]


def test_what_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    """The folder is a file; the error names the settings."""
    (tmp_path / "file").touch()
    found = read_status_line(tmp_path / "file" / "settings.json")
    with pytest.raises(StateError, match=r"settings\.json"):
        write_settings(found, "{}")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_member_is_put_at_the_end_and_indented_as_the_last_one() -> None:
    """As people would write it."""
    assert add_member('{\n  "a": 1,\n  "b": 2\n}\n', "c", "3") == '{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}\n'
    assert add_member('{"a":1}', "c", "3") == '{"a":1,"c": 3}'
    assert add_member("{}", "c", "3") == '{"c": 3}'
    assert remove_member('{"c": 3, "a": 1}', "c") == '{"a": 1}'
    assert list(find_members(' {"a": 1, "b": {"c": 2}} ')) == ["a", "b"]


def test_the_command_is_one_that_shells_take() -> None:
    """Where the script is not, or is empty, the rest runs and its exit status counts."""
    done = subprocess.run(["sh", "-c", compose("exit 7")], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, b"", b"")
    assert SCRIPT.is_file()
