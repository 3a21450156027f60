"""A review as an action of the kernel's run: the sprint's own session is told of it in the phase it belongs to.

Source: ``reference/modules/interflux.md`` section 2.6, ``reference/cli-contracts.md`` sections 1.1, 1.5 and 5.2.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from interhost_hookspecs import AdapterContext, Completed, Intent

from interhost_interflux.wanted import PHASES

_DATABASE = Path(".clavain", "intercore.db")
_DEFAULT_CHAIN = (
    *("brainstorm", "brainstorm-reviewed", "strategized", "planned"),
    *("executing", "review", "polish", "reflect", "done"),
)
_DUPLICATE = 1


def add_action(name: str, kind: str, command: str, intent: Intent[object], ctx: AdapterContext) -> str | None:
    """Put the review into the run that the intent is about.

    Args:
        name: The document, as the command takes it.
        kind: Kind of document.
        command: Slash command, without arguments.
        intent: What the review is wanted for.
        ctx: Runs ``ic``.

    Returns:
        Run and phase in words; ``None`` when there is no such run, or ``ic`` does not take it.
    """
    run = _find_run(intent, ctx)
    if run is None or intent.project_dir is None:
        return None
    run_id, phase = str(run.get("id")), _choose_phase(run, kind)
    where, project = [run_id, f"--phase={phase}"], intent.project_dir
    action = [f"--command={command}", f"--args={json.dumps([name])}", "--mode=interactive"]
    added = _ic(["run", "action", "add", *where, *action], project, ctx)
    if not added.ok:
        listed = _ic(["run", "action", "list", *where], project, ctx) if added.returncode == _DUPLICATE else added
        if not any(_is_same(one, name, kind, command) for one in _objects(listed.stdout)):
            return None
    return f"run {run_id}, phase {phase}"


def _find_run(intent: Intent[object], ctx: AdapterContext) -> Mapping[str, object] | None:
    """The newest active run of the context; of a project, the newest of its own that belongs to no bead.

    ``ic`` is not asked where there is no database: every command would create an empty one.
    """
    project = intent.project_dir
    if project is None or not (project / _DATABASE).is_file():
        return None
    runs = _objects(_ic(["run", "list", "--active"], project, ctx).stdout)
    if intent.context_id.startswith("project:"):
        runs = [run for run in runs if not run.get("scope_id") and run.get("project_dir") == str(project)]
    else:
        runs = [run for run in runs if run.get("scope_id") == intent.context_id]
    return max(runs, key=lambda run: (isinstance(at := run.get("created_at"), int) and at) or 0, default=None)


def _choose_phase(run: Mapping[str, object], kind: str) -> str:
    """The phase that such a document belongs to, unless the run is past it or has no such phase.

    Clavain seeds its runs with the same command in the same phase, which makes a second one a duplicate.
    """
    now, stated = str(run.get("phase")), run.get("phases")
    chain = stated if isinstance(stated, list) else list(_DEFAULT_CHAIN)
    wanted = next((phase for phase, of in PHASES.items() if of == kind), now)
    is_ahead = wanted in chain and now in chain and chain.index(wanted) >= chain.index(now)
    return wanted if is_ahead else now


def _is_same(action: Mapping[str, object], name: str, kind: str, command: str) -> bool:
    """Whether a duplicate is of this review: the same exit status is for a run that is not there.

    A run may review another document in the same phase; seeded ones name the run's own artifact.
    """
    return action.get("command") == command and action.get("args") in ([name], [f"${{artifact:{kind}}}"])


def _ic(words: list[str], project: Path, ctx: AdapterContext) -> Completed:
    return ctx.run(["ic", "--json", "--timeout=5s", *words], cwd=project)


def _objects(text: str) -> list[Mapping[str, object]]:
    """The objects of a JSON array; none for help texts, log lines and whatever else a command may print."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
