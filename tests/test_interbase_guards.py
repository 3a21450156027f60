"""interbase's guards: each asked of a real interpreter that has nothing but interbase, with real programs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.hook_kit import Ran
from tests.sdk_kit import HOSTILE, Sdk

BEAD = {"CLAVAIN_BEAD_ID": "iv-1"}
ALL = "[has_ic(), has_bd(), has_companion('interphase'), in_ecosystem(), get_bead(), in_sprint()]"
NOTHING = [False, False, False, False, "", False]


@pytest.fixture
def sdk(tmp_path: Path) -> Sdk:
    """A hook without any program of the ecosystem."""
    return Sdk(tmp_path)


# Programs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("guard", "program"), [("has_ic()", "ic"), ("has_bd()", "bd")])
def test_a_program_on_the_path_is_found_and_not_run(sdk: Sdk, guard: str, program: str) -> None:
    """Only whether it is there is asked."""
    assert sdk.value(guard) is False
    sdk.program(program)
    assert sdk.value(guard) is True
    assert sdk.calls() == []


def test_what_cannot_be_run_is_no_program(sdk: Sdk, tmp_path: Path) -> None:
    """A file without permission, a folder, and a link that leads nowhere; the next folder of the path counts then."""
    sdk.program("ic").chmod(0o644)
    assert sdk.value("has_ic()") is False
    (sdk.bin / "bd").mkdir()
    assert sdk.value("has_bd()") is False
    (sdk.bin / "bd").rmdir()
    (sdk.bin / "bd").symlink_to(tmp_path / "nowhere")
    assert sdk.value("has_bd()") is False
    sdk.program("bd", folder=sdk.tools)
    assert sdk.value("has_bd()") is True


def test_a_program_of_the_current_directory_is_not_found(sdk: Sdk) -> None:
    """An empty or relative entry of PATH would let the repository we are in answer for the kernel."""
    sdk.program("ic", folder=sdk.project)
    for path in ("", ":", ".", "::.", "../project"):
        assert sdk.value("has_ic()", env={"PATH": path}) is False
    assert sdk.value("has_ic()", env={"PATH": None}) is False


@pytest.mark.parametrize("home", [None, "", "relative", "/nowhere/at all", "/dev/null"])
def test_a_home_that_is_none_has_nothing(sdk: Sdk, home: str | None) -> None:
    """Every guard answers no, whatever HOME is."""
    assert sdk.value(ALL, env={"HOME": home}) == NOTHING


# Companions ----------------------------------------------------------------------------------------------------------


def test_a_plugin_in_the_cache_is_a_companion(sdk: Sdk) -> None:
    """Of whatever marketplace and version; an empty folder of the plugin, or a file in it, is none."""
    folder = sdk.home / ".claude" / "plugins" / "cache" / "one" / "interphase"
    folder.mkdir(parents=True)
    assert sdk.value("has_companion('interphase')") is False
    (folder / "README.md").touch()
    (folder / ".staging").mkdir()
    assert sdk.value("has_companion('interphase')") is False
    sdk.install_plugin("interphase", "unknown", "two")
    assert sdk.value("has_companion('interphase')") is True
    assert sdk.value("[has_companion('interphas'), has_companion('Interphase')]") == [False, False]


def test_strange_names_are_never_companions(sdk: Sdk) -> None:
    """Paths, globs, control characters, half characters, 300 characters, other types: all no, and nobody raises."""
    sdk.install_plugin("interphase")
    (sdk.home / "interphase" / "1.0.0").mkdir(parents=True)
    names = f"[{', '.join(map(ascii, HOSTILE))}]"
    assert sdk.value(f"[has_companion(name) for name in {names}]") == [False] * len(HOSTILE)
    assert sdk.value(f"[plugin_cache_path(name) for name in {names}]") == [""] * len(HOSTILE)


def test_a_home_with_brackets_is_a_home(tmp_path: Path) -> None:
    """A path is a path, not a pattern."""
    sdk = Sdk(tmp_path, name="ho[m]e * ?")
    folder = sdk.install_plugin("interphase")
    (sdk.home / ".intermod" / "interbase").mkdir(parents=True)
    (sdk.home / ".intermod" / "interbase" / "interbase.sh").touch()
    assert sdk.value("[has_companion('interphase'), in_ecosystem()]") == [True, True]
    assert sdk.value("plugin_cache_path('interphase')") == str(folder)


@pytest.mark.parametrize("variable", ["CLAUDE_CONFIG_DIR", "CLAUDE_CODE_PLUGIN_CACHE_DIR"])
def test_a_moved_cache_is_looked_at(sdk: Sdk, tmp_path: Path, variable: str) -> None:
    """Claude Code's own variables say where its plugins are; then those in the home do not count."""
    root = tmp_path / "moved" / ("plugins" if variable == "CLAUDE_CONFIG_DIR" else "")
    (root / "cache" / "m" / "interline" / "1.0.0").mkdir(parents=True)
    sdk.install_plugin("interphase")
    moved = {variable: str(tmp_path / "moved")}
    assert sdk.value("[has_companion('interline'), has_companion('interphase')]", env=moved) == [True, False]


