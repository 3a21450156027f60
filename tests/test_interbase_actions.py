"""interbase's actions and discovery: with real programs, none of which may stop a hook."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tests.sdk_kit import HOSTILE, Sdk
from tests.test_interbase_guards import ends

REFUSING = 'case "$2" in emit) echo "usage: --source is required" >&2; exit 3;; esac; exit 0'


@pytest.fixture
def sdk(tmp_path: Path) -> Sdk:
    """A hook without any program of the ecosystem."""
    return Sdk(tmp_path)


def said(sdk: Sdk, code: str, **env: str) -> str:
    """What code says on standard error; it must end well and print nothing."""
    ran = sdk.run_python(code, env=env)
    assert (ran.code, ran.out) == (0, ""), ran
    return ran.err


# Phases --------------------------------------------------------------------------------------------------------------


def test_a_phase_is_set_by_the_tracker(sdk: Sdk) -> None:
    """As specified; the reason is reserved and goes nowhere; a phase may be any word."""
    sdk.program("bd", "echo fine; echo talk >&2")
    assert said(sdk, "phase_set('iv-1', 'planned', 'because'); phase_set('iv-1', '-x=y z')") == ""
    assert sdk.calls() == [["bd", "set-state", "iv-1", "phase=planned"], ["bd", "set-state", "iv-1", "phase=-x=y z"]]


def test_without_the_programs_nothing_happens_and_nothing_is_said(sdk: Sdk) -> None:
    """Whatever the arguments are."""
    sdk.program("bd").chmod(0o644)
    assert (
        said(sdk, "phase_set('iv-1', 'planned'); emit_event('r', 't'); phase_set(None, 7); emit_event([], {}, b'')")
        == ""
    )


def test_a_program_that_fails_is_said_and_forgotten(sdk: Sdk) -> None:
    """The last line of what it wrote is shown, without what could drive a terminal."""
    sdk.program("bd", "echo first >&2; printf 'no \\033[31missue\\a \\302\\233found\\r\\n\\n' >&2; exit 5")
    assert (
        said(sdk, "phase_set('iv-1', 'planned')")
        == "[interbase] bd set-state failed with exit code 5: no [31missue found\n"
    )
    sdk.program("bd", "kill -9 $$")
    assert said(sdk, "phase_set('iv-1', 'planned')") == "[interbase] bd set-state failed with exit code 137\n"


def test_a_program_that_cannot_be_started_is_said(sdk: Sdk) -> None:
    """An executable file that is no program; and the next action works."""
    (sdk.bin / "bd").write_bytes(b"\x00\x01 nonsense")
    (sdk.bin / "bd").chmod(0o755)
    assert (
        said(sdk, "phase_set('iv-1', 'x')") == "[interbase] bd set-state failed with exit code 126: Exec format error\n"
    )


def test_much_output_neither_blocks_nor_floods(sdk: Sdk) -> None:
    """A program may write megabytes; one line of it is shown, cut."""
    sdk.program("bd", "i=0; while [ $i -lt 3000 ]; do printf %01000d $i >&2; i=$((i+1)); done; exit 1")
    line = said(sdk, "phase_set('iv-1', 'x')")
    assert line.startswith("[interbase] bd set-state failed with exit code 1: 000")
    assert len(line) < 1100


@pytest.mark.parametrize("body", ["exec sleep 60", "trap '' TERM; sleep 60 & while :; do sleep 1; done"])
def test_an_action_that_hangs_ends_within_its_budget(sdk: Sdk, body: str) -> None:
    """Ten seconds in earnest; here the same code with less, for nobody wants to wait for a test."""
    pid = sdk.base / "pid"
    sdk.program("bd", f"echo $$ >'{pid}'; echo stuck >&2; {body}")
    shorter = "from interhost.interbase import actions; actions.ACTION_SECONDS = 0.8\n"
    begin = time.monotonic()
    assert said(sdk, f"{shorter}phase_set('iv-1', 'x')") == "[interbase] bd set-state: no answer within 0.8 s\n"
    assert time.monotonic() - begin < 5
    assert ends(int(pid.read_text()))


def test_the_budgets_are_those_that_are_promised() -> None:
    """Two seconds for a question, ten for an action."""
    from interhost.interbase import programs

    assert (programs.GUARD_SECONDS, programs.ACTION_SECONDS) == (2.0, 10.0)


def test_a_tracker_that_starts_a_daemon_delays_nothing(sdk: Sdk) -> None:
    """What it leaves behind keeps its own output and lives on."""
    pid, log = sdk.base / "pid", sdk.base / "log"
    sdk.program("bd", f"( sleep 0.5; echo late >&2; echo alive >'{log}'; exec sleep 30 ) & echo $! >'{pid}'; exit 0")
    ran = sdk.run_python("phase_set('iv-1', 'x')")
    try:
        assert (ran.code, ran.out, ran.err) == (0, "", "")
        until = time.monotonic() + 10
        while not log.exists() and time.monotonic() < until:
            time.sleep(0.02)
        assert log.read_text() == "alive\n"
    finally:
        os.kill(int(pid.read_text()), 9)


@pytest.mark.parametrize("closed", ["0", "1", "0, 1"])
def test_a_hook_without_its_standard_files_hears_why_something_failed(sdk: Sdk, closed: str) -> None:
    """Whatever number the file for the program's words then gets."""
    sdk.program("bd", "echo why >&2; exit 4")
    ran = sdk.run_python(f"import os\nfor fd in ({closed},): os.close(fd)\nphase_set('iv-1', 'x')\nos._exit(0)")
    assert (ran.code, ran.err) == (0, "[interbase] bd set-state failed with exit code 4: why\n")


