"""What a syntax check says: in a transcript, where Claude Code keeps what hooks print, or in our own run.

intercheck itself only counts; nobody else keeps the text.

Source: ``reference/modules/_wave2-shared-ground.md`` section 0, point 9; ``reference/modules/intercheck.md`` section
2.3, event E1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from attrs import evolve, frozen
from interhost_hookspecs import Draft, HealthSignal, Level, Severity
from interhost_hookspecs.reading import fact_key, first_line, one_line, read_object, read_time, value_at

from interhost_intercheck.sessions import Session

LANGUAGES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        ".py": ("python", "python3"),
        ".sh": ("shell", "bash"),
        ".bash": ("shell", "bash"),
        ".json": ("json", "python3"),
        ".toml": ("toml", "python3"),
        ".yaml": ("yaml", "python3"),
        ".yml": ("yaml", "python3"),
        ".go": ("go", "go"),
        ".ts": ("typescript", "node"),
        ".tsx": ("typescript", "node"),
        ".js": ("javascript", "node"),
        ".jsx": ("javascript", "node"),
    }
)
"""Suffix to the language that intercheck takes it for, and the program that checks it."""

_SCRIPT = re.compile(r"(?:^|/)hooks/syntax-check\.sh[\"']?$")
_PREFIX = "Syntax error in "
_LONGEST_PATH = 1024
# Said of a good file, or of none, by the checker about itself: node knows no TypeScript, a quote in a name breaks the
# checker's own source, a file is gone.
_TOOL_ERRORS = ("ERR_UNKNOWN_FILE_EXTENSION", 'File "<string>", line', "No such file")


@frozen
class Failure:
    """A file that a check did not pass.

    Attributes:
        path: The file, absolute.
        message: Why, in the checker's words, on one line.
        is_tool_error: The checker failed, and nothing is known of the file.
    """

    path: str
    message: str
    is_tool_error: bool


def read_failure(output: object) -> Failure | None:
    """What a check printed; ``None`` for what is none of its messages. A clean file makes it print nothing."""
    said = read_object(output).get("additionalContext") if isinstance(output, str) else None
    if not isinstance(said, str) or not said.startswith(_PREFIX):
        return None
    rest = said.removeprefix(_PREFIX)
    # A name may contain what parts it from the message; it ends with a suffix that intercheck knows.
    ends = (found.start() for found in re.finditer(": ", rest[:_LONGEST_PATH]))
    end = next((end for end in ends if rest.startswith("/") and Path(rest[:end]).suffix in LANGUAGES), None)
    if end is None:
        return None
    is_tool_error = any(mark in rest[end:] for mark in _TOOL_ERRORS)
    return Failure(rest[:end], one_line(rest[end + 2 :]) or "(no message)", is_tool_error)


def list_failures(session: Session, lines: Iterable[str]) -> Iterator[Draft]:
    """The failures that new lines of a transcript have, each once, however many transcripts repeat it."""
    for line in lines:
        entry = read_object(line) if "hook_success" in line else {}
        hook = value_at(entry, "attachment")
        if first_line(hook, "type") != "hook_success" or not _SCRIPT.search(str(value_at(hook, "command"))):
            continue
        if failure := read_failure(value_at(hook, "stdout")):
            use = first_line(hook, "toolUseID")
            yield evolve(
                compose_failure(failure, f"transcript:{first_line(hook, 'hookName') or 'hook_success'}"),
                occurred_at=read_time(entry.get("timestamp")),
                project_dir=Path(session.project),
                session_id=session.id,
                dedupe_key=fact_key("intercheck", "syntax", failure.path, use or line),
                extensions={**describe(failure), **({"tool_use_id": use} if use else {})},
            )


def compose_failure(failure: Failure, source: str) -> Draft:
    """A failure as a fact; of a name that no terminal could show, only the message."""
    file = Path(failure.path)
    return Draft(
        payload=HealthSignal(
            signal="syntax",
            level=Level.YELLOW if failure.is_tool_error else Level.RED,
            detail=one_line(f"{file.name}: {failure.message}"),
        ),
        artifact_path=file if failure.path.isprintable() else None,
        severity=Severity.WARN if failure.is_tool_error else Severity.ERROR,
        source_hook=source,
        extensions=describe(failure),
    )


def describe(failure: Failure) -> Mapping[str, object]:
    """What the payload has no key for."""
    language = LANGUAGES[Path(failure.path).suffix][0]
    return {"check": "syntax", "kind": "tool_error" if failure.is_tool_error else "syntax", "language": language}