# Ecosystem and bead --------------------------------------------------------------------------------------------------


def test_the_central_install_is_the_ecosystem(sdk: Sdk, tmp_path: Path) -> None:
    """Its file must be there; INTERMOD_LIB says where else it is."""
    assert sdk.value("in_ecosystem()") is False
    library = sdk.home / ".intermod" / "interbase" / "interbase.sh"
    library.mkdir(parents=True)
    assert sdk.value("in_ecosystem()") is False
    library.rmdir()
    library.touch()
    assert sdk.value("in_ecosystem()") is True
    assert sdk.value("in_ecosystem()", env={"INTERMOD_LIB": str(tmp_path / "gone.sh")}) is False
    library.rename(tmp_path / "gone.sh")
    assert sdk.value("in_ecosystem()", env={"INTERMOD_LIB": str(tmp_path / "gone.sh")}) is True


def test_the_bead_is_that_of_the_environment(sdk: Sdk) -> None:
    """As it stands there; empty when there is none."""
    assert sdk.value("get_bead()") == ""
    assert sdk.value("get_bead()", env={"CLAVAIN_BEAD_ID": ""}) == ""
    assert sdk.value("get_bead()", env={"CLAVAIN_BEAD_ID": "iv-a1.2"}) == "iv-a1.2"


# Sprints -------------------------------------------------------------------------------------------------------------

BY_PATH = 'case "$3" in --project=/*) exit 0;; esac; exit 1'


def test_a_sprint_needs_a_bead_and_the_kernel(sdk: Sdk) -> None:
    """Without either, nothing is run."""
    assert sdk.value("in_sprint()", env=BEAD) is False
    sdk.program("ic")
    assert sdk.value("in_sprint()") is False
    assert sdk.calls() == []
    assert sdk.value("in_sprint()", env=BEAD) is True
    assert sdk.calls() == [["ic", "run", "current", "--project=."]]


def test_the_absolute_path_is_asked_when_the_specified_form_says_no(sdk: Sdk, tmp_path: Path) -> None:
    """Real kernels store absolute paths, as the directory is called in the shell: links are kept."""
    sdk.program("ic", BY_PATH)
    assert sdk.value("in_sprint()", env=BEAD) is True
    assert [call[3] for call in sdk.calls()] == ["--project=.", f"--project={sdk.project}"]
    link = tmp_path / "link"
    link.symlink_to(sdk.project)
    assert sdk.value("in_sprint()", env={**BEAD, "PWD": str(link)}, cwd=link) is True
    assert sdk.calls()[1][3] == f"--project={link}"
    for stale in (str(tmp_path), "/nowhere", "relative"):
        assert sdk.value("in_sprint()", env={**BEAD, "PWD": stale}) is True
        assert sdk.calls()[1][3] == f"--project={sdk.project}"


def test_no_run_is_no_sprint_and_nothing_is_said(sdk: Sdk) -> None:
    """What the kernel prints on either stream is nobody's business."""
    sdk.program("ic", "echo talk; echo trouble >&2; exit 1")
    assert sdk.value("in_sprint()", env=BEAD) is False
    sdk.program("ic", "exit 2")
    assert sdk.value("in_sprint()", env=BEAD) is False


def test_a_removed_directory_is_no_sprint(sdk: Sdk) -> None:
    """A worktree is often gone before the hook that runs in it."""
    sdk.program("ic", BY_PATH)
    code = f"import os; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone'); print({ALL}, ecosystem_root() == '')"
    ran = sdk.run_python(code, env=BEAD)
    assert (ran.code, ran.out, ran.err) == (0, "[True, False, False, False, 'iv-1', False] True\n", "")


# What "never" means --------------------------------------------------------------------------------------------------


