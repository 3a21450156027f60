"""interbase.sh: guards, actions and discovery, each in a real bash that runs as strict as a hook can."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.hook_kit import BASH, LIBRARY, SHELL, STUB, Hook, Ran
from tests.sdk_kit import Sdk

STRICT = ("-euo pipefail", "-Eeuo pipefail", "-eu -o posix", "-fuC")
GUARDS = ("ib_has_ic", "ib_has_bd", "ib_has_companion interphase", "ib_in_sprint")
ACTIONS = ("ib_phase_set iv-1 planned", "ib_emit_event run-1 review.done", "ib_session_status")
EVERYTHING = "; ".join(
    [f"if {guard}; then :; fi" for guard in (*GUARDS, "ib_in_ecosystem")]
    + [*ACTIONS, "ib_get_bead", "ib_plugin_cache_path interphase", "ib_ecosystem_root"]
    + ["ib_nudge_companion interline 'a status line' interflux"]
)
HOSTILE = ["", ".", "..", "../interphase", "inter/phase", "*", "inter*", "[i]nterphase", "?nterphase", "x" * 300, "-n"]
HOSTILE += ["a\nb", "interphase/", "{interphase,}", "$HOME", "\udcff\udcfe", "ü"]


@pytest.fixture
def hook(tmp_path: Path) -> Hook:
    """A hook without any program of the ecosystem."""
    return Hook(tmp_path)


def without_timeout(hook: Hook) -> None:
    """Take timeout(1) away: the library has its own watchdog then."""
    (hook.tools / "timeout").unlink()


# Loading -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", STRICT)
def test_everything_works_under_every_option(hook: Hook, options: str) -> None:
    """No option of the hook, no error trap, and no missing program makes a function fail or say a word too many."""
    ran = hook.run(f"{EVERYTHING}; echo alive", options=options)
    assert (ran.code, ran.out) == (0, "alive\n")
    assert ran.err.splitlines() == [
        "[interverse] beads=not-detected | ic=not-detected",
        "[interverse] Tip: run /plugin install interline for a status line.",
    ]


@pytest.mark.parametrize("watchdog", [False, True])
@pytest.mark.parametrize("options", STRICT)
def test_failing_programs_work_under_every_option(hook: Hook, options: str, watchdog: bool) -> None:
    """The same where there are programs, and each of them fails."""
    if watchdog:
        without_timeout(hook)
    hook.program("ic", "exit 1")
    hook.program("bd", "exit 1")
    ran = hook.run(f"{EVERYTHING}; echo alive", options=options, env={"CLAVAIN_BEAD_ID": "iv-1"})
    assert (ran.code, ran.out) == (0, "iv-1\nalive\n")
    assert ran.err.splitlines() == [
        "[interbase] bd set-state failed with exit code 1",
        "[interbase] ic events failed with exit code 1",
        "[interverse] beads=active | ic=not-initialized",
        "[interverse] Tip: run /plugin install interline for a status line.",
    ]


@pytest.mark.parametrize("watchdog", [False, True])
def test_no_variable_of_a_hook_is_in_the_way(hook: Hook, watchdog: bool) -> None:
    """Not even read-only ones, of whatever word stands in the library: its own names all begin with ``_ib``."""
    if watchdog:
        without_timeout(hook)
    hook.program("ic", "exit 3")
    hook.program("bd", "exit 1")
    hook.install_plugin("interphase", "1.10.0-rc.1")
    hook.install_plugin("interphase", "1.10.0-rc.2")
    words = sorted({*re.findall(r"(?:\b_ib_|\b)([a-z][a-z_]*)\b", LIBRARY.read_text() + STUB.read_text())})
    assert {"path", "root", "state", "text"} <= {*words}
    env = {"CLAVAIN_BEAD_ID": "iv-1", "INTERMOD_LIB": str(LIBRARY)}
    free = hook.run(f"{EVERYTHING}; echo alive", env=env)
    assert free.err.count("Tip") == 1
    script = f"readonly {' '.join(f'{word}=mine' for word in words)}; source '{STUB}'; {EVERYTHING}; echo alive"
    for session, head in (("s2", ""), ("s3", f"source '{LIBRARY}'; ")):
        bound = hook.run(head + script, library=Path("/dev/null"), env={**env, "CLAUDE_SESSION_ID": session})
        assert bound[:3] == free[:3]


@pytest.mark.parametrize(
    "env", [{"PATH": ""}, {"PATH": None}, {"HOME": None}, {"HOME": ""}, {"TMPDIR": "/nowhere"}, {"PWD": None}]
)
def test_everything_works_without_its_surroundings(hook: Hook, env: dict[str, str | None]) -> None:
    """PATH empty or unset, HOME unset or empty, no place for temporary files: nothing fails."""
    hook.program("ic", "exit 1")
    hook.program("bd", "exit 1")
    ran = hook.run(f"{EVERYTHING}; echo alive", env=env)
    assert ran.code == 0
    assert ran.out == "alive\n"
    assert "ERR-TRAP" not in ran.err


def test_everything_works_in_a_removed_directory(hook: Hook) -> None:
    """A worktree is often gone before the hook that runs in it."""
    hook.program("ic", "exit 0")
    ran = hook.run(f"mkdir gone; cd gone; rmdir ../gone; {EVERYTHING}; echo alive", env={"CLAVAIN_BEAD_ID": "iv-1"})
    assert (ran.code, ran.out) == (0, "iv-1\nalive\n")
    assert "ERR-TRAP" not in ran.err


@pytest.mark.parametrize("options", ["-eu", "-eua"])
@pytest.mark.parametrize("source", [LIBRARY, STUB], ids=["live", "stub"])
def test_nothing_of_the_hook_changes(hook: Hook, options: str, source: Path) -> None:
    """Options, traps, files, directory and environment stay; variables of ours are few, and not exported."""
    hook.program("ic", "exit 1")
    hook.program("bd", "echo no >&2; exit 1")
    look = '{ set +o; shopt -p; trap -p; pwd; export -p; export -pf; echo "$IFS"; echo /dev/fd/*; umask; } >'
    before = f"exec 7>/dev/null; shopt -s nullglob nocasematch; IFS=:; {look}before; compgen -v | read -rd '' vars || :"
    script = f"source '{source}'; {{ {EVERYTHING}; }} 2>/dev/null; {look}after; compgen -v >variables"
    done = subprocess.run(
        [BASH, "-c", f"set {options}; {before}; {script}"],
        env={**hook.environ, "CLAVAIN_BEAD_ID": "iv-1"},
        cwd=hook.project,
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    assert (hook.project / "before").read_text() == (hook.project / "after").read_text()
    ours = re.findall(r"^_?i[bn].*|^_I.*", (hook.project / "variables").read_text(), re.MULTILINE)
    marks = {"_INTERBASE_LOADED", "_INTERBASE_SOURCE"}
    assert set(ours) == marks | ({"_IB_ECOSYSTEM_ONLY", "_IB_FILE"} if source is LIBRARY else {"_INTERBASE_STUB"})


def test_loading_twice_loads_once(hook: Hook) -> None:
    """The second time nothing is defined again; a mark that only came with the environment does not count."""
    again = f"ib_has_ic() {{ echo mine; }}; source '{LIBRARY}'; ib_has_ic"
    assert hook.say(again) == "mine\n"
    assert hook.say("echo $_INTERBASE_LOADED $_INTERBASE_SOURCE", env={"_INTERBASE_LOADED": "1"}) == "1 live\n"
    assert hook.asks("ib_in_ecosystem")


def test_a_copy_that_was_cut_off_defines_nothing(hook: Hook) -> None:
    """Cut in its first half, there is nothing of it; in its second, its guards answer and its actions do nothing."""
    text = LIBRARY.read_bytes()
    cut, half = hook.base / "cut.sh", text.index(b"\nfi\n\n# The second half")
    hook.program("ic")
    hook.program("bd")
    for size in range(text.index(b"_ib_flags=$-"), len(text) - 4, len(text) // 60):
        cut.write_bytes(text[:size])
        if size <= half + 3:
            script = f"source '{cut}' 2>/dev/null || declare -F; echo ${{_INTERBASE_SOURCE:-none}}"
            assert subprocess.run([BASH, "-c", script], capture_output=True, check=True).stdout == b"none\n", size
        else:
            assert hook.say(EVERYTHING, library=cut, env={"CLAVAIN_BEAD_ID": "iv-1"}) == "iv-1\n", size
            assert hook.asks("ib_has_ic", library=cut)
    assert hook.calls() == []


def test_a_copy_that_was_replaced_meanwhile_is_not_mixed(hook: Hook) -> None:
    """The second half of another version is not taken for ours, and one that is gone is no error."""
    copy = hook.base / "copy.sh"
    hook.program("bd")
    act = "ib_phase_set iv-1 planned; ib_session_status; if ib_has_bd; then echo alive; fi"
    for change in (f"sed -i 's/2[.]0[.]0/2.0.1/' '{copy}'", f"rm '{copy}'", f"rm '{copy}'; mkdir '{copy}'"):
        copy.write_bytes(LIBRARY.read_bytes())
        env = {"PATH": f"{hook.environ['PATH']}:/usr/bin:/bin"}
        assert hook.say(f"{change}; {act}", library=copy, env=env) == "alive\n"
    assert hook.calls() == []


def test_a_relative_name_stays_good(hook: Hook) -> None:
    """Sourced by a relative name, the second half is found after the hook has gone elsewhere."""
    (hook.project / "copy.sh").write_bytes(LIBRARY.read_bytes())
    assert "beads=not-detected" in hook.run("cd /; ib_session_status", library=Path("copy.sh")).err


def test_the_shipped_checks_pass(tmp_path: Path) -> None:
    """``test-interbase.sh`` runs where the library is, and fails when something is wrong with it."""
    for name in ("interbase.sh", "interbase-stub.sh", "test-interbase.sh"):
        (tmp_path / name).write_bytes((SHELL / name).read_bytes())
    argv = [BASH, str(tmp_path / "test-interbase.sh")]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout
    assert len(re.findall("^ok ", done.stdout, re.MULTILINE)) > 40
    library = tmp_path / "interbase.sh"
    library.write_text(library.read_text().replace("phase=$_ib_phase", "phase:$_ib_phase"))
    done = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "not ok" in done.stdout


# Guards --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ic", "bd"])
def test_a_program_is_looked_for_and_not_run(hook: Hook, name: str) -> None:
    """An executable file on PATH counts; a folder, a file without the permission, a function or a mere name do not."""
    guard = f"ib_has_{name}"
    assert not hook.asks(guard)
    assert not hook.asks(f"{name}() {{ echo CALLED; }}; shopt -s expand_aliases; alias {name}=true; {guard}")
    (hook.tools / name).mkdir()
    assert not hook.asks(guard)
    hook.program(name).chmod(0o644)
    assert not hook.asks(guard)
    hook.program(name)
    assert hook.asks(guard)
    assert not hook.asks(guard, env={"PATH": ""})
    assert not hook.asks(guard, env={"PATH": ":.:bin"}, cwd=hook.base)
    assert not hook.asks(guard, env={"PATH": ":.:"}, cwd=hook.bin)
    assert hook.calls() == []


def test_companions_are_folders_of_the_cache(hook: Hook) -> None:
    """Any version of any marketplace counts; a file, or a plugin without a version, does not."""
    assert not hook.asks("ib_has_companion interphase")
    folder = hook.install_plugin("interphase", "1.0.0", "some market [x]")
    assert hook.asks("ib_has_companion interphase")
    assert not hook.asks("ib_has_companion interphas")
    folder.rmdir()
    assert not hook.asks("ib_has_companion interphase")
    folder.write_text("")
    assert not hook.asks("ib_has_companion interphase")
    assert not hook.asks("ib_has_companion")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_companions_are_never_patterns_or_paths(hook: Hook, name: str) -> None:
    """Globs, slashes, dots, three hundred characters: no match, no path, no error, no tip."""
    hook.install_plugin("interphase")
    script = 'if ib_has_companion "$NAME"; then echo found; fi; ib_plugin_cache_path "$NAME"; '
    script += 'ib_nudge_companion "$NAME" x'
    assert hook.say(script, env={"NAME": name}) == ""
    assert not (hook.home / ".config").exists()


@pytest.mark.parametrize("name", ["ho[m]e", "ho*e", "ho me", "ho\nme", "hö\\me"])
def test_a_home_with_odd_characters_is_a_home(tmp_path: Path, name: str) -> None:
    """The home's name is never a pattern."""
    hook = Hook(tmp_path, name)
    (tmp_path / "hom" / "e").mkdir(parents=True)
    assert not hook.asks("ib_has_companion interphase")
    folder = hook.install_plugin("interphase")
    assert hook.asks("ib_has_companion interphase")
    assert hook.say("ib_plugin_cache_path interphase") == f"{folder}\n"


