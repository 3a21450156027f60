"""Nudges as a plugin's hook sees them: real interpreters, one home, and the files behind them."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.hook_kit import Nudges, tip
from tests.sdk_kit import HOSTILE, Sdk

ASK = "nudge_companion('interline', 'a status line', 'interflux')"
PAIR = "interflux:interline"
SHOWN = tip("interline", "a status line")


@pytest.fixture
def sdk(tmp_path: Path) -> Sdk:
    """A hook in session s1."""
    return Sdk(tmp_path)


@pytest.fixture
def state(sdk: Sdk) -> Nudges:
    """What is remembered."""
    return Nudges(sdk.home)


def said(sdk: Sdk, code: str = ASK, **env: str | None) -> str:
    """What code says on standard error; it must end well and print nothing."""
    ran = sdk.run_python(code, env=env)
    assert (ran.code, ran.out) == (0, ""), ran
    return ran.err


# When a tip is shown -------------------------------------------------------------------------------------------------


def test_a_tip_is_shown_and_recorded(sdk: Sdk, state: Nudges) -> None:
    """On standard error, in the words of the specification, with everything other implementations look for."""
    assert said(sdk) == SHOWN
    assert state.pairs() == {PAIR: {"ignores": 1, "dismissed": False}}
    assert state.names() == [
        "nudge-flag-s1-interline",
        "nudge-session-s1.json",
        "nudge-state.json",
        "nudge-state.json.lock",
    ]
    assert (state.folder / "nudge-session-s1.json").read_text() == '{"count": 1}\n'
    assert (state.folder / "nudge-flag-s1-interline").is_dir()


def test_the_state_is_for_this_user_only(sdk: Sdk, state: Nudges) -> None:
    """Folder 0700, files 0600, whatever the umask."""
    assert said(sdk, f"import os; os.umask(0); {ASK}") == SHOWN
    assert state.folder.stat().st_mode & 0o777 == 0o700
    assert {name: (state.folder / name).stat().st_mode & 0o777 for name in state.names()} == {
        "nudge-flag-s1-interline": 0o700,
        "nudge-session-s1.json": 0o600,
        "nudge-state.json": 0o600,
        "nudge-state.json.lock": 0o600,
    }


def test_one_tip_for_each_companion_and_session(sdk: Sdk, state: Nudges) -> None:
    """Even when four plugins ask; only the one that was heard is counted."""
    asks = "; ".join(f"nudge_companion('interline', 'x', 'plugin{n}')" for n in range(4))
    assert said(sdk, asks).count("Tip") == 1
    assert list(state.pairs()) == ["plugin0:interline"]
    assert state.count() == 1


def test_two_tips_for_each_session(sdk: Sdk, state: Nudges) -> None:
    """Whatever plugins ask; the next session has two of its own."""
    asks = "; ".join(f"nudge_companion('companion{n}', 'x', 'plugin{n}')" for n in range(4))
    assert said(sdk, asks).count("Tip") == 2
    assert said(sdk, asks) == ""
    assert said(sdk, asks, CLAUDE_SESSION_ID="s2").count("Tip") == 2
    assert (state.count("s1"), state.count("s2")) == (2, 2)
    assert [one["ignores"] for one in state.pairs().values()] == [2, 2]


def test_three_ignored_tips_dismiss(sdk: Sdk, state: Nudges) -> None:
    """The fourth session hears nothing any more, and a pair of another plugin is another pair."""
    heard = [said(sdk, CLAUDE_SESSION_ID=f"s{n}") for n in range(5)]
    assert heard == [SHOWN] * 3 + [""] * 2
    assert state.pairs() == {PAIR: {"ignores": 3, "dismissed": True}}
    assert "Tip" in said(sdk, "nudge_companion('interline', 'x', 'other')", CLAUDE_SESSION_ID="s9")


def test_an_installed_companion_dismisses(sdk: Sdk, state: Nudges) -> None:
    """Once it is seen, the pair is done; where there was no tip, nothing is written."""
    assert said(sdk) == SHOWN
    sdk.install_plugin("interline")
    assert said(sdk, CLAUDE_SESSION_ID="s2") == ""
    assert state.pairs() == {PAIR: {"ignores": 1, "dismissed": True}}
    assert said(sdk, "nudge_companion('interline', 'x', 'other')") == ""
    assert list(state.pairs()) == [PAIR]


def test_nothing_is_written_where_nothing_is_shown(sdk: Sdk, state: Nudges) -> None:
    """Not even the folder."""
    sdk.install_plugin("interline")
    names = f"[{', '.join(ascii(one) for one in HOSTILE if one != 'ü')}, 'ü', '.hidden', 'x' * 101]"
    code = f"{ASK}\nfor name in {names}: nudge_companion(name, 'x', 'y')"
    assert said(sdk, code) == ""
    for off in ("off", "OFF", "0", "no", "False"):
        assert said(sdk, "nudge_companion('interphase', 'x')", INTERHOST_NUDGES=off) == ""
    assert not (sdk.home / ".config").exists()
    assert "Tip" in said(sdk, "nudge_companion('interphase', 'x')", INTERHOST_NUDGES="on")


@pytest.mark.parametrize("home", [None, "", "relative", "/nowhere/at/all", "/dev/null", "/proc/self"])
def test_without_a_home_there_is_no_tip(sdk: Sdk, home: str | None) -> None:
    """Nothing can be remembered there, so it would be shown for ever; and no home is made."""
    assert said(sdk, HOME=home) == ""
    assert not Path("/nowhere").exists()


def test_a_home_with_brackets_is_a_home(tmp_path: Path) -> None:
    """A path is a path, not a pattern."""
    sdk = Sdk(tmp_path, name="ho[m]e * ?")
    assert said(sdk) == SHOWN
    assert Nudges(sdk.home).count() == 1


# Sessions ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env", "session"),
    [
        ({"CLAUDE_SESSION_ID": "a-b_C9"}, "a-b_C9"),
        ({"CLAUDE_SESSION_ID": "../../etc/pass wd\n*[x]"}, "etcpasswdx"),
        ({"CLAUDE_SESSION_ID": "", "CLAUDE_CODE_SESSION_ID": "code"}, "code"),
        ({"CLAUDE_SESSION_ID": "../..", "CLAUDE_CODE_SESSION_ID": "code"}, "code"),
        ({"CLAUDE_SESSION_ID": "first", "CLAUDE_CODE_SESSION_ID": "code"}, "first"),
        ({"CLAUDE_SESSION_ID": "übergrößeЖ٣"}, "bergre"),
    ],
)
def test_the_session_is_that_of_the_environment(sdk: Sdk, state: Nudges, env: dict[str, str], session: str) -> None:
    """What does not fit a file name is stripped from it."""
    assert said(sdk, **env) == SHOWN
    assert state.count(session) == 1


def test_without_a_session_the_day_counts(sdk: Sdk, state: Nudges) -> None:
    """In local time; not one budget for the machine and for ever."""
    days = [time.strftime("day-%Y%m%d")]
    assert said(sdk, CLAUDE_SESSION_ID=None) == SHOWN
    days.append(time.strftime("day-%Y%m%d"))
    assert 1 in [state.count(day) for day in days]


def test_a_session_id_that_is_no_file_name_is_no_error(sdk: Sdk, state: Nudges) -> None:
    """Too long for any file system: no tip, and nothing is left behind but the lock."""
    assert said(sdk, CLAUDE_SESSION_ID="x" * 300) == ""
    assert state.names() in ([], ["nudge-state.json.lock"])


def test_old_sessions_are_removed(sdk: Sdk, state: Nudges) -> None:
    """Counts, flags and temporary files of a week ago, when a tip is recorded; nothing younger, and nothing else."""
    state.folder.mkdir(parents=True)
    old = ["nudge-session-old.json", ".nudge-tmp.1.1", "notes.txt", "nudge-state.json.corrupt-20260101T000000Z"]
    for name in (*old, "nudge-session-new.json"):
        (state.folder / name).write_text("{}")
    for name in ("nudge-flag-old-x", "nudge-flag-new-x"):
        (state.folder / name).mkdir()
    (state.folder / "nudge-flag-old-x" / "nudge-state.json").write_text("of a shell that was killed")
    for name in (*old, "nudge-flag-old-x"):
        os.utime(state.folder / name, (time.time() - 8 * 86400,) * 2)
    assert said(sdk) == SHOWN
    assert state.names() == [
        "notes.txt",
        "nudge-flag-new-x",
        "nudge-flag-s1-interline",
        "nudge-session-new.json",
        "nudge-session-s1.json",
        "nudge-state.json",
        "nudge-state.json.corrupt-20260101T000000Z",
        "nudge-state.json.lock",
    ]


# What it says --------------------------------------------------------------------------------------------------------


def test_what_drives_a_terminal_is_stripped(sdk: Sdk) -> None:
    """Escapes, newlines, C1, marks that turn the writing around, half characters; the rest stays."""
    benefit = "a\x1b[31m\r\n\tb\x07\x9bc\u202ed\u2066e\ud800 für ✓"
    assert said(sdk, f"nudge_companion('interline', {benefit!a})") == tip("interline", "a[31mbcde für ✓")


def test_a_benefit_is_one_sentence(sdk: Sdk) -> None:
    """It gets no second full stop, and no megabyte of it reaches the terminal."""
    assert said(sdk, "nudge_companion('interline', ' a status line. ')") == SHOWN
    long = said(sdk, "nudge_companion('interphase', 'x' * 1_000_000)")
    assert len(long) < 1100
    assert long.endswith("…\n")


def test_without_a_benefit_the_manifests_say_it(sdk: Sdk) -> None:
    """The feature that needs the companion; where no manifest has one, whom it is good for."""
    asks = "nudge_companion('interwatch', '', 'interflux'); nudge_companion('intermore', None, 'interflux')"
    assert said(sdk, asks) == tip("interwatch", "documents that drifted are reviewed again") + tip(
        "intermore", "what interflux can do with it"
    )
    asks = "nudge_companion('intermore', '', 'nobody'); nudge_companion('interless', '')"
    assert said(sdk, asks, CLAUDE_SESSION_ID="s2") == tip("intermore", "what nobody can do with it") + tip(
        "interless", "what other plugins can do with it"
    )


def install(sdk: Sdk, name: str, manifest: object) -> None:
    """Put a plugin on record that lives outside of the cache, with its manifest."""
    folder = sdk.home / "plugins" / name
    (folder / ".claude-plugin").mkdir(parents=True)
    text = manifest if isinstance(manifest, str) else json.dumps(manifest)
    (folder / ".claude-plugin" / "integration.json").write_text(text)
    record = sdk.home / ".claude" / "plugins" / "installed_plugins.json"
    record.parent.mkdir(parents=True, exist_ok=True)
    plugins = json.loads(record.read_text())["plugins"] if record.exists() else {}
    plugins[f"{name}@m"] = [{"scope": "user", "installPath": str(folder)}]
    record.write_text(json.dumps({"version": 2, "plugins": plugins}))


def test_a_companion_of_an_ecosystem_is_routed_to_its_setup(sdk: Sdk) -> None:
    """It cannot be installed on its own; its manifest says so."""
    install(sdk, "interdeep", {"ecosystem_only": True})
    assert said(sdk, "nudge_companion('interdeep', 'depth', 'x')") == (
        "[interverse] Tip: run /clavain:setup for depth.\n"
    )


def test_an_installed_manifest_says_the_benefit(sdk: Sdk) -> None:
    """What the plugin itself says counts more than what is known of it."""
    features = [{"feature": "Own words.", "requires": "interwatch"}]
    install(sdk, "interflux", {"integrated_features": features})
    assert said(sdk, "nudge_companion('interwatch', '', 'interflux')") == tip("interwatch", "own words")


def test_broken_manifests_cost_the_tip_nothing(sdk: Sdk) -> None:
    """Garbage in the record or in a manifest: the tip does without."""
    install(sdk, "interflux", "no json")
    assert said(sdk) == SHOWN
    (sdk.home / ".claude" / "plugins" / "installed_plugins.json").write_bytes(b"\xff\0")
    assert "Tip" in said(sdk, "nudge_companion('interwatch', '', 'interflux')")


def test_a_plugin_without_a_usable_name_is_unknown(sdk: Sdk, state: Nudges) -> None:
    """Names that would break the state file do not get into it."""
    for number, name in enumerate(["", None, 'a"b', "a:b", "ü", "x" * 101, ".x", "a\nb", 7]):
        assert said(sdk, f"nudge_companion('companion{number}', 'x', {name!r})", CLAUDE_SESSION_ID=f"s{number}")
    assert all(pair.startswith("unknown:companion") for pair in state.pairs())


# Where nobody listens ------------------------------------------------------------------------------------------------


def test_a_tip_that_nobody_can_see_is_not_recorded(sdk: Sdk, state: Nudges) -> None:
    """Standard error closed, or full because its reader sleeps; and neither stops the hook."""
    closed = sdk.run_python(f"import os; os.close(2); {ASK}; os._exit(0)")
    assert (closed.code, state.names()) == (0, [])
    fill = "import os; os.set_blocking(2, False)\n"
    fill += "try:\n    while True: os.write(2, b'x' * 4096)\nexcept BlockingIOError: pass\n"
    process = sdk.start(f"{fill}os.set_blocking(2, True); {ASK}; os._exit(7)")
    try:
        assert process.wait(20) == 7
        assert state.names() == []
    finally:
        process.communicate()


def test_a_reader_that_is_gone_does_not_change_the_exit_code(sdk: Sdk) -> None:
    """What nobody reads must not be left in a buffer that fails at exit."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        sdk.argv_python(ASK), stdin=subprocess.DEVNULL, stderr=write, env=sdk.environ, cwd=sdk.project, check=False
    )
    os.close(write)
    assert done.returncode == 0


