"""interband.sh in real shells: hard conditions, processes counted, failures, pruning, copies."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from interhost.interband import protocol, store
from interhost.interband.loader import OURS
from interhost.interband.read import read_sideband
from tests.interband.conftest import BEAD, HARD, Bash

FUNCTIONS = [
    "root", "path", "channel_dir", "safe_key", "write", "read_envelope", "read_payload", "prune_channel",
    "validate_payload", "retention_secs", "max_files", "default_retention_secs", "default_max_files",
]  # fmt: skip


def test_it_has_the_functions_of_the_published_library(bash: Bash) -> None:
    """All thirteen, sourced twice or once; it prints nothing and sets no option."""
    listed, said = bash.run(f"source {OURS}; declare -F | sed 's/declare -f //' | grep '^interband_'")
    assert listed.split() == sorted(f"interband_{name}" for name in FUNCTIONS)
    assert said == ""
    assert bash.run("echo $-")[0] == subprocess.run(["bash", "-c", "echo $-"], capture_output=True, text=True).stdout


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "tr_TR.UTF-8", "en_US.ISO-8859-1"])
def test_it_writes_what_python_reads_under_hard_conditions(bash: Bash, locale: str) -> None:
    """Strict mode, an odd IFS, no HOME, any locale and time zone, a wide umask; written by bash alone and by Python."""
    for number, reason in enumerate(("plain", "not plain: \u00e4\U0001f512", 'escaped \\u00e4 \\" \\\\ \\n')):
        payload = BEAD.replace("Plan: docs/plans/p.md", reason)
        before = int(time.time())
        script = (
            'umask 0; p=$(interband_path interphase bead "$1"); interband_write "$p" interphase bead_phase "$1" "$2"'
        )
        bash.run(HARD + script, f"s{number}", payload, LC_ALL=locale, TZ="Asia/Kolkata")
        path = bash.root / f"interphase/bead/s{number}.json"
        found = read_sideband(path, check=True)
        assert found
        assert found.envelope.payload == json.loads(payload)
        assert found.envelope[:4] == ("1.0.0", "interphase", "bead_phase", f"s{number}")
        moments = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(before + late)) for late in range(15)]
        assert found.envelope.timestamp in moments
        assert path.stat().st_mode & 0o777 == 0o600
        out, _ = bash.run(HARD + 'interband_read_payload "$1"', str(path), LC_ALL=locale)
        assert json.loads(out) == json.loads(payload)
        out, _ = bash.run(HARD + 'interband_read_envelope "$1"', str(path), LC_ALL=locale)
        assert json.loads(out) == json.loads(path.read_bytes())
    assert {path.name for path in (bash.root / "interphase/bead").iterdir()} == {
        *(f"s{number}.json" for number in range(3)), ".interband-prune.stamp",
    }  # fmt: skip


@pytest.mark.parametrize(
    "options",
    ["shopt -s nocasematch", "shopt -s failglob nullglob extglob", "set -f", "set -C", "set -x", "set -o posix",
     "TZ=Asia/Tokyo", "alias mv='mv -i'; shopt -s expand_aliases", "interband_write() { return 9; }; source \"$LIB\"",
     "mv() { return 9; }; rm() { return 9; }; PATH=${INTERBAND_PYTHON%/*}:$PATH; "
     "INTERBAND_PYTHON=${INTERBAND_PYTHON##*/}; eval \"$INTERBAND_PYTHON() { return 9; }\"",
     "trap 'echo trapped' EXIT ERR DEBUG >/dev/null", "unset EPOCHSECONDS", "readonly LC_ALL=C", "umask 0777"],
)  # fmt: skip
def test_options_of_the_calling_shell_do_no_harm(bash: Bash, options: str) -> None:
    """Whatever it has set, the file is written and read, and the caller's options are as before."""
    script = f"""{options}; before="$- $(umask) $BASHOPTS ${{TZ-}} $IFS"
        interband_write "$1/interphase/bead/s1.json" interphase bead_phase s1 "$2"
        interband_read_payload "$1/interphase/bead/s1.json" >"$1/out"
        [[ "$- $(umask) $BASHOPTS ${{TZ-}} $IFS" == "$before" ]]"""
    bash.run('mkdir -p "$1"; ' + script, str(bash.root), BEAD, LIB=str(OURS))
    if options != "umask 0777":
        assert json.loads((bash.root / "out").read_text().replace("trapped\n", "")) == json.loads(BEAD)
    assert read_sideband(bash.root / "interphase/bead/s1.json")