@pytest.mark.parametrize("option", ["set -f", "shopt -s failglob", "shopt -s nullglob", "shopt -s dotglob", "IFS=/"])
def test_options_of_globs_change_no_answer(hook: Hook, option: str) -> None:
    """Whatever the hook does with its own patterns."""
    assert not hook.asks(f"{option}; ib_has_companion interphase")
    hook.install_plugin("interphase")
    assert hook.asks(f"{option}; ib_has_companion interphase")


def test_places_that_claude_code_moves_are_followed(hook: Hook) -> None:
    """With CLAUDE_CONFIG_DIR or CLAUDE_CODE_PLUGIN_CACHE_DIR set, the cache is there."""
    hook.install_plugin("interphase")
    root = hook.home / ".claude"
    nowhere = str(hook.base / "nowhere")
    assert hook.asks("ib_has_companion interphase", env={"HOME": nowhere, "CLAUDE_CONFIG_DIR": str(root)})
    moved = {"HOME": nowhere, "CLAUDE_CODE_PLUGIN_CACHE_DIR": str(root / "plugins")}
    assert hook.asks("ib_has_companion interphase", env=moved)
    assert not hook.asks("ib_has_companion interphase", env={"CLAUDE_CONFIG_DIR": nowhere})


def test_the_bead_is_that_of_the_environment(hook: Hook) -> None:
    """As it stands there; nothing at all where there is none."""
    assert hook.say("ib_get_bead") == ""
    assert hook.say("ib_get_bead", env={"CLAVAIN_BEAD_ID": ""}) == ""
    assert hook.say("ib_get_bead", env={"CLAVAIN_BEAD_ID": "iv-1.2 %s\\n"}) == "iv-1.2 %s\\n\n"