def test_no_place_for_temporary_files_is_no_obstacle(sdk: Sdk) -> None:
    """Then a failure is said without the program's own words."""
    sdk.program("bd", "echo why >&2; exit 4")
    assert (
        said(sdk, "phase_set('iv-1', 'x')", TMPDIR="/nowhere") == "[interbase] bd set-state failed with exit code 4\n"
    )
    assert sorted(os.listdir(sdk.base)) == ["bin", "calls", "home", "project", "tools"]  # and nothing is left lying


# Arguments -----------------------------------------------------------------------------------------------------------


def test_strange_arguments_do_nothing_and_never_raise(sdk: Sdk) -> None:
    """Missing ones are passed over in silence; of others that no program can be given, name and value are said."""
    sdk.program("bd")
    sdk.program("ic")
    names = f"[{', '.join(map(ascii, HOSTILE))}]"
    calls = "phase_set(name, 'x'); phase_set('iv-1', name); emit_event(name, 't'); emit_event('r', name)"
    code = f"for name in {names}:\n    {calls}"
    lines = said(sdk, code).splitlines()
    assert "[interbase] phase_set: bead: expected text, got int; nothing was done" in lines
    assert "[interbase] emit_event: event_type: no program can be given 'a\\x00b'; nothing was done" in lines
    assert "[interbase] emit_event: run_id: no program can be given '-n'; nothing was done" in lines
    assert all(line.startswith("[interbase] ") and line.isprintable() for line in lines)
    arrived = sdk.calls_file.read_bytes()
    assert b"phase=-n\n" in arrived  # behind a '=', a dash is a letter like any other
    assert b"\xff\xfe" in arrived  # bytes that are no text, as they are


def test_missing_arguments_are_silent(sdk: Sdk) -> None:
    """An empty bead is what a guard answers when there is none."""
    sdk.program("bd")
    sdk.program("ic")
    assert (
        said(
            sdk,
            "phase_set('', 'x'); phase_set(None, 'x'); phase_set('b', None); emit_event('', 't'); emit_event('r', '')",
        )
        == ""
    )
    assert sdk.calls() == []


# Events --------------------------------------------------------------------------------------------------------------


def test_an_event_is_emitted_in_the_specified_form(sdk: Sdk) -> None:
    """With an empty object where no payload is given; a kernel that takes it is asked once."""
    sdk.program("ic")
    assert (
        said(sdk, "emit_event('r1', 'review.done'); emit_event('r1', 't', '{\"a\": 1}'); emit_event('r1', 't', None)")
        == ""
    )
    assert sdk.calls() == [
        ["ic", "events", "emit", "r1", "review.done", "--payload={}"],
        ["ic", "events", "emit", "r1", "t", '--payload={"a": 1}'],
        ["ic", "events", "emit", "r1", "t", "--payload={}"],
    ]


@pytest.mark.parametrize(
    ("payload", "context"),
    [
        ('{"a": [1, "ü"]}', {"a": [1, "ü"]}),
        ("[1]", {"value": "[1]"}),
        ('{"a": 1e400}', {"a": float("inf")}),
        ('{"a": NaN}', {"value": '{"a": NaN}'}),
        ("no json", {"value": "no json"}),
    ],
)
def test_a_kernel_that_refuses_the_form_gets_one_it_knows(sdk: Sdk, payload: str, context: object) -> None:
    """Released kernels end with 3; the event is recorded then, with a key of its own, and the payload as an object.

    An object goes in as it was written, numbers beyond Python's included.
    """
    sdk.program("ic", REFUSING)
    assert (
        said(sdk, f"emit_event('r1', 'review.done', {payload!r}); emit_event('r1', 'review.done', {payload!r})") == ""
    )
    first, second = (call for call in sdk.calls() if call[2] == "record")
    assert first[1:6] == ["events", "record", "--source=agency", "--type=review.done", "--run=r1"]
    event = {"agency_name": "interbase", "cycle_id": "r1", "stage": "review.done", "context": context}
    assert json.loads(first[7].removeprefix("--payload=")) == event
    assert first[6].startswith("--idempotency-key=interbase-")
    assert first[6] != second[6]


