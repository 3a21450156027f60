"""The part of a status line that a shell reads: what it prints, and that the command behind it notices nothing.

A status line gets the document of reference/modules/interline.md section 3.4 (L2) on standard input.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from interhost.claude.statusline import SCRIPT, compose

SESSION = "5f0c1a3e-90be-4d0f-8a51-7b6f2f1c9d11"
FOUND = {os.path.realpath(path): path for name in ("sh", "dash", "bash") if (path := shutil.which(name))}
SHELLS = [[path] for path in FOUND.values()] + [[path, "--posix"] for path in FOUND.values() if "bash" in path]
LATER = 4102444800
"""A second of the year 2100; the same in every process, for names of tests are made of it."""
BEHIND = "cat; exit 3"

BROKEN = (
    "",
    "\t\t\t",
    "no tabs at all",
    f"{LATER}\twarn",
    f"{LATER}\twarn\t{SESSION}",
    f"{LATER}\twarn\t{SESSION}\t",
    f"x{LATER}\twarn\t{SESSION}\ttext",
    f"-1\twarn\t{SESSION}\ttext",
    f"{'9' * 400}\twarn\t{SESSION}\ttext",
    f"\twarn\t{SESSION}\ttext",
    f"{LATER}\twarn\t\ttext",
    f"{LATER}\twarn\t*\ttext",
    f"{LATER}\twarn\t{SESSION[:-1]}?\ttext",
    f"{LATER}\twarn\t/\ttext",
    f"{LATER}\twarn\t{SESSION}\tred \x1b[31m",
    f"{LATER}\twarn\t{SESSION}\t\x1b]0;title\x07",
    f"{LATER}\twarn\t{SESSION}\tback\rspace\x08",
    f"{LATER}\twarn\t{SESSION}\ta\ttab",
    f"$(touch PWNED)\t`touch PWNED2`\t{SESSION}\ttext",
)


class Line:
    """A status line in a project, and the file of texts."""

    def __init__(self, base: Path, shell: Sequence[str]) -> None:
        self.base = base
        self.shell = shell
        self.project = base / "a project's $HOME"
        self.lines = base / ".interband" / "interbus" / "segment" / "lines"
        (self.project / "src" / "deep").mkdir(parents=True)
        (self.project / ".git").mkdir()
        self.lines.parent.mkdir(parents=True)
        self.environ = {"HOME": str(base), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}

    def write(self, *lines: tuple[object, ...] | str) -> None:
        """The lines: end of life, severity, scope, text."""
        rows = (one if isinstance(one, str) else "\t".join(map(str, one)) for one in lines)
        self.lines.write_bytes("".join(f"{row}\n" for row in rows).encode("utf-8", "surrogateescape"))

    def document(self, **changes: object) -> dict[str, object]:
        """What Claude Code writes."""
        place = str(self.project / "src" / "deep")
        return {
            "hook_event_name": "Status",
            "session_id": SESSION,
            "transcript_path": f"/home/u/.claude/projects/x/{SESSION}.jsonl",
            "cwd": place,
            "model": {"id": "opus", "display_name": "Opus"},
            "workspace": {"current_dir": place, "project_dir": place},
            "cost": {"total_cost_usd": 0.1},
            **changes,
        }

    def draw(
        self,
        document: Mapping[str, object] | bytes | None = None,
        then: str = BEHIND,
        *,
        code: int = 3,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """What is printed, without what the command behind it prints, which must be the document."""
        data = document if isinstance(document, bytes) else json.dumps(document or self.document()).encode() + b"\n"
        done = subprocess.run(
            [*self.shell, "-c", compose(then)],
            input=data,
            capture_output=True,
            env={**self.environ, **(env or {})},
            cwd=self.base,
            timeout=30,
            check=False,
        )
        assert (done.returncode, done.stderr) == (code, b"")
        if then != BEHIND:
            return done.stdout.decode()
        assert done.stdout.endswith(data)
        return done.stdout.removesuffix(data).decode()


@pytest.fixture(params=SHELLS, ids=" ".join)
def line(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Line]:
    """A status line drawn by each shell that may draw one."""
    line = Line(tmp_path, request.param)
    yield line
    assert not list(tmp_path.glob("PWNED*"))


def test_a_text_of_the_session_stands_first_in_the_line(line: Line) -> None:
    """In the colour of its severity, with two blanks behind it; what was there follows, and its exit status counts."""
    for severity, colour in {"error": 31, "warn": 33, "info": 36, "other": 36}.items():
        line.write((LATER, severity, SESSION, "bad.py: SyntaxError"))
        assert line.draw() == f"\x1b[{colour}mbad.py: SyntaxError\x1b[0m  "


def test_a_text_of_the_project_is_shown_in_all_of_it(line: Line) -> None:
    """Its root is where the repository is; the directory stands for a project that is none; ``cwd`` is the fallback."""
    place, alone = str(line.project / "src"), str(line.base / "alone")
    line.write((LATER, "warn", line.project, "doc drift"), (LATER, "warn", alone, "alone"))
    assert "doc drift" in line.draw()
    assert "doc drift" in line.draw(line.document(workspace={"project_dir": str(line.project)}))
    assert "doc drift" in line.draw({"cwd": place})
    assert "doc drift" in line.draw(f'{{ "cwd" : "{place}" , "x":1 }}\n'.encode())
    assert "alone" in line.draw({"cwd": alone})
    assert line.draw({"cwd": f"{alone}/src"}) == ""


def test_one_text_is_shown_the_first_that_lives(line: Line) -> None:
    """The file has them gravest first; those of others and those of the past are passed over."""
    line.write(
        (1, "error", SESSION, "over"),
        (LATER, "error", "other-session", "of another"),
        (LATER, "error", line.project.parent, "of the folder above"),
        (LATER, "warn", line.project, "first"),
        (LATER, "info", SESSION, "second"),
    )
    assert line.draw() == "\x1b[33mfirst\x1b[0m  "


def test_lines_that_are_none_are_passed_over(line: Line) -> None:
    """Torn, of another form, a pattern for a scope, with signs that drive a terminal: the next one counts."""
    line.write(*BROKEN, (LATER, "info", SESSION, "sound"))
    assert line.draw() == "\x1b[36msound\x1b[0m  "


@pytest.mark.parametrize(
    "text", ["$(touch PWNED) `touch PWNED2`", "100%s %d \\033[31m \\n", 'it\'s "a" \\ * ? ~', "Übung 日本 …", "-n -e"]
)
def test_a_text_is_printed_as_it_is(line: Line, text: str) -> None:
    """Nothing of it is run, expanded or taken for a format."""
    line.write((LATER, "info", SESSION, text))
    assert line.draw() == f"\x1b[36m{text}\x1b[0m  "


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\n",
        b"no JSON\n",
        b'{"session_id"\n',
        b'{"session_id":7,"cwd":["/"]}\n',
        b'{"session_id":"","cwd":""}\n',
        b'{"session_id":"*","cwd":"*"}\n',
        b'{"session_id":"a\\"b","cwd":"/a\\"b"}\n',
        b'{"cwd":"relative/path"}\n',
        b'{"cwd":"/"}\n',
        b'{"name":"session_id","other":"' + SESSION.encode() + b'"}\n',
        b'{"session_id" "' + SESSION.encode() + b'"}\n',
        b'{"session_id"::"' + SESSION.encode() + b'"}\n',
        b'{"session_id":{"":"' + SESSION.encode() + b'"}}\n',
        b'{"' + b"x" * 65_000 + b'"}\n',
        b'{"' + b'","' * 20_000 + b'"}\n',
        b'{"prompt":"\\"session_id\\":\\"SESSION\\""}\n'.replace(b"SESSION", SESSION.encode()),
        b'{"session_id":"$(touch PWNED)","cwd":"/`touch PWNED2`"}\n',
        b'{"cwd":"' + b"/x" * 20_000 + b'"}\n',
    ],
)
def test_a_document_that_names_nothing_shows_nothing(line: Line, document: bytes) -> None:
    """Whatever it says, the command behind gets it."""
    line.write((LATER, "info", SESSION, "text"), (LATER, "info", line.project, "text"))
    begin = time.monotonic()
    done = line.draw(document, "cat", code=0)
    assert done.rstrip("\n") == document.decode().rstrip("\n")
    assert time.monotonic() - begin < 10, "what is read takes time that grows with its square"


@pytest.mark.parametrize("size", [10, 4_000, 5_000, 30_000, 1_000_000])
def test_the_command_behind_gets_the_whole_document(line: Line, size: int) -> None:
    """Of any size, with whatever is in it; one of 16 KiB is no status, and gets no text."""
    odd = "é \\ \" ' $HOME $(touch PWNED) `x` %s * \u2028 " * (size // 40 + 1)
    document = line.document(transcript_path=odd)
    line.write((LATER, "info", SESSION, "text"))
    shown = line.draw(json.dumps(document, ensure_ascii=False).encode() + b"\n")
    assert bool(shown) is (size < 16_384)


def test_the_command_behind_finds_its_shell_as_it_was(line: Line) -> None:
    """No variable, no function, no option and no argument of ours; also where it reads no standard input."""
    line.write((LATER, "info", SESSION, "text"))
    then = r'set | grep -c "^_ih\|find_text"; printf "[%s]" "$IFS" | od -c | head -1; echo "$-|$#|$0" *.none'
    shown = line.draw(then=then, code=0)
    assert shown == f"\x1b[36mtext\x1b[0m  {_plain(line, then)}"


def _plain(line: Line, then: str) -> str:
    """What a command prints without us."""
    argv = [*line.shell, "-c", then]
    return subprocess.run(argv, capture_output=True, text=True, env=line.environ, cwd=line.base, check=True).stdout


@pytest.mark.parametrize("there", ["nothing", "empty", "folder", "pipe", "link to nothing"])
def test_without_texts_nothing_is_read_and_nothing_started(line: Line, there: str) -> None:
    """Not even ``cat``: there is none on this PATH. A pipe in the file's place keeps nobody waiting."""
    if there == "empty":
        line.lines.touch()
    elif there == "folder":
        line.lines.mkdir()
    elif there == "pipe":
        os.mkfifo(line.lines)
    elif there == "link to nothing":
        line.lines.symlink_to(line.base / "nothing")
    if there == "folder":
        assert line.draw() == ""
    else:
        assert line.draw(then="read -r all; echo got", code=0, env={"PATH": str(line.base)}) == "got\n"