def test_a_sprint_is_a_bead_and_a_run(hook: Hook) -> None:
    """Without a bead ``ic`` is not even asked; it is asked as specified, then with the path that it stores."""
    bead = {"CLAVAIN_BEAD_ID": "iv-1"}
    assert not hook.asks("ib_in_sprint", env=bead)
    hook.program("ic", "echo noise; echo noise >&2")
    assert not hook.asks("ib_in_sprint")
    assert hook.calls() == []
    assert hook.asks("ib_in_sprint", env=bead)
    assert hook.calls() == [["ic", "run", "current", "--project=."]]
    hook.program("ic", f'[ "$3" = "--project={hook.project}" ]')
    assert hook.asks("ib_in_sprint", env=bead)
    assert [call[3] for call in hook.calls()] == ["--project=.", f"--project={hook.project}"]
    hook.program("ic", "exit 2")
    assert not hook.asks("ib_in_sprint", env=bead)


@pytest.mark.parametrize("watchdog", [False, True])
def test_programs_get_nothing_of_the_hook(hook: Hook, watchdog: bool) -> None:
    """Neither its input, which the hook reads afterwards, nor a function of their name, nor any open file."""
    if watchdog:
        without_timeout(hook)
    body = f"cat >>'{hook.base}/stolen'; for fd in /proc/$$/fd/*; do readlink $fd; done >>'{hook.base}/files'; exit 0"
    for name in ("ic", "bd"):
        hook.program(name, f"PATH=/usr/bin:/bin; {body}")
    script = "shopt -s lastpipe; ic() { echo CALLED; }; bd() { echo CALLED; }; timeout() { echo CALLED; }; "
    script += "export -f ic bd timeout; "
    script += "exec 9>held 200>held; if ib_in_sprint; then :; fi; ib_phase_set iv-1 done; ib_emit_event r t; "
    script += 'ib_session_status 2>/dev/null; IFS= read -r line; echo "$line"'
    assert hook.say(script, env={"CLAVAIN_BEAD_ID": "iv-1"}, stdin=b'{"session_id": "x"}\n') == '{"session_id": "x"}\n'
    assert (hook.base / "stolen").read_text() == ""
    files = (hook.base / "files").read_text()
    assert "/dev/null" in files
    assert "held" not in files
    assert "pipe:" not in files