def test_upper_and_lower_case_are_told_apart_whatever_the_shell_ignores(bash: Bash) -> None:
    """``nocasematch`` changes no rule."""
    for wrong in (BEAD.replace("planned", "Planned"), BEAD.replace('"id"', '"ID"')):
        bash.run('shopt -s nocasematch; interband_validate_payload interphase bead_phase "$1"', wrong, code=1)


# No more than one process --------------------------------------------------------------------------------------------


def processes(bash: Bash, log: Path, call: str, *arguments: str, code: int = 0) -> list[str]:
    """Programs that a call starts, and ``fork`` for each process that runs none."""
    if shutil.which("strace") is None:
        pytest.skip("counts processes with strace, which is not installed")
    script = log.with_suffix(".sh")
    script.write_text(f"source {OURS}\n: >{log}.mark\n{call}\n")
    trace = ["strace", "-f", "-qq", "-e", "trace=fork,vfork,clone,clone3,execve,openat", "-o", str(log)]
    done = subprocess.run(
        [*trace, "bash", str(script), *arguments], capture_output=True, text=True, env=bash.environ, check=False
    )
    if "ptrace" in done.stderr:
        pytest.skip("this kernel does not let strace look at a process")
    assert done.returncode == code, done.stderr
    lines = log.read_text().partition(f"{log}.mark")[2].splitlines()
    # A thread is no process; Python's -I -S starts none either.
    forks = [line for line in lines if re.search(r" (v?fork|clone3?)\(", line) and "CLONE_THREAD" not in line]
    forks = [line for line in forks if "unfinished" in line or re.search(r"= \d+$", line)]
    programs = [line for line in lines if " execve(" in line and line.endswith("= 0")]
    assert len(programs) <= len(forks)
    names = re.findall(r'execve\("(?:[^"]*/)?([^"/]+)"', "\n".join(programs))
    return names + ["fork"] * (len(forks) - len(programs))


PYTHON = Path(sys.executable).name


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("interband_root", []),
        ("interband_path interphase bead 'a b'", []),
        ("interband_safe_key 'a\u00e4'", [PYTHON]),
        ("interband_channel_dir interphase bead", []),
        ("interband_retention_secs interphase bead", []),
        ("interband_max_files interphase bead", []),
        ("interband_prune_channel interphase bead", []),
        ("rm() { :; }; : >${0%/*}/interband/interphase/bead/.interband-prune.stamp; "
         "interband_prune_channel interphase bead", [PYTHON]),
        ("interband_validate_payload interphase bead_phase \"$2\"", []),
        ("interband_validate_payload a b '{\"n\":[1]}'", [PYTHON]),
        ("interband_read_payload \"$1\"", []),
        ("interband_read_envelope \"$1\"", []),
        ("interband_write \"$1\" interphase bead_phase s1 \"$2\"", ["mv"]),
        ("interband_write \"$1\" a b s1 '{\"n\":{\"deep\":1}}'", [PYTHON]),
        ("interband_write \"${1%/bead*}/new/x.json\" interphase bead_phase s1 \"$2\"", [PYTHON]),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_no_call_starts_more_than_one_process(bash: Bash, tmp_path: Path, call: str, expected: list[str]) -> None:
    """And what bash can do by itself starts none."""
    bash.write()
    assert processes(bash, tmp_path / "trace", call, str(bash.root / "interphase/bead/s1.json"), BEAD) == expected


# Refusals and failures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "reason"),
    [(BEAD.replace("planned", "review"), "key 'phase': expected one of brainstorm"), ("", "empty"), ("[]", "object"),
     (BEAD.replace("1795171216", "true"), "key 'ts': expected a number, got true"), ('{"a":', "not JSON"),
     (BEAD.replace("1795171216", "NaN"), "NaN is not JSON"), (BEAD[:-1] + ',"ts":1}', "key 'ts' stands twice")],
)  # fmt: skip
def test_a_refused_payload_changes_nothing(bash: Bash, payload: str, reason: str) -> None:
    """It ends with 1, says why in one line, and the old file stays."""
    bash.write()
    path = bash.root / "interphase/bead/s1.json"
    before = path.read_bytes()
    out, err = bash.write(payload, code=1)
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("interband: ")
    assert reason in err
    out, err = bash.run('interband_validate_payload interphase bead_phase "$1"', payload, code=1)
    assert reason in err
    assert path.read_bytes() == before
    assert {one.name for one in path.parent.iterdir()} == {"s1.json", ".interband-prune.stamp"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), ("", "empty"), ('{"version":"2.0.0","payload":{}}', "update interhost"),
     ('{"version":"1.0.0"}', "no key 'payload'"), ("{}\0", "more than one JSON document")],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_named(bash: Bash, tmp_path: Path, content: str | None, reason: str) -> None:
    """It ends with 1, prints nothing, and says which file and why."""
    path = tmp_path / "a file.json"
    if content is not None:
        path.write_text(content)
    for function in ("payload", "envelope"):
        out, err = bash.run(f'{HARD}interband_read_{function} "$1"', str(path), code=1)
        assert out == ""
        assert str(path) in err
        assert reason in err


