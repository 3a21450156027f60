"""Three habits that interform names (reference/modules/interform.md section 9.1), looked for in edited interfaces."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from interhost_hookspecs import Draft, HealthSignal, Level, Severity
from interhost_hookspecs.testing import FakeContext, make_hook_event
from interhost_interform import adapter
from interhost_interform.lint import Hit, list_habits

FONT, PURPLE = "overused font", "purple gradient on white"


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("body { font-family: Inter, sans-serif; }", [FONT]),
        ("  font-family: 'Helvetica', Arial;", [FONT]),
        ("font-family: system-ui", [FONT]),
        ('style={{ fontFamily: "Roboto" }}', [FONT]),
        ("font-family: -apple-system", [FONT]),
        ("background: white; --g: linear-gradient(90deg, purple, blue)", [PURPLE]),
        ('<div class="bg-white from-purple-500 to-indigo-600">', [PURPLE]),
        ("background: #fff; font-family: Inter; --g: radial-gradient(violet, red)", [FONT, PURPLE]),
        ("font-family: Interstate, Karla", []),
        ("font-family: Inter-Tight-Display", []),
        ("/* the Inter module */ .inter { color: red }", []),
        ("--g: linear-gradient(90deg, purple, blue)", []),
        ("background: white; color: purple", []),
        ("", []),
    ],
)
def test_habits_are_found_in_their_lines(text: str, hits: list[str]) -> None:
    """A gradient only where something is white; words that only resemble a font are none."""
    assert list_habits(f"\n{text}\n") == [Hit(one, 2) for one in hits]


@pytest.mark.parametrize(
    "text", ["font-family:" * 900_000, "gradient(" * 900_000 + "bg-white", "x" * 9_000_000, "\n" * 3_000_000]
)
def test_a_huge_file_takes_no_time(text: str) -> None:
    """Long lines are cut."""
    begin = time.monotonic()
    list_habits(text)
    assert time.monotonic() - begin < 20


class Editor:
    """Somebody who edits interfaces."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.ctx = FakeContext(base, of=adapter, config={"lint": True})

    def edit(self, name: str, text: str | None, tool: str = "Edit") -> tuple[Draft, ...]:
        """What is told of an edit."""
        path = self.base / name
        if text is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        event = make_hook_event(tool_name=tool, tool_input={"file_path": str(path)}, tool_response={})
        return adapter.observe_hook(event, self.ctx).drafts


@pytest.fixture
def editor(tmp_path: Path) -> Editor:
    return Editor(tmp_path)


def test_a_habit_is_told_as_interhosts_look(editor: Editor) -> None:
    """With file, lines and the rule that it goes by; never as a review of interform."""
    (draft,) = editor.edit("web/main.css", "a {}\nb { font-family: Inter }\nc { font-family: Arial }\n")
    assert draft.payload == HealthSignal(
        signal="design_lint",
        level=Level.YELLOW,
        value=2.0,
        unit="habits",
        detail="overused font in line 2; overused font in line 3 (looked at by interhost, not reviewed by interform)",
    )
    assert (draft.artifact_path, draft.severity) == (editor.base / "web" / "main.css", Severity.WARN)
    assert draft.extensions["source"] == "interbus-lint"
    assert draft.extensions["hits"] == [
        {"pattern": FONT, "line": line, "rule": "interform SKILL.md:24,31"} for line in (2, 3)
    ]


def test_habits_are_told_when_they_change(editor: Editor) -> None:
    """Not with every edit; and when none is left."""
    levels = []
    for text in ("font-family: Inter", "\nfont-family: Inter", "bg-white from-purple-500", "clean", "clean"):
        levels.append([getattr(one.payload, "level", None) for one in editor.edit("a.tsx", text)])
    assert levels == [[Level.YELLOW], [], [Level.YELLOW], [Level.GREEN], []]


@pytest.mark.parametrize("tool", ["Edit", "Write", "MultiEdit"])
def test_every_way_of_editing_counts(editor: Editor, tool: str) -> None:
    """By the tools that name a file."""
    assert len(editor.edit("a.html", "font-family: Inter", tool)) == 1


@pytest.mark.parametrize("config", [{}, {"lint": False}, {"lint": "yes"}])
def test_nothing_is_looked_at_unless_it_is_turned_on(editor: Editor, config: dict[str, object]) -> None:
    """Only by true."""
    editor.ctx.config = config
    assert editor.edit("a.css", "font-family: Inter") == ()


@pytest.mark.parametrize("name", ["a.py", "README.md", "a.css.bak", "css"])
def test_other_files_are_no_interfaces(editor: Editor, name: str) -> None:
    """Whatever they say."""
    assert editor.edit(name, "font-family: Inter") == ()


def test_what_is_no_file_is_not_opened(editor: Editor) -> None:
    """Gone, a directory, a pipe, a name that is too long, or none."""
    (editor.base / "d.css").mkdir()
    os.mkfifo(editor.base / "p.css")
    for name in ("gone.css", "d.css", "p.css", "x" * 5000 + ".css", "a\0.css"):
        assert editor.edit(name, None) == ()
    event = make_hook_event(tool_name="Edit", tool_input={"file_path": ["a.css"]}, tool_response={})
    assert adapter.observe_hook(event, editor.ctx).drafts == ()


def test_a_file_of_bytes_is_read_as_far_as_it_goes(editor: Editor) -> None:
    """Ten megabytes that are no text."""
    path = editor.base / "a.css"
    path.write_bytes(b"\xff\xfe\x00" * 3_500_000)
    assert editor.edit("a.css", None) == ()