@pytest.mark.parametrize("watchdog", [False, True])
def test_a_child_that_stays_behind_keeps_nobody_waiting(hook: Hook, watchdog: bool) -> None:
    """The runner of a hook waits until its pipes are closed; a program's own daemon does not hold them."""
    if watchdog:
        without_timeout(hook)
    stay = f"PATH=/usr/bin:/bin; sleep 30 & echo $! >>'{hook.base}/pids'; exit 0"
    hook.program("ic", stay)
    hook.program("bd", stay)
    script = "if ib_in_sprint; then :; fi; ib_phase_set iv-1 done; ib_emit_event r t; ib_session_status"
    ran = hook.run(script, env={"CLAVAIN_BEAD_ID": "iv-1"})
    assert ran.code == 0
    assert ran.seconds < 5
    for pid in (hook.base / "pids").read_text().split():
        os.kill(int(pid), 9)


HANG = "PATH=/usr/bin:/bin; {trap} echo $$ >>'{pids}'; while :; do sleep 1; done"


def test_a_program_that_hangs_costs_its_budget_and_no_more(tmp_path: Path) -> None:
    """Two seconds for a guard, ten for an action, with timeout(1) and without, also when SIGTERM is ignored.

    Ten seconds are waited for by the conformance cases; here a copy waits for three instead.
    """
    library, limit = tmp_path / "interbase.sh", "_ib_run 10 TERM"
    assert LIBRARY.read_text().count(limit) == 1
    library.write_text(LIBRARY.read_text().replace(limit, "_ib_run 3 TERM"))

    def run(number: int) -> tuple[str, bool, bool, Ran]:
        guard, watchdog, deaf = bool(number & 1), bool(number & 2), bool(number & 4)
        folder = tmp_path / str(number)
        folder.mkdir()
        hook = Hook(folder)
        if watchdog:
            without_timeout(hook)
        body = HANG.format(trap="trap '' TERM;" if deaf else "", pids=tmp_path / "pids")
        hook.program("ic", body)
        hook.program("bd", body)
        action = "ib_phase_set iv-1 done" if watchdog else "ib_emit_event run type"
        script = "if ib_in_sprint; then echo BAD; fi" if guard else action
        return script, guard, deaf, hook.run(f"{script}; echo alive", library=library, env={"CLAVAIN_BEAD_ID": "iv-1"})

    with ThreadPoolExecutor(8) as pool:
        for script, guard, deaf, ran in pool.map(run, range(8)):
            assert (ran.code, ran.out) == (0, "alive\n"), script
            budget = 2 if guard or not deaf else 3  # an action's program is asked to end a second before
            assert budget - 0.1 < ran.seconds < budget + 5, script
            assert ran.err == ("" if guard else f"[interbase] {_what(script)}: no answer within 10 s\n"), script
    time.sleep(0.1)
    assert [pid for pid in (tmp_path / "pids").read_text().split() if _lives(pid)] == []