@pytest.mark.parametrize("target", ["", "x.json", "./x.json", "../x.json"])
def test_a_relative_target_is_refused(bash: Bash, target: str) -> None:
    """Nothing is ever written into the current directory; nor without a namespace and a type."""
    bash.run('cd "$1"; interband_write "$2" interphase bead_phase s "$3"', str(bash.root.parent), target, BEAD, code=1)
    bash.run('interband_write "$1/x.json" "" t s "{}"', str(bash.root.parent), code=1)
    bash.run('interband_write "$1/x.json" a "" s "{}"', str(bash.root.parent), code=1)
    bash.run("interband_write; interband_read_payload; interband_validate_payload; interband_path", code=1)
    assert list(bash.root.parent.glob("**/*.json")) == []


def test_a_write_that_fails_leaves_nothing_behind(bash: Bash, tmp_path: Path) -> None:
    """Whether ``mv`` fails or the file cannot be filled."""
    bash.write()
    path = bash.root / "interphase/bead/s1.json"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/mv").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin/mv").chmod(0o755)
    call = 'interband_write "$1" interphase bead_phase s1 "$2"'
    _, err = bash.run(call, str(path), BEAD, code=1, PATH=f"{tmp_path}/bin:{os.defpath}")
    assert f"interband: {path}: cannot be written" in err
    _, err = bash.run(f"trap '' XFSZ; ulimit -f 0; {call}", str(path), BEAD, code=1)
    assert "cannot be written" in err
    assert {one.name for one in path.parent.iterdir()} == {"s1.json", ".interband-prune.stamp"}
    assert read_sideband(path)
    (path.parent / "folder.json").mkdir()
    _, err = bash.run(call, str(path.parent / "folder.json"), BEAD, code=1)
    assert "Is a directory" in err


def test_without_python_plain_files_work_all_the_same(bash: Bash) -> None:
    """They are written and read; anything else says what is missing; nobody prunes."""
    nothing: dict[str, Any] = {"INTERBAND_PYTHON": "/nowhere/python3"}
    bash.write()
    path = str(bash.root / "interphase/bead/s1.json")
    (bash.root / "interphase/bead/.interband-prune.stamp").unlink()
    bash.run('interband_write "$1" interphase bead_phase s1 "$2"', path, BEAD, **nothing)
    assert json.loads(bash.run('interband_read_payload "$1"', path, **nothing)[0]) == json.loads(BEAD)
    _, err = bash.run('interband_write "$1" interphase bead_phase s1 "[1]"', path, code=1, **nothing)
    assert "/nowhere/python3: not found" in err
    bash.run("interband_prune_channel interphase bead", code=1, **nothing)


# Pruning and installing ----------------------------------------------------------------------------------------------


def test_writing_prunes_when_it_is_due(bash: Bash) -> None:
    """At most once per interval, by the stamp that both implementations share, and only in the folder of a channel."""
    bash.write()
    folder = bash.root / "interphase/bead"
    old, stamp = folder / "o l\nd.json", folder / ".interband-prune.stamp"
    for moment, gone in ((time.time() - 100, False), (time.time() - 400, True), (time.time() + 5000, True)):
        old.write_text("{}")
        os.utime(old, (1, 1))
        stamp.write_text(f"{moment:.0f}\n")
        os.utime(stamp, (moment, moment))
        bash.write()
        assert old.exists() is not gone
    old.write_text("{}")
    os.utime(old, (1, 1))
    bash.run("interband_prune_channel interphase bead")
    assert old.exists()
    bash.run("INTERBAND_PRUNE_INTERVAL_SECS=0 interband_prune_channel interphase bead")
    assert not old.exists()
    elsewhere = bash.root.parent / "interphase/bead"
    elsewhere.mkdir(parents=True)
    (elsewhere / "old.json").write_text("{}")
    os.utime(elsewhere / "old.json", (1, 1))
    bash.run('interband_write "$1/s.json" interphase bead_phase s "$2"', str(elsewhere), BEAD)
    assert {one.name for one in elsewhere.iterdir()} == {"old.json", "s.json"}


