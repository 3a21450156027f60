"""A file is checked by intercheck's own hook, and only where that is safe and would say something."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import (
    ArtifactReady,
    Change,
    Completed,
    HealthSignal,
    Intent,
    Level,
    Outcome,
    OutcomeKind,
    PhaseTransition,
    Severity,
)
from interhost_hookspecs.testing import make_intent, payloads
from interhost_intercheck import adapter
from interhost_intercheck.checking import find_obstacle

if TYPE_CHECKING:
    from adapters.intercheck.tests.conftest import Machine

# Put into Python source between quotes, it makes a file in the directory that the checker runs in.
EXECUTED = "a'+str(open('PWNED','w'))+'.json"


def write(machine: Machine, name: str, text: str) -> Path:
    """A file of the project."""
    path = machine.project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def ready(machine: Machine, path: Path | None, change: Change = Change.UPDATED) -> Intent[ArtifactReady]:
    """A file that was written."""
    return make_intent(
        ArtifactReady(kind="doc", change=change),
        artifact_path=path,
        project_dir=machine.project,
        extensions={"session_id": "s-1"},
    )


def check(machine: Machine, path: Path | None, change: Change = Change.UPDATED) -> Outcome:
    """What becomes of it."""
    return adapter.on_artifact_ready(ready(machine, path, change), machine.ctx)


def test_a_clean_file_is_told_to_be_clean(machine: Machine) -> None:
    """With the intent's own context, nothing counted, and nothing left beside the file."""
    path = write(machine, "src/good file.py", "x = 1\n")
    assert check(machine, path) == Outcome.done("src/good file.py is clean")
    (draft,) = machine.ctx.drafts
    assert draft.payload == HealthSignal(signal="syntax", level=Level.GREEN, detail="good file.py: no syntax error")
    assert (draft.context_id, draft.artifact_path, draft.session_id) == ("iv-abc1", path, "s-1")
    assert (draft.severity, draft.source_hook) == (Severity.INFO, "cli:syntax-check.sh")
    assert [one.name for one in path.parent.iterdir()] == ["good file.py"]
    assert list(machine.tmp.iterdir()) == []


def test_a_broken_file_is_told_with_its_error(machine: Machine) -> None:
    """As it would be when an edit had broken it; whoever hears of it decides, nothing is blocked."""
    path = write(machine, "src/bad.py", "def f(:\n")
    outcome = check(machine, path)
    assert outcome.kind is OutcomeKind.DONE
    assert "SyntaxError" in outcome.reason
    (draft,) = machine.ctx.drafts
    assert isinstance(draft.payload, HealthSignal)
    assert (draft.payload.level, draft.severity) == (Level.RED, Severity.ERROR)
    assert draft.extensions["kind"] == "syntax"
    assert list(machine.tmp.iterdir()) == [], "an empty session counts nothing"


def test_a_checker_that_knows_no_typescript_says_nothing_of_the_file(machine: Machine) -> None:
    """Under node 20 every .ts file fails: a warning about the tool."""
    check(machine, write(machine, "src/a.ts", "let a: number = 1\n"))
    assert [(draft.severity, draft.extensions["kind"]) for draft in machine.ctx.drafts] == [
        (Severity.WARN, "tool_error")
    ]


def test_the_hook_would_execute_a_name_and_is_not_given_it(machine: Machine) -> None:
    """The trap is real: called as Claude Code calls it, the hook runs what stands in the name."""
    path = write(machine, EXECUTED, "{}")
    event = json.dumps({"session_id": "", "tool_input": {"file_path": str(path)}})
    argv = ["bash", str(machine.root / "hooks" / "syntax-check.sh")]
    machine.ctx.run(argv, stdin=event, env={"CLAUDE_PLUGIN_ROOT": str(machine.root)})
    assert (machine.project / "PWNED").exists()
    (machine.project / "PWNED").unlink()
    machine.programs.ran.clear()
    assert check(machine, path).kind is OutcomeKind.SKIPPED
    assert machine.programs.ran == []
    assert not (machine.project / "PWNED").exists()