def _lives(pid: str) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def _what(script: str) -> str:
    return "bd set-state" if "phase_set" in script else "ic events"


# Actions -------------------------------------------------------------------------------------------------------------


def test_phase_set_calls_bd(hook: Hook) -> None:
    """With exactly the specified arguments; without a bead or a phase, or with an option for a bead, not at all."""
    hook.program("bd", "echo done")
    hook.say("ib_phase_set iv-1 planned 'a reason'; ib_phase_set iv-2 'a b*'")
    assert hook.calls() == [["bd", "set-state", "iv-1", "phase=planned"], ["bd", "set-state", "iv-2", "phase=a b*"]]
    hook.say("ib_phase_set; ib_phase_set iv-1; ib_phase_set '' planned; ib_phase_set --db=/etc/x planned")
    assert hook.calls() == []


@pytest.mark.parametrize("watchdog", [False, True])
def test_a_failure_is_logged_and_stays_there(hook: Hook, watchdog: bool) -> None:
    """One line with the exit code and the program's last words, without what could drive a terminal."""
    if watchdog:
        without_timeout(hook)
    words = "first\\nno database\\033[2J \\302\\2332J \\342\\200\\256tfel\\007 \\303\\274 \\342\\206\\222\\n\\n"
    hook.program("bd", f"printf '{words}' >&2; exit 4")
    ran = hook.run("ib_phase_set iv-1 planned; echo alive")
    assert (ran.code, ran.out) == (0, "alive\n")
    assert ran.err == "[interbase] bd set-state failed with exit code 4: no database[2J 2J tfel ü →\n"
    assert [path.name for path in hook.base.iterdir() if path.name.startswith(".interbase")] == []


