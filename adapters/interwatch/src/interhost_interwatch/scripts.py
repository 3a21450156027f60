"""interwatch's scripts, as they are run: without ``--save-state``, unless the user wants it.

A saved scan forgets what it has counted, so that the next one finds less; with ``--check`` it also drops every other
document from ``drift.json``, and an unknown name given to ``--record-refresh`` is taken into the baselines.

Source: ``reference/modules/interwatch.md`` sections 4.2 and 4.5; ``reference/modules/_wave2-shared-ground.md`` fact 3.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from interhost_hookspecs import AdapterContext, Completed, Outcome
from interhost_hookspecs.files import modified
from interhost_hookspecs.reading import plain_line, read_object

from interhost_interwatch.report import REPORT, Report, read_report

SCAN, AUDIT = Path("scripts", "interwatch-scan.py"), Path("scripts", "interwatch-audit.py")
"""The scripts, below interwatch's root."""

SAVE_EVERY = timedelta(minutes=10)
"""How old the last saved scan must be before another one is saved."""

_SCAN_TIMEOUT = 60.0
_TIMEOUT = 30.0
_CANNOT = 2
_MOST_PROMPT = 20_000


def find_script(ctx: AdapterContext, name: Path) -> Path | None:
    """A script of the installed module."""
    root = ctx.module_root()
    return root / name if root and (root / name).is_file() else None


def scan(script: Path, project: Path, ctx: AdapterContext) -> Report | Outcome:
    """Scan a project, and say what was found, or why nothing was."""
    answer = _run_scan(script, project, ctx)
    if answer.returncode == _CANNOT and "watchables" in answer.stderr and ctx.config.is_on("discover_watchables"):
        _run(script, ["--discover-only"], project, ctx, _SCAN_TIMEOUT)
        answer = _run_scan(script, project, ctx)
    if answer.missing:
        return Outcome.skipped("python3 is not installed")
    if answer.returncode == _CANNOT:
        return Outcome.skipped(f"no scan: {last_words(answer)}{_hint(answer)}")
    report = read_report(answer.stdout, project) if answer.ok else None
    return report or Outcome.failed(f"no scan: {last_words(answer) if not answer.ok else 'it printed no report'}")


def record(script: Path, name: str, project: Path, ctx: AdapterContext) -> str | Outcome:
    """Record that a document was made anew, and say what came of it in interwatch's word."""
    answer = _run(script, ["--record-refresh", name], project, ctx, _TIMEOUT)
    if answer.missing:
        return Outcome.skipped("python3 is not installed")
    said = read_object(answer.stdout)
    if not answer.ok or said.get("recorded_refresh") != name or not said.get("content_hash"):
        return Outcome.failed(f"the refresh of {name} was not recorded: {last_words(answer)}")
    return str(said.get("outcome"))


def compose_audit(name: str, project: Path, ctx: AdapterContext) -> str:
    """What an agent should hold a document of this relative name against, in interwatch's words, if it has any."""
    script = find_script(ctx, AUDIT)
    if script is None:
        return ""
    answer = _run(script, [f"--check={name}", f"--project-root={project}"], project, ctx, _TIMEOUT)
    prompt = read_object(answer.stdout).get("audit_prompt") if answer.ok else None
    return prompt[:_MOST_PROMPT] if isinstance(prompt, str) else ""


def last_words(answer: Completed) -> str:
    """Why a script ended, without the way there: the last line of a traceback says it."""
    lines = (answer.stderr or answer.stdout).strip().splitlines()
    return answer.problem or (plain_line(lines[-1], 200) if lines else answer.why)


def _run_scan(script: Path, project: Path, ctx: AdapterContext) -> Completed:
    saved = modified(project / REPORT)
    is_old = saved is None or ctx.now().timestamp() - saved > SAVE_EVERY.total_seconds()
    saves = ctx.config.is_on("save_state") and is_old
    return _run(script, ["--save-state"] if saves else [], project, ctx, _SCAN_TIMEOUT)


def _run(script: Path, words: list[str], project: Path, ctx: AdapterContext, timeout: float) -> Completed:
    env = {} if ctx.config.is_on("allow_network") else {"INTERWATCH_OFFLINE": "1"}
    return ctx.run(["python3", str(script), *words], timeout=timeout, cwd=project, env=env)


def _hint(answer: Completed) -> str:
    return "; discover_watchables would set them up" if "watchables" in answer.stderr else ""