def test_an_event_that_no_form_can_record_is_said(sdk: Sdk) -> None:
    """Once, with what the kernel said to the second form; another failure than a usage error is final."""
    sdk.program("ic", 'echo "no $2" >&2; exit 3')
    assert said(sdk, "emit_event('r1', 't')") == "[interbase] ic events failed with exit code 3: no record\n"
    assert len(sdk.calls()) == 2
    sdk.program("ic", 'echo "no $2" >&2; exit 2')
    assert said(sdk, "emit_event('r1', 't')") == "[interbase] ic events failed with exit code 2: no emit\n"
    assert len(sdk.calls()) == 1


# Status --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bd", "ic", "status"),
    [
        (None, None, "beads=not-detected | ic=not-detected"),
        ("exit 1", None, "beads=active | ic=not-detected"),
        (None, "exit 1", "beads=not-detected | ic=not-initialized"),
        ("exit 0", "exit 0", "beads=active | ic=active"),
    ],
)
def test_the_status_names_what_is_there(sdk: Sdk, bd: str | None, ic: str | None, status: str) -> None:
    """As a value: nothing is printed, and no bead is needed."""
    for name, body in (("bd", bd), ("ic", ic)):
        if body:
            sdk.program(name, body)
    assert sdk.value("session_status()") == f"[interverse] {status}"
    assert [call[0] for call in sdk.calls() if call[0] == "bd"] == []


# Discovery -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("versions", "highest"),
    [
        (["1.9.0", "1.10.0"], "1.10.0"),
        (["0.2.9", "0.2.18", "0.2.5"], "0.2.18"),
        (["2.0.0-rc.1", "2.0.0", "2.0.0-rc.2"], "2.0.0"),
        (["2.0.0-rc.2", "2.0.0-rc.10"], "2.0.0-rc.10"),
        (["2.0.0-alpha", "2.0.0-rc.1", "1.9.9"], "2.0.0-rc.1"),
        (["2.0.0-1", "2.0.0-rc"], "2.0.0-rc"),
        (["2.0.0-rc", "2.0.0-rc.0"], "2.0.0-rc.0"),
        (["9999999999999", "0f3c9a77e2b1", "unknown", "0.0.1"], "0.0.1"),
        (["v1.2.3", "1.2.2+build.9"], "v1.2.3"),
        (["1.2", "1.2.1"], "1.2.1"),
        (["1.2.0", "1." + "9" * 200], "1." + "9" * 200),
        (["aaa", "bbb"], "bbb"),
        (["1.2.3.4", "1.2.3"], "1.2.3.4"),
    ],
)
def test_the_highest_version_wins(sdk: Sdk, versions: list[str], highest: str) -> None:
    """Versions are compared as versions, whatever marketplace they come from."""
    folders = {v: sdk.install_plugin("interflux", v, f"market{n}") for n, v in enumerate(versions)}
    assert sdk.value("plugin_cache_path('interflux')") == str(folders[highest])


def test_only_real_folders_count(sdk: Sdk) -> None:
    """The cache bridges versions with links, which may lead nowhere; files are no versions."""
    folder = sdk.install_plugin("interflux", "1.0.0")
    (folder.parent / "3.0.0").symlink_to(folder)
    (folder.parent / "4.0.0").symlink_to("nowhere")
    (folder.parent / "5.0.0").touch()
    (folder.parent / ".6.0.0").mkdir()
    assert sdk.value("plugin_cache_path('interflux')") == str(folder)
    assert sdk.value("[plugin_cache_path('other'), plugin_cache_path('')]") == ["", ""]


def test_the_root_is_stated_or_found_above(sdk: Sdk, tmp_path: Path) -> None:
    """DEMARCH_ROOT as it is; else the nearest folder upwards that has the SDK in it; else nothing."""
    assert sdk.value("ecosystem_root()") == ""
    deep = sdk.project / "a" / "b"
    deep.mkdir(parents=True)
    (sdk.project / "sdk" / "interbase").mkdir(parents=True)
    assert sdk.value("ecosystem_root()", cwd=deep) == str(sdk.project)
    assert sdk.value("ecosystem_root()", cwd=deep, env={"DEMARCH_ROOT": "/elsewhere"}) == "/elsewhere"
    assert sdk.value("ecosystem_root()", cwd=deep, env={"DEMARCH_ROOT": ""}) == str(sdk.project)