def test_a_failure_without_a_place_for_its_words_is_logged_all_the_same(hook: Hook) -> None:
    """Without TMPDIR, or without rm, the exit code has to do."""
    hook.program("bd", "echo lost >&2; exit 4")
    short = "[interbase] bd set-state failed with exit code 4\n"
    assert hook.run("ib_phase_set iv-1 planned", env={"TMPDIR": str(hook.base / "nowhere")}).err == short
    (hook.tools / "rm").unlink()
    assert hook.run("ib_phase_set iv-1 planned").err == short


@pytest.mark.parametrize("closed", ["2>&-", "2> >(:)"])
def test_nobody_listening_is_no_error(hook: Hook, closed: str) -> None:
    """With standard error closed, or its reader gone, the hook goes on."""
    hook.program("bd", "exit 4")
    script = "{ read -rt 0.2 <> <(:) || :; ib_phase_set iv-1 planned; ib_session_status; "
    script += f"ib_nudge_companion interline x; }} {closed}; echo alive"
    assert hook.run(script).out == "alive\n"


def test_an_event_is_emitted_as_specified(hook: Hook) -> None:
    """Run, type and payload, ``{}`` when left out. Arguments that are missing or look like options: nothing."""
    hook.program("ic", "echo 1")
    hook.say("""ib_emit_event run-1 review.done; ib_emit_event run-1 review.done '{"a": "b c"}'""")
    head = ["ic", "events", "emit", "run-1", "review.done"]
    assert hook.calls() == [[*head, "--payload={}"], [*head, '--payload={"a": "b c"}']]
    hook.say("ib_emit_event; ib_emit_event run; ib_emit_event '' type; ib_emit_event --db=x type; ib_emit_event r --x")
    assert hook.calls() == []