@pytest.mark.parametrize(
    "name",
    [
        EXECUTED,
        "it's.py",
        'a"b.py',
        "a\\b.py",
        "a\nb.py",
        "a\rb.py",
        "a\tb.py",
        "a\x1b]0;x\x07.py",
        "$(touch x).py",
        "`touch x`.py",
        "a;b.py",
        "a|b.py",
        "a&b.py",
        "a%b.py",
        "a{b}.py",
        "a*.py",
        "a\u202eb.py",
        "a\u2028b.py",
    ],
)
def test_a_name_with_odd_signs_is_never_handed_on(machine: Machine, name: str) -> None:
    """Only letters of any language, digits and signs that mean nothing within quotes."""
    assert check(machine, write(machine, name, "x")) == Outcome.skipped(
        "not checked: its name has signs that intercheck's hook would execute"
    )
    assert machine.programs.ran == []


def test_names_that_people_give_are_checked(machine: Machine) -> None:
    """Blanks, brackets of web frameworks, other scripts."""
    for name in ("app/[id]/(group)/@x/page=1.py", "Straße, 日本.py", "-rf.py"):
        assert check(machine, write(machine, name, "x = 1\n")).kind is OutcomeKind.DONE


def test_only_a_plain_file_within_its_project_is_checked(machine: Machine) -> None:
    """Not a link, nor through one, nor outside, nor a folder, nor what is gone: the hook would be silent about it."""
    outside = machine.base / "outside"
    outside.mkdir()
    (outside / "a.py").write_text("x")
    (machine.project / "link.py").symlink_to(outside / "a.py")
    (machine.project / "out").symlink_to(outside)
    (machine.project / "folder.py").mkdir()
    why = {
        "link.py": "a link leads to it",
        "out/a.py": "a link leads to it",
        "folder.py": "it is no file",
        "gone.py": "it cannot be read: No such file or directory",
        "../outside/a.py": "a link leads to it",
    }
    for name, expected in why.items():
        assert check(machine, machine.project / name) == Outcome.skipped(f"not checked: {expected}")
    assert find_obstacle(outside / "a.py", machine.project) == "it is not within a project that is known"
    assert find_obstacle(outside / "a.py", None) == "it is not within a project that is known"
    assert machine.programs.ran == []


def test_a_project_behind_a_link_is_a_project(machine: Machine) -> None:
    """Only the way within it may have none."""
    write(machine, "a.py", "x = 1\n")
    (machine.base / "alias").symlink_to(machine.project)
    assert find_obstacle(machine.base / "alias" / "a.py", machine.base / "alias") == ""


def test_what_intercheck_does_not_check_is_skipped(machine: Machine) -> None:
    """It is silent about those, too, which is not the same as clean."""
    for name, expected in {
        "plan.md": "intercheck checks no .md",
        "Makefile": "intercheck checks no file without suffix",
    }.items():
        assert check(machine, write(machine, name, "x")) == Outcome.skipped(f"not checked: {expected}")
    assert check(machine, None) == Outcome.skipped("it is about no file")
    assert check(machine, write(machine, "a.py", ""), Change.REMOVED) == Outcome.skipped("the file was removed")


@pytest.mark.parametrize("name", ["jq", "bash", "python3"])
def test_without_what_its_hook_needs_nothing_is_called_clean(machine: Machine, name: str) -> None:
    """Without it the hook is silent, and silence would be taken for clean."""
    del machine.ctx.commands[name]
    assert check(machine, write(machine, "bad.py", "def f(:\n")) == Outcome.skipped(
        f"{name} is not installed: intercheck would take any file for clean"
    )
    assert machine.ctx.drafts == []


def test_without_go_a_go_file_is_not_called_clean(machine: Machine) -> None:
    """Each language has its program."""
    assert "go is not installed" in check(machine, write(machine, "a.go", "x")).reason


