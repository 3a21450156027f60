"""What ``interbus publish`` refuses: with which exit code, saying what, and without storing anything."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Shell

GOOD = '{"text": "x"}'
FIVE_MB = b'{"text": "' + "é".encode() * 2_500_000 + b'"}'

# argv after "publish", standard input, exit code, what the message must contain
REFUSED: dict[str, tuple[list[str], bytes, int, list[str]]] = {
    "not JSON": (["notify", "--payload", "{text: x}"], b"", 65, ["not JSON", "line 1, column 2"]),
    "not an object": (["notify", "--payload", '["x"]'], b"", 65, ["expected a JSON object, got array"]),
    "duplicate key": (["notify", "--payload", '{"text": "a", "text": "b"}'], b"", 65, ["'text'", "twice"]),
    "deep duplicate": (["notify", "--payload", '{"text": "a", "x": [{"k": 1, "k": 2}]}'], b"", 65, ["'k'", "twice"]),
    "NaN": (["notify", "--payload", '{"text": "a", "n": NaN}'], b"", 65, ["NaN", "finite"]),
    "infinity": (["notify", "--payload", '{"text": "a", "n": -Infinity}'], b"", 65, ["-Infinity", "finite"]),
    "too large a number": (["notify", "--payload", '{"text": "a", "n": 1e999}'], b"", 65, ["1e999", "finite"]),
    "too deep": (["notify", "--payload", '{"text":' + "[" * 100_000], b"", 65, ["nested too deeply"]),
    "missing key": (["notify", "--payload", "{}"], b"", 65, ["notify@1.0", "'text'", "missing", "string", "catalog"]),
    "wrong type": (
        ["notify", "--payload", '{"text": 7}'],
        b"",
        65,
        ["'text'", "expected non-empty string", "integer 7"],
    ),
    "empty text": (["notify", "--payload", '{"text": ""}'], b"", 65, ["'text'", "non-empty"]),
    "wrong word": (
        ["gate_result", "--payload", '{"outcome": "maybe", "tier": "soft"}'],
        b"",
        65,
        ["'outcome'", "pass, warn, block", '"maybe"'],
    ),
    "unknown intent": (["revew_pass"], b"", 65, ["'revew_pass'", "did you mean review_pass?", "--allow-unknown"]),
    "unknown major": (["notify@2.0", "--payload", GOOD], b"", 65, ["notify@2.0", "notify@1.0"]),
    "half a version": (["notify@1", "--payload", GOOD], b"", 65, ["'notify@1'", "name@major.minor"]),
    "patch level": (["notify@1.0.0", "--payload", GOOD], b"", 65, ["'notify@1.0.0'", "no patch level"]),
    "word for a version": (["notify@latest", "--payload", GOOD], b"", 65, ["'notify@latest'", "name@major.minor"]),
    "upper case": (["Notify", "--payload", GOOD], b"", 65, ["'Notify'", "lower case"]),
    "unknown without version": (["own_thing", "--allow-unknown"], b"", 65, ["needs a version", "own_thing@1.0"]),
    "5 MB on standard input": (["notify", "--payload", "-"], FIVE_MB, 65, ["standard input", "1,048,576 bytes"]),
    "missing file": (["notify", "--payload", "@no/such.json"], b"", 65, ["@no/such.json", "No such file"]),
    "directory": (["notify", "--payload", "@."], b"", 65, ["@.", "Is a directory"]),
    "empty": (["notify", "--payload", ""], b"", 65, ["empty", "JSON object"]),
    "empty standard input": (["notify", "--payload", "-"], b" \n", 65, ["standard input", "empty"]),
    "not UTF-8 on standard input": (["notify", "--payload", "-"], b'{"text": "\xff"}', 65, ["UTF-8", "byte 10"]),
    "not UTF-8 in argv": (["notify", "--payload", '{"text": "\udcff"}'], b"", 65, ["UTF-8", "byte 10"]),
    "not UTF-8 in intent": (["notify\udcff"], b"", 65, ["name@major.minor"]),
    "not UTF-8 in context": (["notify", "--payload", GOOD, "--context", "a\udcff"], b"", 65, ["context", "UTF-8"]),
    "not UTF-8 in artifact": (["notify", "--payload", GOOD, "--artifact", "a\udcff"], b"", 65, ["artifact", "UTF-8"]),
    "newline in context": (["notify", "--payload", GOOD, "--context", "a\nb"], b"", 65, ["context", r"'\n' at 1"]),
    "escape in source hook": (
        ["notify", "--payload", GOOD, "--source-hook", "\x1b[31m"],
        b"",
        65,
        ["source hook", r"'\x1b' at 0"],
    ),
    "escape in consumer": (["notify", "--payload", GOOD, "--consumer", "a\x1b"], b"", 65, ["adapter name", r"a\x1b"]),
    "newline in artifact": (["notify", "--payload", GOOD, "--artifact", "a\nb"], b"", 65, ["artifact path", r"'\n'"]),
    "newline in session": (["notify", "--payload", GOOD, "--session", "a\nb"], b"", 65, ["session id", r"'\n'"]),
    "newline in key": (["notify", "--payload", GOOD, "--dedupe-key", "a\nb"], b"", 65, ["dedupe key", r"'\n'"]),
    "blank context": (["notify", "--payload", GOOD, "--context", "  "], b"", 65, ["context", "expected text"]),
    "long context": (["notify", "--payload", GOOD, "--context", "a" * 300], b"", 65, ["context", "limit is 256"]),
    "unknown severity": (["notify", "--severity", "fatal"], b"", 64, ["--severity", "'fatal'", "warn"]),
    "no time": (["notify", "--payload", GOOD, "--occurred-at", "30m"], b"", 64, ["'30m'", "RFC 3339"]),
    "impossible time": (["notify", "--payload", GOOD, "--occurred-at", "2026-13-01"], b"", 64, ["RFC 3339"]),
    "time before time": (["notify", "--payload", GOOD, "--occurred-at", "0001-01-01"], b"", 64, ["RFC 3339"]),
    "no intent": ([], b"", 64, ["required: intent", "--help"]),
    "no payload": (["notify", "--payload"], b"", 64, ["--payload", "expected one argument"]),
    "abbreviated option": (["notify", "--pay", GOOD], b"", 64, ["--pay"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused(shell: Shell, case: str) -> None:
    """The exit code tells whose mistake it is, the message what is wrong, and nothing of it is stored."""
    arguments, stdin, code, parts = REFUSED[case]
    done = shell.run("interbus", "publish", *arguments, stdin=stdin, code=code)
    assert done.out == ""
    assert [part for part in parts if part not in done.err] == []
    assert done.err.startswith("interbus: ")
    assert "\x1b" not in done.err
    assert "Traceback" not in done.err
    shell.run("interbus", "replay", code=1)


def test_a_large_file_is_refused_by_its_size(shell: Shell) -> None:
    """5 MB through @file: the limit is stated, even where it falls into the middle of a character."""
    (shell.project / "big.json").write_bytes(FIVE_MB)
    done = shell.run("interbus", "publish", "notify", "--payload", "@big.json", code=65)
    assert "big.json: more than 1,048,576 bytes, which is the limit" in done.err
    assert "--artifact" in done.err
    assert "limits.payload_bytes" in done.err
    shell.run("interbus", "replay", code=1)


def test_the_limit_can_be_moved(shell: Shell) -> None:
    """``limits.payload_bytes`` lets 5 MB through, or not even 12 bytes."""
    (shell.project / "big.json").write_bytes(FIVE_MB)
    shell.root.mkdir(mode=0o700)
    config = shell.root / "config.toml"
    config.write_text("[limits]\npayload_bytes = 6_000_000\n")
    shell.run("interbus", "publish", "notify", "--payload", "@big.json")
    assert len(shell.run("interbus", "replay").records[0]["payload"]["text"]) == 2_500_000
    config.write_text("[limits]\npayload_bytes = 11\n")
    assert "11 bytes" in shell.run("interbus", "publish", "notify", "--payload", GOOD, code=65).err
    assert len(shell.run("interbus", "replay").records) == 1


def test_an_escape_in_a_file_name_does_not_reach_the_terminal(shell: Shell) -> None:
    """A message never repeats control characters raw."""
    done = shell.run("interbus", "publish", "notify", "--payload", "@\x1b]0;owned\x07", code=65)
    assert "owned" in done.err
    assert "\x1b" not in done.err
    assert "\x07" not in done.err


CONFIGS = {
    "not TOML": (b"[adapters]\nfoo bar\n", ["config.toml", "line 2", "column 5"]),
    "not UTF-8": (b"# \xff\n", ["config.toml", "utf-8"]),
    "wrong type": (b'[limits]\npayload_bytes = "many"\n', ["config.toml", "limits.payload_bytes", "'many'"]),
    "no table": (b"adapters = 3\n", ["config.toml", "'adapters'", "table"]),
    "wrong switch": (b'[adapters.interflux]\nenabled = "no"\n', ["config.toml", "interflux.enabled", "true or false"]),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_broken_configuration_is_named(shell: Shell, case: str) -> None:
    """A config.toml that cannot be used is 65, naming the file and the line or key; nothing is stored or run."""
    content, parts = CONFIGS[case]
    shell.root.mkdir(mode=0o700)
    (shell.root / "config.toml").write_bytes(content)
    commands = [["interhost", "run", "--once"]]
    if case != "wrong type":  # the only key here that belongs to payloads alone
        commands += [["interhost", "doctor"], ["interhost", "list"]]
    for command in commands:
        done = shell.run(*command, code=65)
        assert [part for part in parts if part not in done.err] == []
    shell.run("interbus", "replay", code=1)


@pytest.mark.parametrize("case", ["not TOML", "not UTF-8"])
def test_a_broken_configuration_costs_no_fact(shell: Shell, case: str) -> None:
    """Publish says what is wrong with config.toml and stores the fact all the same: a hook has no second try."""
    content, parts = CONFIGS[case]
    shell.root.mkdir(mode=0o700)
    (shell.root / "config.toml").write_bytes(content)
    done = shell.run("interbus", "publish", "notify", "--payload", GOOD)
    assert [part for part in parts if part not in done.err] == []
    assert len(shell.run("interbus", "replay").records) == 1


def test_an_unreadable_configuration_is_named(shell: Shell) -> None:
    """A config.toml that cannot be opened is 65, with its path."""
    (shell.root / "config.toml").mkdir(parents=True)
    shell.root.chmod(0o700)
    done = shell.run("interhost", "run", "--once", code=65)
    assert str(shell.root / "config.toml") in done.err
    assert "Is a directory" in done.err


# Every command that needs the state directory.
USERS = [
    ["interbus", "publish", "notify", "--payload", GOOD],
    ["interbus", "subscribe", "*"],
    ["interbus", "replay"],
    ["interbus", "trace", "01K9ZQ3V9T6J1W0E4T5N8R2X7C"],
    ["interhost", "run", "--once"],
    ["interhost", "doctor"],
    ["interhost", "redrive"],
]


def _refuse_state(shell: Shell, *parts: str, root: str | None = None) -> None:
    for command in USERS:
        done = shell.run(*command, env={"INTERBUS_ROOT": root or str(shell.root)}, code=69)
        assert done.out == ""
        assert [part for part in parts if part not in done.err] == []


def test_a_file_in_place_of_the_state_directory_is_refused(shell: Shell) -> None:
    """69 and the path; the file stays as it is."""
    shell.root.write_text("mine")
    _refuse_state(shell, str(shell.root), "INTERBUS_ROOT")
    assert shell.root.read_text() == "mine"
    _refuse_state(shell, "Not a directory", root=f"{shell.root}/below")


def test_a_state_directory_open_to_others_is_refused(shell: Shell) -> None:
    """Whoever can write there could make adapters act: 69, the mode, and the command that mends it."""
    shell.root.mkdir()
    shell.root.chmod(0o777)
    _refuse_state(shell, "can be written by others", "0777", f"chmod 700 {shell.root}")
    assert list(shell.root.iterdir()) == []


def test_a_state_directory_of_somebody_else_is_refused(shell: Shell) -> None:
    """69, and whose it is."""
    root = shell.root
    if os.geteuid() == 0:
        root.mkdir(mode=0o700)
        os.chown(root, 65534, -1)
    else:
        root = Path("/")
    _refuse_state(shell, f"{root} belongs to user", f"not to you ({os.geteuid()})", root=str(root))


def test_an_unwritable_state_directory_is_refused(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """69, and what to do."""
    shell.root.mkdir()
    shell.root.chmod(0o500)
    if os.geteuid() == 0:  # root could write all the same: run the commands without that power
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("root can write everywhere, and there is no setpriv")
        argv = shell.argv
        monkeypatch.setattr(shell, "argv", lambda *words: [setpriv, "--bounding-set=-dac_override", *argv(*words)])
    _refuse_state(shell, str(shell.root), "cannot be written", "chmod 700")
    _refuse_state(shell, "Permission denied", "INTERBUS_ROOT", root=str(shell.root / "below"))
    assert list(shell.root.iterdir()) == []


def test_a_relative_state_directory_is_refused(shell: Shell) -> None:
    """INTERBUS_ROOT means one place, wherever a command is started."""
    _refuse_state(shell, "INTERBUS_ROOT='state'", "not an absolute path", root="state")
    assert not (shell.project / "state").exists()


def test_a_foreign_database_keeps_every_byte(shell: Shell) -> None:
    """A bus.db of another program is refused with 69 and not changed."""
    shell.root.mkdir(mode=0o700)
    path = shell.root / "bus.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs(x)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    _refuse_state(shell, str(path), "another program")
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["noise", "torn"])
def test_a_damaged_database_keeps_every_byte(shell: Shell, damage: str) -> None:
    """A bus.db that is damaged is refused with 69, is not changed, and the message says how to go on."""
    if damage == "torn":
        shell.publish()
        content = (shell.root / "bus.db").read_bytes()
        content = content[:200] + b"\xaa" * (len(content) - 200)
        for path in shell.root.iterdir():
            path.unlink()
    else:
        shell.root.mkdir(mode=0o700)
        content = bytes(range(256)) * 40
    path = shell.root / "bus.db"
    path.write_bytes(content)
    path.chmod(0o600)
    _refuse_state(shell, str(path), "damaged", "recover")
    assert path.read_bytes() == content


def test_the_state_is_private(shell: Shell) -> None:
    """Whatever the umask, what is created is the owner's alone."""
    shell.publish()
    assert stat.S_IMODE(shell.root.stat().st_mode) == 0o700
    assert stat.S_IMODE((shell.root / "bus.db").stat().st_mode) == 0o600
