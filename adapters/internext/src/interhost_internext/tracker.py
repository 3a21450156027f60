"""What there is to rank: the tracker's issues, and the skills that were used lately. Nothing here changes anything.

That there is no work, and that nobody can tell, are two answers. interphase's scan of the tracker is not used: it
releases claims.

Source: ``reference/modules/internext.md`` section 7.2; ``reference/cli-contracts.md`` sections 4.1 and 4.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path

from attrs import frozen
from interhost_hookspecs import AdapterContext, BdError, BdMissingError
from interhost_hookspecs.reading import first_line, first_number, plain_line, read_object

SCRIPT = Path("scripts", "top-skills.py")
"""internext's list of skills, below its root."""

_SKILLS = 5
_DAYS = 30


class State(StrEnum):
    """What the tracker said."""

    OK = "ok"
    EMPTY = "empty"
    UNREACHABLE = "unreachable"


@frozen(kw_only=True)
class Tracker:
    """What the tracker said, as far as it answered.

    Attributes:
        state: Whether it has issues, has none, or cannot say.
        issues: Those that are ready or in progress.
        failures: What did not answer, one line each.
        missing: There is no ``bd``.
    """

    state: State
    issues: tuple[Mapping[str, object], ...]
    failures: tuple[str, ...] = ()
    missing: bool = False


def read_tracker(project: Path, ctx: AdapterContext) -> Tracker:
    """Ask ``bd`` for what is in progress and for what is ready."""
    issues: list[Mapping[str, object]] = []
    failures = []
    for ask in (partial(ctx.beads.list_by_status, "in_progress"), ctx.beads.list_ready):
        try:
            issues += ask(project)
        except BdMissingError as error:
            return Tracker(state=State.UNREACHABLE, issues=(), failures=(str(error),), missing=True)
        except BdError as error:
            failures.append(plain_line(str(error)) or "bd failed")
    # bd stops at the nearest git root: without a database there, "none" says nothing about the work that is meant.
    if not issues and not failures and not (project / ".beads").exists():
        failures.append(f"there is no .beads in {project}")
    state = State.OK if issues else State.UNREACHABLE if failures else State.EMPTY
    return Tracker(state=state, issues=tuple(issues), failures=tuple(failures))


def read_top_skills(root: Path, project: Path, ctx: AdapterContext) -> tuple[list[dict[str, object]], str]:
    """The skills that were used most within a month, and why there are none.

    Args:
        root: Where internext is installed.
        project: Where the script finds out what kind of project it is.
        ctx: Runs it.
    """
    if not (root / SCRIPT).is_file():
        return [], f"this version of internext has no {SCRIPT}"
    argv = ["python3", str(root / SCRIPT), "--n", str(_SKILLS), "--days", str(_DAYS), "--json"]
    answer = ctx.run(argv, cwd=project)
    told = read_object(answer.stdout)
    if not answer.ok:
        return [], f"{SCRIPT.name}: {plain_line(first_line(told, 'error') or answer.why)}"
    listed = told.get("skills")
    skills: list[dict[str, object]] = [
        {"name": name, "score": first_number(one, "score")}
        for one in (listed if isinstance(listed, list) else [])
        if (name := plain_line(first_line(one, "name")))
    ]
    return skills[:_SKILLS], ""