@pytest.mark.parametrize("stamp", ["mkdir", "ln -s /nowhere/x"])
def test_pruning_that_fails_does_not_fail_the_write(bash: Bash, stamp: str) -> None:
    """The file is there, which is what was asked for; asked to prune, it says why it cannot."""
    bash.write()
    folder = bash.root / "interphase/bead"
    bash.run(f'rm "$1"; {stamp} "$1"', str(folder / ".interband-prune.stamp"))
    bash.write(BEAD.replace("planned", "done"))
    found = read_sideband(folder / "s1.json")
    assert found
    assert found.envelope.payload["phase"] == "done"
    assert ".interband-prune.stamp" in bash.run("interband_prune_channel interphase bead", code=1)[1]


def test_a_channel_that_is_not_there_is_pruned_without_a_word(bash: Bash) -> None:
    """And is not made by it."""
    assert bash.run(HARD + "interband_prune_channel interphase bead") == ("", "")
    assert not bash.root.exists()


@pytest.mark.parametrize("beside", [True, False])
def test_a_copy_elsewhere_works(bash: Bash, tmp_path: Path, beside: bool) -> None:
    """With its two modules beside it and any Python; or by itself with a Python that has interhost."""
    folder = tmp_path / "a copy"
    folder.mkdir()
    shutil.copy(OURS, folder)
    if beside:
        for module in (protocol, store):
            shutil.copy(str(module.__file__), folder)
    python: dict[str, Any] = {"INTERBAND_PYTHON": sys.executable}
    script = 'cd "$1"; source ./interband.sh; cd /; interband_validate_payload a b \'{"n":[1]}\''
    bash.run(script, str(folder), **python)
    _, err = bash.run(script.replace("[1]", "[NaN]"), str(folder), code=1, **python)
    assert "NaN is not JSON" in err


def test_a_copy_that_lacks_its_modules_says_so(bash: Bash, tmp_path: Path) -> None:
    """In one line, where Python does not have them either; what bash can do by itself works."""
    shutil.copy(OURS, tmp_path / "alone.sh")
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    (tmp_path / "python").chmod(0o755)
    script = f"source {tmp_path}/alone.sh; interband_validate_payload a b"
    python: dict[str, Any] = {"INTERBAND_PYTHON": str(tmp_path / "python")}
    bash.run(script + " '{}'", **python)
    _, err = bash.run(script + """ '{"n":[1]}'""", code=1, **python)
    assert err.startswith("interband: no protocol.py and store.py beside interband.sh")
    assert err.count("\n") == 1


def test_the_modules_import_little() -> None:
    """What a shell's call pays for is JSON, and not much else; of interhost only the two modules."""
    code = f"""import sys; from types import ModuleType
for name in ("interhost", "interhost.interband"):
    sys.modules[name] = ModuleType(name); sys.modules[name].__path__ = [{str(Path(store.__file__).parent)!r}]
import json; before = set(sys.modules)
import interhost.interband.store; print(*sorted(set(sys.modules) - before))"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    known = {"interhost.interband.protocol", "interhost.interband.store", "__future__", "math", "errno"}
    assert set(done.stdout.split()) <= known | {"os", "os.path", "posixpath", "genericpath", "stat", "_stat"}


def test_reading_and_writing_import_nothing_heavy() -> None:
    """Publishers read the bead of a session on their way: the standard library's cheap part has to do."""
    modules = ", ".join(f"interhost.interband.{name}" for name in ("find", "write", "retention"))
    code = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    heavy = {"attr", "cattrs", "pluggy", "importlib.metadata", "asyncio", "subprocess", "tomllib", "difflib", "logging"}
    assert not set(done.stdout.split()) & (heavy | {"typing_extensions", "hashlib", "datetime", "tempfile", "sqlite3"})


@pytest.mark.parametrize("module", [protocol, store])
def test_an_old_python_will_do(module: ModuleType) -> None:
    """What runs beside the library is written in the grammar of Python 3.8: a system's Python is not ours."""
    source = Path(str(module.__file__)).read_text()
    ast.parse(source, feature_version=(3, 8))
    imported = {node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    assert imported <= {"__future__", "collections.abc", "typing", "interhost.interband.protocol"}