PAYLOADS: dict[str, object] = {
    '{"a": [1, "ü\\n"]}': {"a": [1, "ü\n"]},
    ' {"a": {}}\n': {"a": {}},
    '{"a": 1.10, "b": 12345678901234567890}': {"a": "1.10", "b": 12345678901234567890},
    "{}": {},
    "": {},
    " ": {"value": " "},
    "[1]": {"value": "[1]"},
    "3": {"value": "3"},
    'tell "them"\n\tall \\ \x01\x1b\x7f': {"value": 'tell "them"\n\tall \\ \x01\x1b\x7f'},
    "{": {"value": "{"},
    "{a}": {"value": "{a}"},
    '{"a": NaN}': {"value": '{"a": NaN}'},
}
"""What is given, and the context that a kernel which knows only ``events record`` gets for it."""


def kernel(hook: Hook) -> None:
    """A kernel as it is released: it refuses what it does not know, and what is no JSON, as a usage error."""
    path = hook.program(
        "ic",
        """[ "$2" = record ] || { echo usage >&2; exit 3; }
        case "$*" in *'"context":{a}}' | *'"context":{"a": NaN}}') echo no JSON >&2; exit 3 ;; esac""",
    )
    note = f"printf '%s\\0' ic \"$@\" '' >>'{hook.calls_file}'\n"  # payloads have line ends in them
    head, _, *body = path.read_text().splitlines(keepends=True)
    path.write_text("".join([head, note, *body]))


def recorded(hook: Hook) -> list[list[str]]:
    """What that kernel has recorded, or refused to."""
    calls = [call.split("\0") for call in hook.calls_file.read_text().split("\0\0")[:-1]]
    hook.calls_file.unlink()
    return [call for call in calls if call[2] == "record"]


def test_an_event_reaches_a_kernel_that_knows_another_form(tmp_path: Path) -> None:
    """A usage error is answered with the form that released kernels take: an object, and a key of its own each time.

    From Python it is the same event, to the letter where the letters are the author's.
    """
    sdk = Sdk(tmp_path)
    kernel(sdk)
    payloads = {f"P{number}": payload for number, payload in enumerate(PAYLOADS)}
    sdk.say("\n".join(f'ib_emit_event \'run "1"\' {name} "${name}"' for name in payloads), env=payloads)
    shell = {call[4]: call for call in recorded(sdk)}  # of two tries, the second
    code = "\n".join(f"emit_event('run \"1\"', '{name}', os.environ['{name}'])" for name in payloads)
    assert sdk.run_python(f"import os\n{code}", env=payloads)[:3] == (0, "", "")
    python = {call[4]: call for call in recorded(sdk)}
    assert len({call[6] for call in (*shell.values(), *python.values())}) == 2 * len(payloads)
    for name, payload in payloads.items():
        event = {"agency_name": "interbase", "cycle_id": 'run "1"', "stage": name, "context": PAYLOADS[payload]}
        for call in (shell[f"--type={name}"], python[f"--type={name}"]):
            assert (call[3], call[5], call[6][:26]) == (
                "--source=agency",
                '--run=run "1"',
                "--idempotency-key=interbas",
            )
            assert json.loads(call[7].removeprefix("--payload="), parse_float=str) == event


def test_a_long_payload_is_emitted_although_it_could_not_be_recorded_as_text(hook: Hook) -> None:
    """Quoted again, it would be longer than Linux lets an argument be; and that many quotes cost no second."""
    hook.program("ic", "exit 0")
    payload = json.dumps({"a": [""] * 30_000})
    ran = hook.run('ib_emit_event r1 t "$PAYLOAD"', env={"PAYLOAD": payload})
    assert (ran.code, ran.err, hook.calls()[0][-1]) == (0, "", f"--payload={payload}")
    assert ran.seconds < 5


def test_only_a_usage_error_is_tried_again(hook: Hook) -> None:
    """Any other failure is that of the event, and is logged once."""
    hook.program("ic", "echo locked >&2; exit 2")
    assert hook.run("ib_emit_event run type").err == "[interbase] ic events failed with exit code 2: locked\n"
    assert len(hook.calls()) == 1
    hook.program("ic", 'echo "refused $2" >&2; exit 3')
    assert hook.run("ib_emit_event run type").err == "[interbase] ic events failed with exit code 3: refused record\n"
    assert len(hook.calls()) == 2


