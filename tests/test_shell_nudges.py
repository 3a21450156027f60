"""Nudges of interbase.sh: who sees how many tips, what is written for them, and what is left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from datetime import datetime
from pathlib import Path

import pytest

from interhost.manifests.companions import KNOWN
from tests.hook_kit import Hook, Nudges, tip

NUDGE = "ib_nudge_companion interline 'a status line' interflux"
EXACT = b'{\n"a:b": {"ignores": 2, "dismissed": false},\n"z:z": {"ignores": 3, "dismissed": true}\n}\n'


@pytest.fixture
def hook(tmp_path: Path) -> Hook:
    """A hook of session ``s1``."""
    return Hook(tmp_path)


@pytest.fixture
def nudges(hook: Hook) -> Nudges:
    """What is stored in its home."""
    return Nudges(hook.home)


def said(hook: Hook, script: str = NUDGE, **env: str | None) -> str:
    """What a script says; it must succeed and print nothing."""
    ran = hook.run(script, env=env)
    assert (ran.code, ran.out) == (0, ""), ran
    return ran.err


def test_a_tip_is_recorded_and_shown(hook: Hook, nudges: Nudges) -> None:
    """State, count and flag stand there in exactly the shape that is documented, for the user alone."""
    assert said(hook) == tip("interline", "a status line")
    assert nudges.state.read_bytes() == b'{\n"interflux:interline": {"ignores": 1, "dismissed": false}\n}\n'
    assert (nudges.folder / "nudge-session-s1.json").read_bytes() == b'{"count": 1}\n'
    assert nudges.names() == [
        "nudge-flag-s1-interline",
        "nudge-session-s1.json",
        "nudge-state.json",
        "nudge-state.json.lock",
    ]
    assert list((nudges.folder / "nudge-flag-s1-interline").iterdir()) == []
    assert nudges.folder.stat().st_mode & 0o777 == 0o700
    assert nudges.state.stat().st_mode & 0o777 == 0o600


def test_once_per_companion_and_session(hook: Hook, nudges: Nudges) -> None:
    """Four plugins that ask for the same companion show one tip."""
    script = "; ".join(f"ib_nudge_companion interline x plugin{number}" for number in range(4))
    assert said(hook, script) == tip("interline", "x")
    assert list(nudges.pairs()) == ["plugin0:interline"]


def test_two_tips_per_session(hook: Hook, nudges: Nudges) -> None:
    """Across all plugins and processes; the next session has its own two."""
    script = "; ".join(f"ib_nudge_companion c{number} x p{number}" for number in range(4))
    assert said(hook, script) == tip("c0", "x") + tip("c1", "x")
    assert said(hook, script) == ""
    assert said(hook, script, CLAUDE_SESSION_ID="s2").count("\n") == 2
    assert nudges.count() == nudges.count("s2") == 2


def test_three_ignores_dismiss(hook: Hook, nudges: Nudges) -> None:
    """The pair, not the companion: another plugin may still suggest it."""
    for session in "abc":
        assert said(hook, CLAUDE_SESSION_ID=session) != ""
    assert nudges.pairs() == {"interflux:interline": {"ignores": 3, "dismissed": True}}
    before = nudges.names()
    assert said(hook, CLAUDE_SESSION_ID="d") == ""
    assert nudges.names() == before
    assert said(hook, "ib_nudge_companion interline x interdoc", CLAUDE_SESSION_ID="d") == tip("interline", "x")


def test_a_companion_seen_installed_dismisses(hook: Hook, nudges: Nudges) -> None:
    """Its pair is marked, and nothing else changes; where nothing is stored, nothing is written."""
    folder = hook.install_plugin("interline")
    assert said(hook) == ""
    assert nudges.names() == []
    nudges.write(EXACT.replace(b"a:b", b"interflux:interline"))
    assert said(hook) == ""
    assert nudges.pairs() == {
        "interflux:interline": {"ignores": 2, "dismissed": True},
        "z:z": {"ignores": 3, "dismissed": True},
    }
    assert nudges.names() == ["nudge-state.json", "nudge-state.json.lock"]
    stamp = nudges.state.stat().st_mtime_ns
    assert said(hook) == ""
    assert nudges.state.stat().st_mtime_ns == stamp
    folder.rmdir()
    assert said(hook) == ""


@pytest.mark.parametrize("value", ["off", "OFF", "0", "no", "false"])
def test_tips_can_be_switched_off(hook: Hook, nudges: Nudges, value: str) -> None:
    """INTERHOST_NUDGES silences all of them, and nothing is written."""
    assert said(hook, INTERHOST_NUDGES=value) == ""
    assert nudges.names() == []
    assert said(hook, INTERHOST_NUDGES="on") != ""


@pytest.mark.parametrize("name", ["", ".x", "-x", "a/b", "a b", "ü", "x" * 101, "a\nb", 'a"b', "a:b", "$(touch owned)"])
def test_names_that_are_none_are_never_stored(hook: Hook, nudges: Nudges, name: str) -> None:
    """No tip for such a companion; such a plugin is called ``unknown``."""
    assert said(hook, 'ib_nudge_companion "$NAME" x interflux', NAME=name) == ""
    assert nudges.names() == []
    assert said(hook, 'ib_nudge_companion interline x "$NAME"', NAME=name) == tip("interline", "x")
    assert list(nudges.pairs()) == ["unknown:interline"]
    assert not (hook.project / "owned").exists()


def test_arguments_left_out(hook: Hook, nudges: Nudges) -> None:
    """Without a companion nothing happens; without a plugin it is ``unknown``; without a benefit there still is one."""
    assert said(hook, "ib_nudge_companion") == ""
    assert said(hook, "ib_nudge_companion interline") == tip("interline", "what other plugins can do with it")
    assert said(hook, "ib_nudge_companion b ' . ' interflux") == tip("b", "what interflux can do with it")
    assert said(hook, "ib_nudge_companion b 'more. '", CLAUDE_SESSION_ID="s2") == tip("b", "more")
    assert list(nudges.pairs()) == ["interflux:b", "unknown:b", "unknown:interline"]


def test_a_benefit_cannot_drive_the_terminal(hook: Hook) -> None:
    """Control characters and what turns the writing around are stripped; other letters stay."""
    text = "a\x1b[2J\x07 b\r\n\tc \x7f\x9bd \u202eü → \u2066e \u061cf"
    assert said(hook, 'ib_nudge_companion interline "$TEXT"', TEXT=text) == tip("interline", "a[2J bc d ü → e f")


def test_companions_of_the_ecosystem_come_with_its_setup(hook: Hook) -> None:
    """They are not installed on their own, so the tip names the command that installs them."""
    script = f"_IB_ECOSYSTEM_ONLY='interlens interline'; {NUDGE}; ib_nudge_companion inter x"
    expected = "[interverse] Tip: run /clavain:setup for a status line.\n" + tip("inter", "x")
    assert said(hook, script) == expected


def test_the_list_of_the_ecosystem_is_that_of_the_manifests(hook: Hook) -> None:
    """The shell cannot read manifests, so what it knows is held against them."""
    manifests = [json.loads(path.read_bytes()) for path in KNOWN.glob("*.json") if "schema" not in path.name]
    assert len(manifests) > 15
    expected = sorted(one["name"] for one in manifests if one["ecosystem_only"])
    assert sorted(hook.say('echo "$_IB_ECOSYSTEM_ONLY"').split()) == expected


# Sessions ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "session"),
    [
        ("s/../1 ü*", "other", "s1"),
        (None, "second-session_2", "second-session_2"),
        ("", "second", "second"),
        ("/..", "second", "second"),
    ],
)
def test_the_session_is_that_of_the_environment(
    hook: Hook, nudges: Nudges, first: str | None, second: str, session: str
) -> None:
    """CLAUDE_SESSION_ID, else CLAUDE_CODE_SESSION_ID, without what does not fit into a file name."""
    said(hook, CLAUDE_SESSION_ID=first, CLAUDE_CODE_SESSION_ID=second)
    assert nudges.count(session) == 1


def test_without_a_session_the_day_counts(hook: Hook, nudges: Nudges) -> None:
    """Not one key for ever: tomorrow there may be a tip again."""
    days = {f"day-{datetime.now():%Y%m%d}"}
    assert said(hook, CLAUDE_SESSION_ID=None) != ""
    days.add(f"day-{datetime.now():%Y%m%d}")
    assert sum(nudges.count(day) for day in days) == 1


@pytest.mark.parametrize("content", ['{"count":1}', ' {\n  "count" : 1\n}\n\n', '{"count": 1}'])
def test_counts_of_others_count(hook: Hook, nudges: Nudges, content: str) -> None:
    """However they were spelled."""
    nudges.folder.mkdir(parents=True)
    (nudges.folder / "nudge-session-s1.json").write_text(content)
    assert said(hook, "ib_nudge_companion a x; ib_nudge_companion b x") == tip("a", "x")
    assert nudges.count() == 2


# State that cannot be used -------------------------------------------------------------------------------------------

DAMAGED = {
    "empty": b"",
    "truncated": EXACT[:-4],
    "no newline at the end": EXACT[:-1],
    "binary": bytes(range(256)),
    "a NUL in an entry": EXACT.replace(b"2", b"2\0"),
    "a NUL at the end": EXACT + b"\0",
    "another indentation": b'{"a:b": {"ignores": 2, "dismissed": false}}',
    "compact": b'{"a:b":{"ignores":2,"dismissed":false}}\n',
    "carriage returns": EXACT.replace(b"\n", b"\r\n"),
    "a list": b"[]\n",
    "null": b"null\n",
    "a comma too many": EXACT.replace(b"true}", b"true},"),
    "a comma too few": EXACT.replace(b"false},", b"false}"),
    "not in order": EXACT.replace(b"a:b", b"zz:z"),
    "twice the same": EXACT.replace(b"z:z", b"a:b"),
    "a text for a number": EXACT.replace(b" 2", b' "2"'),
    "a negative number": EXACT.replace(b" 2", b" -2"),
    "a number beyond all": EXACT.replace(b" 2", b" " + b"9" * 40),
    "octal": EXACT.replace(b" 2", b" 08"),
    "code": EXACT.replace(b" 2", b" a[$(touch owned)]"),
    "code in a key": EXACT.replace(b"a:b", b"$(touch owned):`touch owned`") + b";touch owned",
    "an escape in a key": EXACT.replace(b"a:b", b"a\\u003ab"),
    "an empty line": EXACT.replace(b"{\n", b"{\n\n", 1),
    "another key": EXACT.replace(b'"dismissed": true', b'"dismissed": true, "note": 1'),
    "large": EXACT.replace(b"a:b", b"a" * 300_000),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_state_of_another_shape_is_left_alone(hook: Hook, nudges: Nudges, content: bytes) -> None:
    """No tip, no change, no word, and nothing of it is ever executed; Python repairs it."""
    nudges.write(content)
    assert said(hook) == ""
    assert said(hook, "ib_nudge_companion b x a") == ""
    hook.install_plugin("b")
    assert said(hook, "ib_nudge_companion b x a") == ""
    assert nudges.state.read_bytes() == content
    assert {name for name in nudges.names() if not name.endswith(".lock")} == {"nudge-state.json"}
    assert not (hook.project / "owned").exists()


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"count": "1"}', '{"count": -1}', '{"count": 1', "9", "\0", "x" * 999]
)
def test_a_damaged_session_means_no_tip(hook: Hook, nudges: Nudges, content: str) -> None:
    """Better one tip too few than one too many."""
    nudges.folder.mkdir(parents=True)
    (nudges.folder / "nudge-session-s1.json").write_text(content)
    assert said(hook) == ""
    assert nudges.names() == ["nudge-session-s1.json"]


@pytest.mark.parametrize("name", ["nudge-state.json", "nudge-session-s1.json", "nudge-state.json.lock"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "loop"])
def test_what_is_no_file_means_no_tip(hook: Hook, nudges: Nudges, name: str, kind: str) -> None:
    """A pipe would keep the hook waiting; into a folder files would be moved."""
    nudges.folder.mkdir(parents=True)
    path = nudges.folder / name
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(name)
    assert said(hook) == ""
    assert [one for one in nudges.names() if one != name] == []


def test_a_folder_that_cannot_be_used_means_no_tip(hook: Hook, nudges: Nudges) -> None:
    """A file in its place, or a link that leads nowhere: nothing is shown, since nothing could be recorded."""
    nudges.folder.parent.mkdir()
    nudges.folder.write_text("mine")
    assert said(hook) == ""
    assert nudges.folder.read_text() == "mine"
    nudges.folder.unlink()
    nudges.folder.symlink_to("/proc/nowhere")
    assert said(hook) == ""


def test_nobody_listening_means_no_tip(hook: Hook, nudges: Nudges) -> None:
    """With standard error closed nothing is counted as ignored."""
    assert said(hook, f"{NUDGE} 2>&-") == ""
    assert nudges.names() == []


def test_a_home_that_is_not_there_is_not_made(hook: Hook) -> None:
    """HOME may name anything."""
    assert said(hook, HOME=str(hook.base / "nowhere")) == ""
    assert not (hook.base / "nowhere").exists()


@pytest.mark.parametrize("tool", ["flock", "mkdir", "mv"])
def test_without_its_programs_there_is_no_tip(hook: Hook, nudges: Nudges, tool: str) -> None:
    """What cannot be recorded safely is not shown."""
    (hook.tools / tool).unlink()
    assert said(hook) == ""
    assert nudges.names() == []


@pytest.mark.parametrize(("fails", "on"), [("mkdir", "nudge-flag"), ("mv", "nudge-state"), ("mv", "nudge-session")])
def test_a_tip_that_cannot_be_recorded_is_not_shown(hook: Hook, nudges: Nudges, fails: str, on: str) -> None:
    """Whichever write fails; flag and temporary files go again."""
    real = (hook.tools / fails).resolve()
    hook.program(fails, f'case "$*" in *{on}*) exit 1 ;; esac; exec {real} "$@"')
    assert said(hook) == ""
    assert [name for name in nudges.names() if "flag" in name or "tmp" in name] == []
    assert nudges.count() == 0


def test_a_full_disk_shows_nothing_and_damages_nothing(hook: Hook, nudges: Nudges) -> None:
    """A file that cannot be written completely never takes the place of a whole one."""
    nudges.write(EXACT)
    before = nudges.names()
    assert said(hook, f"ulimit -f 0; trap '' XFSZ; {NUDGE}") == ""
    assert nudges.state.read_bytes() == EXACT
    assert [name for name in nudges.names() if not name.endswith(".lock")] == before


# Several at once -----------------------------------------------------------------------------------------------------


def test_twelve_at_once_show_exactly_two_tips(hook: Hook, nudges: Nudges) -> None:
    """However their moments fall, in each of several sessions; every tip that was shown is counted."""
    for session in ("s1", "s2", "s3"):
        running = [
            subprocess.Popen(
                hook.argv(f"ib_nudge_companion c{number} x p{number}"),
                env={**hook.environ, "CLAUDE_SESSION_ID": session},
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(12)
        ]
        tips = [one.communicate(timeout=30)[1] for one in running]
        assert sorted(map(len, tips))[:10] == [0] * 10
        assert sum(len(one.splitlines()) for one in tips) == 2
        assert nudges.count(session) == 2
    assert sum(one["ignores"] for one in nudges.pairs().values()) == 6


def test_a_held_lock_costs_a_second_and_the_tip(hook: Hook, nudges: Nudges) -> None:
    """A stopped holder stops no hook; when it is killed, its lock is gone with it."""
    nudges.folder.mkdir(parents=True)
    lock = nudges.folder / "nudge-state.json.lock"
    holder = subprocess.Popen(["flock", str(lock), "sleep", "60"], start_new_session=True)
    try:
        while not lock.exists():
            time.sleep(0.01)
        time.sleep(0.1)
        ran = hook.run(NUDGE)
        assert (ran.code, ran.err) == (0, "")
        assert 0.9 < ran.seconds < 10
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait()
    assert said(hook) != ""


def test_a_killed_writer_leaves_a_whole_state(hook: Hook, nudges: Nudges) -> None:
    """Killed at any moment; the next one goes on."""
    for number in range(12):
        argv = hook.argv(f"ib_nudge_companion c{number} x p")
        env = {**hook.environ, "CLAUDE_SESSION_ID": f"k{number}"}
        one = subprocess.Popen(argv, env=env, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(number / 1000)
        os.killpg(one.pid, signal.SIGKILL)
        one.wait()
        if nudges.state.exists():
            nudges.pairs()
    assert said(hook) == tip("interline", "a status line")


def test_entries_of_others_stay_in_their_order(hook: Hook, nudges: Nudges) -> None:
    """The new pair goes where it belongs; order is that of the bytes, whatever the locale."""
    nudges.write(EXACT)
    for pair in ("A:a", "a:c", "zz:z", "a:b", "m:m"):
        plugin, companion = pair.split(":")
        said(hook, f"ib_nudge_companion {companion} x {plugin}", CLAUDE_SESSION_ID=f"o{pair[0]}{companion}{plugin}")
    keys = [line.split('"')[1] for line in nudges.state.read_text().splitlines()[1:-1]]
    assert keys == sorted(["a:b", "z:z", "A:a", "a:c", "zz:z", "m:m"])
    assert nudges.pairs()["a:b"] == {"ignores": 3, "dismissed": True}


def test_nothing_to_say_starts_no_process(hook: Hook) -> None:
    """A hook that asks again after its tip, or for a companion that is there, pays for not even a subshell."""
    count = "trap 'echo child' CHLD; "
    assert said(hook) != ""
    assert "child" in hook.run(f"{count}ib_nudge_companion other x", env={"CLAUDE_SESSION_ID": "s2"}).out
    hook.install_plugin("there")
    assert said(hook, f"{count}{NUDGE}; ib_nudge_companion there x interflux; ib_nudge_companion '' x") == ""
