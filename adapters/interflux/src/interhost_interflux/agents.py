"""The files of a run's agents: who was started, who answered, who failed.

An agent writes ``{agent}.{UUID}.md.partial`` and is renamed to ``{agent}.{UUID}.md``; runs older than that rule wrote
``{agent}.md``. Its last line is a sentinel, so its verdict block is found by its heading and not by counting lines.

Source: ``reference/modules/interflux.md`` sections 2.3 (row F5) and 2.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

_NAME = re.compile(
    rf"(?P<agent>[^.]+)(?:\.(?P<uuid>{UUID}))?\.(?P<state>md|(?:md\.)?(?:partial(?:\.aborted-\d+)?|refused\.md))"
)
_SENTINEL = "<!-- flux-drive:complete -->"
_INDEX = re.compile(r"^#+ Findings Index\s*$", re.MULTILINE)
_BLOCK = re.compile(r"^--- VERDICT ---\s*\nSTATUS: *(\w+)", re.MULTILINE)
# The whole line: one that lists every word there is comes from the template.
_VERDICT = re.compile(r"^[\s>#*_-]*Verdict[\s*_]*:[\s*_`]*([\w-]+)[\s*_`.]*$", re.MULTILINE | re.IGNORECASE)
_MOST_BYTES = 1 << 20


@frozen(kw_only=True)
class Agents:
    """The agents of one run, by name; one that is at work, or whose file proves nothing, was launched and no more."""

    launched: tuple[str, ...] = ()
    completed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    @property
    def all_failed(self) -> bool:
        """Whether there were agents and none of them can have answered."""
        return bool(self.launched) and self.launched == self.failed


def list_agents(folder: Path, uuid: str | None) -> Agents:
    """The agents whose files lie in a directory.

    Args:
        folder: Directory of the run.
        uuid: The run. A new run removes the reports of the last one, but not what it had aborted.
    """
    states: dict[str, set[bool | None]] = {}
    for name, answered in _read(folder, uuid.lower() if uuid else None):
        states.setdefault(name, set()).add(answered)
    # A second attempt of an agent that failed may have succeeded.
    return Agents(
        launched=tuple(states),
        completed=tuple(name for name, seen in states.items() if True in seen),
        failed=tuple(name for name, seen in states.items() if seen == {False}),
    )


def _read(folder: Path, uuid: str | None) -> Iterator[tuple[str, bool | None]]:
    """Every agent's file, with whether the agent answered; ``None`` when that cannot be told."""
    for path in sorted(folder.glob("*")):
        found = _NAME.fullmatch(path.name)
        if not found or (found["uuid"] and found["uuid"].lower() != uuid):
            continue
        if found["state"] != "md":
            yield found["agent"], None if found["state"].endswith("partial") else False
        elif found["uuid"] or found["agent"].startswith("fd-"):
            yield found["agent"], _answered(path, is_old=not found["uuid"])


def _answered(path: Path, *, is_old: bool) -> bool | None:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    stated, block = _VERDICT.search(text), _BLOCK.search(text)
    if any(found and found[1].lower() == "error" for found in (stated, block)):
        return False
    has_shape = bool(stated or block or _INDEX.search(text))
    return True if _SENTINEL in text or (is_old and has_shape) else None