def test_a_missing_disabled_or_older_module_is_skipped(machine: Machine) -> None:
    """Disabled is missing: the host knows no root of it then."""
    path = write(machine, "a.py", "x = 1\n")
    (machine.root / "hooks" / "syntax-check.sh").unlink()
    assert check(machine, path) == Outcome.skipped("this intercheck has no hooks/syntax-check.sh")
    machine.ctx.root = None
    assert check(machine, path) == Outcome.skipped("intercheck is not installed")


def test_a_hook_that_hangs_ends_at_its_deadline(machine: Machine) -> None:
    """A real child; the file is neither clean nor broken."""
    (machine.root / "hangs").touch()
    machine.deadline = 0.3
    path = write(machine, "a.py", "x = 1\n")
    machine.ctx.commands |= {name: Completed(argv=(name,), returncode=0) for name in ("jq", "python3")}
    machine.ctx.commands["bash"] = lambda command: (
        machine.programs(command) if command.stdin else Completed(argv=("bash",), returncode=0)
    )
    assert check(machine, path) == Outcome.failed("a.py was not checked: bash: timed out after 5 s")
    assert machine.ctx.drafts == []


@pytest.mark.parametrize(
    ("script", "said"),
    [("echo 'Segmentation fault'", "Segmentation fault"), ("echo '{'", "{"), ("echo no >&2; exit 3", "no")],
)
def test_an_answer_that_is_none_is_no_verdict(machine: Machine, script: str, said: str) -> None:
    """Another output, or an exit status that the hook never has."""
    (machine.root / "hooks" / "syntax-check.sh").write_text(f"{script}\n")
    assert check(machine, write(machine, "a.py", "x = 1\n")) == Outcome.failed(f"a.py was not checked: {said}")
    assert machine.ctx.drafts == []


def test_checking_can_be_turned_off(machine: Machine) -> None:
    """For everything."""
    machine.ctx.config = {**machine.ctx.config, "check_files": False}
    assert check(machine, write(machine, "a.py", "x = 1\n")) == Outcome.skipped("check_files is off")
    assert machine.programs.ran == []


def test_formatting_is_off(machine: Machine) -> None:
    """It changes the user's file."""
    path = write(machine, "a.json", '{"a":1}')
    check(machine, path)
    assert path.read_text() == '{"a":1}'


def test_formatting_can_be_turned_on_for_clean_files(machine: Machine) -> None:
    """A second time there is nothing left to do; a broken file is left alone; nothing is counted."""
    machine.ctx.config = {**machine.ctx.config, "format_files": True}
    path, broken = write(machine, "a.json", '{"a":1}'), write(machine, "b.json", '{"a":')
    assert check(machine, path) == Outcome.done("a.json is clean; formatted")
    assert check(machine, path) == Outcome.done("a.json is clean; it needed no formatting")
    assert check(machine, broken).kind is OutcomeKind.DONE
    assert (path.read_text(), broken.read_text()) == ('{\n  "a": 1\n}\n', '{"a":')
    assert list(machine.tmp.iterdir()) == []
    (machine.root / "hooks" / "auto-format.sh").write_text("exit 3\n")
    assert check(machine, path) == Outcome.done("a.json is clean; not formatted: exit status 3")
    (machine.root / "hooks" / "auto-format.sh").unlink()
    assert check(machine, path) == Outcome.done("a.json is clean")


@pytest.mark.parametrize(("to", "checked"), [("shipping", True), ("polish", True), ("planned", False), ("", False)])
def test_a_move_to_shipping_has_its_file_checked(machine: Machine, to: str, checked: bool) -> None:
    """Under both names of that phase; other moves are none of its business."""
    path = write(machine, "a.py", "x = 1\n")
    move = PhaseTransition(to=to, phase_model="ic-9")
    intent = make_intent(move, artifact_path=path, project_dir=machine.project)
    outcome = adapter.on_phase_transition(intent, machine.ctx)
    assert outcome == (Outcome.done("a.py is clean") if checked else None)
    assert len(payloads(machine.ctx.drafts)) == checked
