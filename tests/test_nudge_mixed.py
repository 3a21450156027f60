"""Nudges from Python and from shell at once, on the same state: no update is lost, and every file is whole."""

from __future__ import annotations

import collections
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.hook_kit import Hook, Nudges, tip

PROCESSES, ROUNDS, GROUPS = 12, 50, 4
WHOLE = re.compile(rb'\{\n(?:"[\w.:-]+": \{"ignores": \d, "dismissed": (?:true|false)\}(?:,\n|\n(?=\}\n\Z)))*\}\n')
PYTHON = """
import os, sys
from interhost.interbase import nudge_companion
group, companion, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
for number in range(rounds):
    os.environ["CLAUDE_SESSION_ID"] = f"g{group}-{number}"
    nudge_companion(companion, f"q{number}", f"q{number}")
"""
SHELL = """
for ((number = 0; number < $3; number++)); do
  CLAUDE_SESSION_ID=g$1-$number
  ib_nudge_companion "$2" "q$number" "q$number"
done
"""


@pytest.fixture
def hook(tmp_path: Path) -> Hook:
    """One home for both languages."""
    return Hook(tmp_path)


def start(hook: Hook, language: str, group: int, companion: str, rounds: int) -> subprocess.Popen[str]:
    """A process that asks for one companion, for another plugin and in another session each round."""
    arguments = [str(group), companion, str(rounds)]
    if language == "python":
        argv = [sys.executable, "-c", PYTHON, *arguments]
    else:
        argv = [*hook.argv(SHELL), "bash", *arguments]
    return subprocess.Popen(
        argv,
        env={**hook.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_no_update_is_lost_and_no_file_is_ever_invalid(hook: Hook) -> None:
    """12 processes, 50 rounds: what was shown is what is counted, per pair and per session; a reader sees no half file.

    Four sessions a round, three processes in each, and both languages on every pair.
    """
    nudges = Nudges(hook.home)
    running = [
        start(
            hook, ("python", "shell")[(number + number // GROUPS) % 2], number % GROUPS, f"c{number // GROUPS}", ROUNDS
        )
        for number in range(PROCESSES)
    ]
    seen = 0
    while any(one.poll() is None for one in running):
        if nudges.state.exists():
            content = nudges.state.read_bytes()
            assert WHOLE.fullmatch(content), content
            seen += 1
        time.sleep(0.005)
    assert seen > 20
    shown: collections.Counter[str] = collections.Counter()
    for one in running:
        said = one.communicate()[1]
        tips = re.findall(r"^\[interverse\] Tip: run /plugin install (\S+) for (\S+)\.$", said, re.MULTILINE)
        assert len(tips) == len(said.splitlines()), said
        shown.update(f"{plugin}:{companion}" for companion, plugin in tips)
        assert one.returncode == 0
    assert {pair: entry["ignores"] for pair, entry in nudges.pairs().items()} == shown
    assert all(entry["dismissed"] == (entry["ignores"] == 3) for entry in nudges.pairs().values())
    counts = [nudges.count(f"g{group}-{number}") for group in range(GROUPS) for number in range(ROUNDS)]
    assert sum(counts) == shown.total() > 250
    assert max(counts) == 2
    flags = [name for name in nudges.names() if name.startswith("nudge-flag-")]
    assert len(flags) == shown.total()
    assert all(list((nudges.folder / name).iterdir()) == [] for name in flags)
    assert [name for name in nudges.names() if "tmp" in name or "corrupt" in name] == []


@pytest.mark.parametrize(("first", "second"), [("python", "shell"), ("shell", "python")])
def test_each_language_goes_on_where_the_other_stopped(hook: Hook, first: str, second: str) -> None:
    """The second tip of a session is the last, three ignores are three, whoever counted them."""
    nudges = Nudges(hook.home)
    said = [
        start(hook, language, 0, companion, 1).communicate(timeout=30)[1]
        for language, companion in ((first, "a"), (second, "a"), (second, "b"), (first, "c"), (second, "c"))
    ]
    assert said == [tip("a", "q0"), "", tip("b", "q0"), "", ""]
    for group, language in ((1, second), (2, first), (3, second)):
        start(hook, language, group, "a", 1).communicate(timeout=30)
    assert nudges.pairs()["q0:a"] == {"ignores": 3, "dismissed": True}
    hook.install_plugin("b")
    assert start(hook, second, 4, "b", 1).communicate(timeout=30)[1] == ""
    assert nudges.pairs()["q0:b"] == {"ignores": 1, "dismissed": True}


@pytest.mark.parametrize(
    "content", [b'{"q0:a":{"ignores":1,"dismissed":false}}', b'{"q0:a": {"ignores": 1, "dis', b"\0garbage"]
)
def test_python_repairs_what_the_shell_leaves_alone(hook: Hook, content: bytes) -> None:
    """The spelling of others, or a damaged file: no tip from the shell until Python has written it anew."""
    nudges = Nudges(hook.home)
    nudges.write(content)
    assert start(hook, "shell", 0, "b", 1).communicate(timeout=30)[1] == ""
    assert nudges.state.read_bytes() == content
    assert start(hook, "python", 0, "b", 1).communicate(timeout=30)[1] == tip("b", "q0")
    assert WHOLE.fullmatch(nudges.state.read_bytes())
    assert start(hook, "shell", 1, "b", 1).communicate(timeout=30)[1] == tip("b", "q0")
    assert nudges.pairs()["q0:b"] == {"ignores": 2, "dismissed": False}
    if content.startswith(b"{") and content.endswith(b"}}"):
        assert nudges.pairs()["q0:a"] == {"ignores": 1, "dismissed": False}


def test_killed_writers_of_both_languages_leave_a_whole_state(hook: Hook) -> None:
    """Killed at any moment of their work; both go on afterwards."""
    nudges = Nudges(hook.home)
    for number in range(6):
        running = [start(hook, language, number, language, 50) for language in ("python", "shell")]
        while not any(name.startswith(f"nudge-session-g{number}-") for name in nudges.names()):
            time.sleep(0.002)
        time.sleep(number * 0.007)
        for one in running:
            os.killpg(one.pid, signal.SIGKILL)
            one.communicate()
        assert WHOLE.fullmatch(nudges.state.read_bytes())
        json.loads(nudges.state.read_bytes())
    for language in ("python", "shell"):
        assert start(hook, language, 99, f"x{language}", 1).communicate(timeout=30)[1] == tip(f"x{language}", "q0")
