"""Runs of the kernel, as ``ic`` tells them: the sprint of a bead or of a project.

Reading and adding actions only. What moves a run is policy, and goes through ``ctx.submit``.

Source: ``reference/cli-contracts.md`` sections 1.1, 1.5 and 5.2; ``reference/modules/interflux.md`` section 2.6.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from attrs import frozen

from interhost_hookspecs.command import Completed
from interhost_hookspecs.files import is_plain_name
from interhost_hookspecs.phases import CHAINS, clean_phase
from interhost_hookspecs.reading import read_object, read_objects

DATABASE = Path(".clavain", "intercore.db")
"""The kernel's database, below the root of a project."""

_DUPLICATE = 1


@frozen(kw_only=True)
class KernelRun:
    """One run.

    Attributes:
        id: Its id; empty when ``ic`` did not say.
        project: Where its database lies.
        phase: Where it is.
        phases: Its chain; the kernel's own order where it has none.
        is_active: Whether it is still on.
    """

    id: str
    project: Path
    phase: str | None
    phases: Sequence[object]
    is_active: bool

    @property
    def following(self) -> str | None:
        """The phase after the present one."""
        rest = self.phases[self.phases.index(self.phase) + 1 :] if self.phase in self.phases else ()
        return clean_phase(rest[0]) if rest else None

    def upcoming(self, phase: str | None) -> str | None:
        """A phase, unless the run is past it or does not have it: then the present one."""
        if phase not in self.phases or self.phase not in self.phases:
            return self.phase
        return phase if self.phases.index(phase) >= self.phases.index(self.phase) else self.phase


class _Commands(Protocol):
    """What of a context is needed here."""

    def run(self, argv: Sequence[str], *, cwd: Path | None = None) -> Completed: ...


class KernelRuns:
    """The kernel's runs, as an adapter sees them: ``ctx.runs``.

    ``ic`` is not asked where there is no database, because every command would create an empty one. No answer that
    can be used is the same as no run.
    """

    def __init__(self, commands: _Commands) -> None:
        """Ask with the commands of a context."""
        self._commands = commands

    def ask(self, words: Sequence[str], project: Path) -> Completed:
        """How ``ic`` ends with some words, in a project that has a database; elsewhere it is not run.

        Args:
            words: The command; answers are JSON, and the database is waited for.
            project: Where it is run.
        """
        argv = ("ic", "--json", "--timeout=5s", *words)
        if not (project / DATABASE).is_file():
            return Completed(argv=argv, returncode=None, problem=f"{project} has no kernel database")
        return self._commands.run(argv, cwd=project)

    def read(self, run_id: str, project: Path) -> KernelRun | None:
        """A run by its id, as a bead's state ``ic_run_id`` names it; ``None`` for an id that ``ic`` could misread."""
        if not is_plain_name(run_id):
            return None
        record = read_object(self.ask(["run", "status", run_id], project).stdout)
        return _read_run(record, project) if record else None

    def find_active(self, context_id: str, project: Path) -> KernelRun | None:
        """The newest active run of a bead; of a ``project:`` context, the newest of its own that belongs to no bead."""
        records = read_objects(self.ask(["run", "list", "--active"], project).stdout)
        if context_id.startswith("project:"):
            records = [one for one in records if not one.get("scope_id") and one.get("project_dir") == str(project)]
        else:
            records = [one for one in records if one.get("scope_id") == context_id]
        records = [one for one in records if is_plain_name(one.get("id"))]
        newest = max(records, key=lambda one: (isinstance(at := one.get("created_at"), int) and at) or 0, default=None)
        return _read_run(newest, project) if newest else None

    def add_action(
        self, run: KernelRun, phase: str, command: str, args: Sequence[str], *, seeded: Sequence[str] = ()
    ) -> bool:
        """Put a command into a phase of a run, where the sprint's own session is told of it.

        Args:
            run: The run.
            phase: One of its phases.
            command: Slash command, without arguments.
            args: Its arguments.
            seeded: Arguments by which Clavain's own runs have the same action from the start.

        Returns:
            Whether it stands there now. ``ic`` refuses a second action of the same command in a phase with the status
            that it also has for a run that is not there, so a refusal is held against the actions it lists.
        """
        where = [run.id, f"--phase={phase}"]
        action = [f"--command={command}", f"--args={json.dumps(list(args))}", "--mode=interactive"]
        added = self.ask(["run", "action", "add", *where, *action], run.project)
        if added.returncode != _DUPLICATE:
            return added.ok
        known = read_objects(self.ask(["run", "action", "list", *where], run.project).stdout)
        same = (list(args), list(seeded))
        return any(one.get("command") == command and one.get("args") in same for one in known)


def _read_run(record: Mapping[str, object], project: Path) -> KernelRun:
    stated = record.get("phases")
    return KernelRun(
        id=str(record.get("id") or ""),
        project=project,
        phase=clean_phase(record.get("phase")),
        phases=stated if isinstance(stated, list) else CHAINS["ic-9"],
        is_active=record.get("status", "active") == "active",
    )
