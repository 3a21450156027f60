"""A session of the coding agent without a person, for modules that have no command line of their own.

It costs money: an adapter calls this only where the user's configuration says so.

Source: ``reference/modules/_wave2-shared-ground.md`` section 1.6, ``reference/modules/interflux.md`` section 2.6.
"""

from __future__ import annotations

from pathlib import Path

from interhost_hookspecs.context import AdapterContext

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