def test_a_replaced_standard_error_is_written_to(sdk: Sdk) -> None:
    """Tests and notebooks put an object of their own there."""
    code = f"import io; real, sys.stderr = sys.stderr, io.StringIO(); {ASK}; print(sys.stderr.getvalue(), end='')"
    assert sdk.run_python(code).out == SHOWN
    assert sdk.run_python(f"sys.stderr = None; {ASK}").code == 0


# Damage --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [b"", b"\0\xff garbage", b"[]", b'{"a:b": []}', b'{"a:b": {"ignores"', b"$(id)"])
def test_damaged_state_is_set_aside_and_written_anew(sdk: Sdk, state: Nudges, damage: bytes) -> None:
    """The tip is shown, the damaged file is kept under another name, and the new one is sound."""
    state.write(damage)
    assert said(sdk) == SHOWN
    aside = [name for name in state.names() if ".corrupt-" in name]
    assert [(state.folder / name).read_bytes() for name in aside] == [damage]
    assert aside[0].startswith("nudge-state.json.corrupt-2")
    assert state.pairs() == {PAIR: {"ignores": 1, "dismissed": False}}


def test_history_survives_damage(sdk: Sdk, state: Nudges) -> None:
    """What was dismissed in a file that was cut off stays dismissed, and what was counted is counted on."""
    state.write(
        b'{\n"interflux:interline": {"ignores": 2, "dismissed": false},\n"a:b": {"ignores": 3, "dismissed": true},\n"c:'
    )
    assert said(sdk) == SHOWN
    assert state.pairs() == {"a:b": {"ignores": 3, "dismissed": True}, PAIR: {"ignores": 3, "dismissed": True}}
    state.state.write_bytes(b'{"interflux:interline": {"ignores": 3, "dismissed": true}, ')
    assert said(sdk, CLAUDE_SESSION_ID="s2") == ""