@pytest.mark.parametrize(
    ("programs", "line"),
    [
        ({}, "beads=not-detected | ic=not-detected"),
        ({"bd": "exit 1"}, "beads=active | ic=not-detected"),
        ({"ic": "exit 1"}, "beads=not-detected | ic=not-initialized"),
        ({"ic": '[ "$3" != "--project=." ]', "bd": "exit 0"}, "beads=active | ic=active"),
    ],
)
def test_session_status(hook: Hook, programs: dict[str, str], line: str) -> None:
    """One line on standard error, in the specified words."""
    for name, body in programs.items():
        hook.program(name, body)
    ran = hook.run("ib_session_status")
    assert (ran.code, ran.out, ran.err) == (0, "", f"[interverse] {line}\n")


# Discovery -----------------------------------------------------------------------------------------------------------

VERSIONS = [
    ["1.10.0", "1.9.0"],
    ["1.0.0", "1.0.0-rc.2", "1.0.0-rc.1", "1.0.0-beta.11", "1.0.0-beta.2", "1.0.0-beta", "1.0.0-alpha.beta"],
    ["1.0.0-alpha.1", "1.0.0-alpha", "1.0.0-1", "0.99.99"],
    ["0.0.1", "f00dfeedcafe", "123456789012"],
    ["unknown", "abcdef012345"],
    ["99999999999999999999.0", "18446744073709551616.0", "9223372036854775808.0", "2.0"],
    ["1.2.0.1", "1.2", "1.1.9"],
    ["2.0.0+build", "1.9.9+zzz"],
    ["1.0.0", "1.0.0rc1"],
    ["0.010.0", "0.9.0"],
]


@pytest.mark.parametrize("versions", VERSIONS)
def test_the_highest_version_is_found(hook: Hook, versions: list[str]) -> None:
    """Numbers count as numbers, a release counts more than its early ones, a version more than a hash; anywhere."""
    folders = [hook.install_plugin("interphase", one, f"m{ord(one[-1]) % 3}") for one in versions]
    for folder in folders:
        assert hook.say("ib_plugin_cache_path interphase") == f"{folder}\n"
        folder.rmdir()
    assert hook.say("ib_plugin_cache_path interphase; ib_plugin_cache_path; ib_plugin_cache_path ''") == ""


def test_only_real_folders_are_versions(hook: Hook) -> None:
    """Links lead from an old name to a new one, or nowhere."""
    folder = hook.install_plugin("interphase", "1.0.0")
    (folder.parent / "2.0.0").symlink_to(folder)
    (folder.parent / "3.0.0").symlink_to("nowhere")
    (folder.parent / "4.0.0").write_text("")
    assert hook.say("ib_plugin_cache_path interphase") == f"{folder}\n"


def test_the_root_of_the_monorepo(hook: Hook) -> None:
    """What DEMARCH_ROOT says, else the nearest folder above that holds ``sdk/interbase``."""
    deep = hook.project / "a b" / "c"
    deep.mkdir(parents=True)
    assert hook.say("ib_ecosystem_root", cwd=deep) == ""
    (hook.project / "sdk" / "interbase").mkdir(parents=True)
    assert hook.say("ib_ecosystem_root", cwd=deep) == f"{hook.project}\n"
    assert hook.say("ib_ecosystem_root", cwd=deep, env={"DEMARCH_ROOT": "/else where"}) == "/else where\n"


def test_only_what_the_floor_knows_is_used() -> None:
    """Variables and expansions that came after bash 4.4 do not stand in the files."""
    newer = r"EPOCHSECONDS|EPOCHREALTIME|SRANDOM|BASH_ARGV0|wait -p|\$\{ |@[UuLKk]\}|globskipdots|compgen -V|-n -p"
    for name in ("interbase.sh", "interbase-stub.sh", "test-interbase.sh"):
        assert re.findall(newer, (SHELL / name).read_text()) == []
