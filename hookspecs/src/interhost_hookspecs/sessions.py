"""A session of the coding agent without a person, for modules that have no command line of their own.

It costs money: an adapter calls this only where the user's configuration says so.

Source: ``reference/modules/_wave2-shared-ground.md`` section 1.6, ``reference/modules/interflux.md`` section 2.6.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from interhost_hookspecs.context import AdapterContext
from interhost_hookspecs.intent import Advice, Intent
from interhost_hookspecs.outcome import Outcome

# The log comes first as $0, then the command. A log that cannot be opened ends the shell before anything is spent.
_START = 'exec >"$0" 2>&1 </dev/null; nohup "$@" &'


def start_session(prompt: str, *, log: Path, project: Path, ctx: AdapterContext) -> Path | str:
    """Start a session that outlives the host, once for the intent; what came of it is seen in the files it leaves.

    What is started, before the prompt, is the adapter's setting ``headless_command``: an array, by default
    ``["claude", "-p"]``.

    Args:
        prompt: What the session is told.
        log: Where its output goes; that it exists shows to a later attempt that the session was started.
        project: Where it works.
        ctx: Runs the command.

    Returns:
        The log, or in one line why no session was started.
    """
    command = ctx.config.texts("headless_command")
    if ctx.config.find_problem("headless_command") or not command or not all(command):
        return "headless_command is not a list of words"
    if not (answer := ctx.run([command[0], "--version"])).ok:
        return f"headless: {answer.problem or f'{command[0]} --version ended with {answer.returncode}'}"
    if ctx.once("headless", happened=log.exists):
        started = ctx.run(["sh", "-c", _START, str(log), *command, prompt], cwd=project)
        if not started.ok:
            return f"headless: {started.why}"
    return log


def have_fulfilled(
    request: Path, prompt: str, advice: str, intent: Intent[Any], ctx: AdapterContext, *, what: str
) -> Outcome:
    """Find someone for a request: a session of its own where ``headless`` is on, else whoever is at work.

    Args:
        request: The request, from ``ctx.request``.
        prompt: What a session of its own is told.
        advice: What a session at work is told, for a day.
        intent: What led to it.
        ctx: Knows the settings.
        what: What is asked for, such as ``review``.

    Returns:
        ``done`` when a session was started, though nobody waits for it; else ``degraded``, since asking is not doing.
    """
    problem = ""
    if ctx.config.is_on("headless") and intent.project_dir:
        started = start_session(prompt, log=request.with_suffix(".log"), project=intent.project_dir, ctx=ctx)
        if isinstance(started, Path):
            return Outcome.done(f"{what} started; log: {started}")
        problem = f"; {started}"
    ctx.advise(Advice(text=advice, context_id=intent.context_id))
    return Outcome.degraded(f"{what} requested: {request}{problem}")