@pytest.mark.parametrize("name", ["nudge-state.json", "nudge-session-s1.json"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "socket", "loop", "dangling"])
def test_what_is_no_file_is_set_aside(sdk: Sdk, state: Nudges, name: str, kind: str) -> None:
    """Nothing waits for a pipe's other end, and nothing is written into a folder or through a link."""
    state.folder.mkdir(parents=True)
    path = state.folder / name
    if kind == "folder":
        path.mkdir()
        (path / "inside").touch()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        os.mknod(path, 0o140600)
    else:
        path.symlink_to(path.name if kind == "loop" else sdk.base / "nowhere")
    assert said(sdk) == SHOWN
    assert path.is_file()
    assert not path.is_symlink()
    assert not (sdk.base / "nowhere").exists()
    assert len([one for one in state.names() if one.startswith(f"{name}.corrupt-")]) == (kind != "dangling")


def test_a_damaged_count_is_counted_from_the_flags(sdk: Sdk, state: Nudges) -> None:
    """Who has had two tips gets no third one because a file was damaged."""
    asks = "; ".join(f"nudge_companion('companion{n}', 'x')" for n in range(3))
    assert said(sdk, asks).count("Tip") == 2
    (state.folder / "nudge-session-s1.json").write_text("garbage")
    assert said(sdk, asks) == ""
    (state.folder / "nudge-flag-s1-companion0").rmdir()
    assert said(sdk, "nudge_companion('companion7', 'x')").count("Tip") == 1
    assert state.count() == 2


