"""A review in a session of its own, without a person: it costs money, so nothing here happens unasked.

The session outlives the host that starts it, since a review takes longer than anyone may wait. What came of it is seen
in the files it leaves. Source: ``reference/modules/interflux.md`` section 2.6.
"""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path

from interhost_hookspecs import AdapterContext

DEFAULT_COMMAND = ("claude", "-p")

# The log comes first as $0, then the command. A log that cannot be opened ends the shell before anything is spent.
_START = 'exec >"$0" 2>&1 </dev/null; nohup "$@" &'


def start_review(document: Path, project: Path, request: Path, ctx: AdapterContext) -> Path | str:
    """Start a session that reviews one document, once.

    Args:
        document: What to review.
        project: Where the session works, and below which its results appear.
        request: The request's file; the log is written beside it.
        ctx: Runs the command that the user configured.

    Returns:
        The log, or in one line why no session was started.
    """
    command = ctx.config.get("headless_command", list(DEFAULT_COMMAND))
    if not isinstance(command, list) or not command or not all(isinstance(word, str) and word for word in command):
        return "headless_command is not a list of words"
    if not (answer := ctx.run([command[0], "--version"])).ok:
        return f"headless: {answer.problem or f'{command[0]} --version ended with {answer.returncode}'}"
    log = request.with_suffix(".log")
    if ctx.once("headless", happened=log.exists):
        digest = hashlib.sha256(str(document).encode("utf-8", "replace")).hexdigest()[:8]
        folder = project / "docs/research/flux-drive" / f"{document.stem}-{digest}"
        prompt = f"/interflux:flux-drive {shlex.quote(str(document))} --output-dir {shlex.quote(str(folder))}"
        started = ctx.run(["sh", "-c", _START, str(log), *command, prompt], cwd=project)
        if not started.ok:
            return f"headless: {started.problem or started.stderr.strip()[:200]}"
    return log