def test_a_text_costs_three_small_programs(line: Line) -> None:
    """What a status line pays is counted in programs, exact where timing is noisy: none of them is Python."""
    log, folder = line.base / "log", line.base / "bin"
    folder.mkdir()
    for name in ("cat", "date"):
        (folder / name).write_text(f'#!/bin/sh\necho {name} >> {log}\nexec {shutil.which(name)} "$@"\n')
        (folder / name).chmod(0o755)
    line.write(*((LATER, "info", f"s-{number}", "text") for number in range(64)), (LATER, "info", SESSION, "text"))
    shown = line.draw(then=":", code=0, env={"PATH": str(folder)})
    assert (shown, sorted(log.read_text().split())) == ("\x1b[36mtext\x1b[0m  ", ["cat", "cat", "date"])


def test_where_interhost_is_gone_the_rest_still_works(line: Line) -> None:
    """Uninstalled with pip, for example."""
    line.write((LATER, "info", SESSION, "text"))
    command = compose(BEHIND).replace(str(SCRIPT), str(line.base / "gone.sh"))
    done = subprocess.run([*line.shell, "-c", command], input=b"{}", capture_output=True, env=line.environ, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"{}", b"")


def test_interband_may_lie_elsewhere(line: Line) -> None:
    """As the variable says; without it and without a home there is no file, and no complaint."""
    line.write((LATER, "info", SESSION, "text"))
    moved = line.base / "moved"
    (line.base / ".interband").rename(moved)
    assert line.draw() == ""
    assert line.draw(env={"INTERBAND_ROOT": str(moved)}) != ""
    line.environ.pop("HOME")
    assert line.draw() == ""


def test_a_terminal_for_standard_input_is_not_read(line: Line) -> None:
    """Somebody tries the command by hand: it does not wait for a document."""
    line.write((LATER, "info", SESSION, "text"))
    master, slave = os.openpty()
    try:
        argv = [*line.shell, "-c", compose("echo there")]
        done = subprocess.run(argv, stdin=slave, capture_output=True, env=line.environ, timeout=30, check=False)
    finally:
        os.close(master)
        os.close(slave)
    assert (done.stdout, done.stderr) == (b"there\n", b"")