def test_two_damages_in_one_second_are_both_kept(sdk: Sdk, state: Nudges) -> None:
    """Nothing that was set aside is overwritten."""
    code = (
        "from pathlib import Path\n"
        f"path = Path({str(state.state)!r}); path.parent.mkdir(parents=True)\n"
        "for n in range(2):\n    path.write_text(f'garbage {n}'); nudge_companion(f'companion{n}', 'x')"
    )
    assert said(sdk, code).count("Tip") == 2
    aside = [state.folder / name for name in state.names() if ".corrupt-" in name]
    assert sorted(path.read_text() for path in aside) == ["garbage 0", "garbage 1"]


def test_a_huge_file_is_set_aside(sdk: Sdk, state: Nudges) -> None:
    """Not all of it is read, and what is whole in its first mebibyte is kept."""
    entry = b'"interflux:interline": {"ignores": 3, "dismissed": true}'
    state.write(b"{\n" + entry + b"," + b" " * (5 << 20))
    assert said(sdk) == ""


@pytest.mark.parametrize("spoiled", [".config", ".config/interverse", ".config/interverse/nudge-state.json.lock"])
def test_a_place_that_cannot_be_written_is_no_error(sdk: Sdk, spoiled: str) -> None:
    """A file where a folder should be, a folder where the lock should be: no tip, no word, nothing half done."""
    path = sdk.home / spoiled
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir() if spoiled.endswith(".lock") else path.write_text("mine")
    assert said(sdk) == ""
    assert path.is_dir() or path.read_text() == "mine"
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("spoiled", [".nudge-tmp.PID.1", ".nudge-tmp.PID.2"])
def test_a_tip_that_cannot_be_recorded_is_not_shown(sdk: Sdk, state: Nudges, spoiled: str) -> None:
    """When one of the files cannot be written, the others are as before: no flag, no count, no half of a state."""
    state.write(b'{\n"a:b": {"ignores": 1, "dismissed": false}\n}\n')
    before = state.names()
    code = f"import os; os.mkdir({str(state.folder / spoiled)!r}.replace('PID', str(os.getpid()))); {ASK}"
    assert said(sdk, code) == ""
    assert state.pairs() == {"a:b": {"ignores": 1, "dismissed": False}}
    assert [name for name in state.names() if not name.startswith(".nudge-tmp")] == [*before, "nudge-state.json.lock"]


def test_a_full_disk_shows_nothing(sdk: Sdk, state: Nudges) -> None:
    """Here a limit on the size of files; the state before is the state after."""
    state.write(b'{\n"a:b": {"ignores": 1, "dismissed": false}\n}\n')
    code = (
        "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n{ASK}"
    )
    assert said(sdk, code) == ""
    assert state.pairs() == {"a:b": {"ignores": 1, "dismissed": False}}
    assert state.names() == ["nudge-state.json", "nudge-state.json.lock"]