def is_running(pid: int) -> bool:
    """Whether a process still does anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends(pid: int) -> bool:
    """Whether a process ends within a moment."""
    until = time.monotonic() + 5
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not is_running(pid)


@pytest.mark.parametrize(
    ("body", "budget"), [("trap '' TERM; while :; do sleep 1; done", 2.0), ("kill -STOP $$; sleep 60", 0.6)]
)
def test_a_kernel_that_hangs_gets_two_seconds(sdk: Sdk, body: str, budget: float) -> None:
    """Also one that ignores signals or is stopped; its whole group is gone afterwards. The second has less."""
    pids = sdk.base / "pids"
    sdk.program("ic", f"sleep 60 & echo $! $$ >'{pids}'\n{body}")
    less = f"from interhost.interbase import guards; guards.GUARD_SECONDS = {budget}\n" if budget != 2 else ""
    ran = sdk.run_python(f"{less}import time; t = time.monotonic(); print(in_sprint(), time.monotonic() - t)", env=BEAD)
    answer, seconds = ran.out.split()
    assert (answer, ran.err) == ("False", "")
    assert budget - 0.5 < float(seconds) < budget + 0.3  # and what a busy machine adds
    if Path("/proc/self/stat").exists():
        assert all(ends(int(pid)) for pid in pids.read_text().split())


def test_both_questions_share_the_two_seconds(sdk: Sdk) -> None:
    """A kernel that needs long for each is asked twice, and not waited for twice."""
    sdk.program("ic", "sleep 0.6; exit 1")
    less = "from interhost.interbase import guards; guards.GUARD_SECONDS = 1.0\n"
    ran = sdk.run_python(f"{less}import time; t = time.monotonic(); print(in_sprint(), time.monotonic() - t)", env=BEAD)
    assert ran.out.startswith("False ")
    assert float(ran.out.split()[1]) < 1.15


def test_a_child_that_stays_delays_neither_us_nor_who_reads_us(sdk: Sdk) -> None:
    """It holds none of our pipes, not even those that the hook was given on other numbers; and it is left alone."""
    pid = sdk.base / "pid"
    sdk.program("ic", f"sleep 30 & echo $! >'{pid}'; exit 0")
    code = (
        "import os, subprocess\n"
        "read, write = os.pipe()\nos.set_inheritable(write, True)\n"
        "print(in_sprint())\nos.close(write)\nprint(os.read(read, 1))"
    )
    ran: Ran = sdk.run_python(code, env=BEAD)
    left = int(pid.read_text())
    try:
        assert (ran.out, ran.err) == ("True\nb''\n", "")
        assert ran.seconds < 10
        os.kill(left, 0)
    finally:
        os.kill(left, 9)


def test_the_input_of_a_hook_survives(sdk: Sdk) -> None:
    """A program that reads its standard input gets nothing, and the hook's JSON is still all there."""
    sdk.program("ic", "cat >/dev/null; exit 0")
    sdk.program("bd", "cat >&2; exit 1")
    code = "print(in_sprint()); phase_set('iv-1', 'planned'); print(sys.stdin.read())"
    ran = sdk.run_python(code, env=BEAD, stdin=b'{"hook_event_name": "Stop"}')
    assert ran.out == 'True\n{"hook_event_name": "Stop"}\n'
    assert ran.err == "[interbase] bd set-state failed with exit code 1\n"


def test_a_kernel_that_cannot_be_started_is_no_sprint(sdk: Sdk) -> None:
    """An executable file that is no program, and an interpreter that is missing."""
    (sdk.bin / "ic").write_bytes(b"\x00\x01 nonsense")
    (sdk.bin / "ic").chmod(0o755)
    assert sdk.value("[has_ic(), in_sprint()]", env=BEAD) == [True, False]
    (sdk.bin / "ic").write_text("#!/nowhere/sh\n")
    assert sdk.value("in_sprint()", env=BEAD) is False


def test_guards_answer_where_nobody_waits_for_children(sdk: Sdk) -> None:
    """With SIGCHLD ignored the system keeps no exit codes: the answer is no, at once, and not an error."""
    sdk.program("ic", "exit 0")
    ran = sdk.run_python("import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN); print(in_sprint())", env=BEAD)
    assert (ran.out, ran.err) == ("False\n", "")


def test_guards_answer_with_every_stream_closed(sdk: Sdk) -> None:
    """Some hosts give a hook no streams at all."""
    sdk.program("ic", "exit 0")
    sdk.program("bd", "echo no >&2; exit 1")
    code = (
        "import os\nfor fd in (0, 1, 2): os.close(fd)\n"
        "answers = [in_sprint(), session_status()]\nphase_set('iv-1', 'x'); nudge_companion('interline', 'x')\n"
        "open('answers', 'w').write(str(answers))\nos._exit(0)"
    )
    assert sdk.run_python(code, env=BEAD).code == 0
    said = (sdk.project / "answers").read_text()
    assert said == "[True, '[interverse] beads=active | ic=active']"


def test_an_interrupt_passes_and_leaves_no_child(sdk: Sdk) -> None:
    """Ctrl-C is for whoever runs us, and the kernel must not go on behind their back."""
    pid = sdk.base / "pid"
    sdk.program("ic", f"echo $$ >'{pid}'; exec sleep 60")
    code = (
        "import os, signal, threading\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "try:\n    in_sprint()\nexcept KeyboardInterrupt:\n    print('interrupted')"
    )
    assert sdk.run_python(code, env=BEAD).out == "interrupted\n"
    assert ends(int(pid.read_text()))
