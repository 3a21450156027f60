"""What ``interhost doctor`` says about the programs behind submissions.

Which are used, in which version, which way a submission would go, and which of the facts that we rely on hold. Every
probe is a command that changes nothing, run in the root directory: in a project, every command of ``ic`` would create a
database. Source: reference/cli-contracts.md sections 0.1 and 2.1.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from interhost_hookspecs import Check, CheckLevel, SubmissionError
from interhost_hookspecs.files import read_head
from interhost_hookspecs.reading import first_line, plain_line, read_object

from interhost.bus.bus import Bus
from interhost.process import Result
from interhost.submission.answers import say_why
from interhost.submission.clavain import FALLBACK, NAME, Clavain
from interhost.submission.kernel import find_database, open_kernel
from interhost.submission.ledger import is_under_way
from interhost.submission.programs import PROGRAMS, VARIABLES, Desk, find_program

_ROOT = Path("/")


class Assumption(NamedTuple):
    """Something that we rely on.

    Attributes:
        program: Of which program.
        says: What it is, in one line.
        words: Command that shows it.
        holds: Whether the answer does.
        otherwise: What follows when it does not hold.
    """

    program: str
    says: str
    words: tuple[str, ...]
    holds: Callable[[Result], bool]
    otherwise: str


ASSUMPTIONS = (
    Assumption(
        *("ic", "an unknown command exits with 3 (section 1.1)", ("frobnicate",)),
        lambda answer: answer.returncode == 3,
        "exit codes may be misread",
    ),
    Assumption(
        *("ic", "--timeout is the database's everywhere (0.1, fact 5)", ("--timeout=abc", "version")),
        lambda answer: answer.returncode == 3 and "invalid timeout" in answer.stderr,
        "a locked database may not be waited for",
    ),
    Assumption(
        *("ic", "'version' answers with JSON (section 1.2)", ("--json", "version")),
        lambda answer: answer.returncode == 0 and answer.stdout.lstrip().startswith("{"),
        "answers may not be JSON",
    ),
    Assumption(
        *(NAME, "an unknown command exits with 1 and says so (section 2.1)", ("frobnicate",)),
        lambda answer: answer.returncode == 1 and "unknown command" in answer.stderr,
        "what it can do cannot be found out",
    ),
    Assumption(
        *(NAME, "it has no 'dispatch-task', so ic dispatches (0.1, fact 15)", ("dispatch-task",)),
        lambda answer: "unknown command" in answer.stderr,
        "it is used, in a form that was never measured",
    ),
    Assumption(
        *(NAME, "it has no 'gate-override', so ic overrides (0.1, fact 15)", ("gate-override",)),
        lambda answer: "unknown command" in answer.stderr,
        "it is used, in a form that was never measured",
    ),
    Assumption(
        *("bd", "'version' exits with 0 (section 4.1)", ("version",)),
        lambda answer: answer.returncode == 0,
        "which run a bead has may not be found",
    ),
)
"""What is asked of the installed programs."""


def examine_programs(environ: Mapping[str, str], project: Path) -> Iterator[Check]:
    """Every check of the programs behind submissions.

    Args:
        environ: Environment to find them in.
        project: Where somebody would submit.
    """
    desk = Desk(project=_ROOT, environ=environ)
    found: dict[str, str] = {}
    for program in PROGRAMS:
        try:
            path = find_program(program, environ)
        except SubmissionError as error:
            yield _check("submissions", CheckLevel.PROBLEM, error.message, error.remediation)
            return
        if path:
            found[program] = path
    yield _way(found)
    yield from (_version(desk, program, path) for program, path in found.items())
    if NAME in found:
        yield from _mode(Clavain(desk, found[NAME]))
    yield from _kernel(Desk(project=project, environ=environ), found)
    for one in ASSUMPTIONS:
        if one.program in found:
            yield _probe(desk, found[one.program], one)


def _version(desk: Desk, program: str, path: str) -> Check:
    """Which program is used, and its version. clavain-cli has no command that says one; the plugin around it does."""
    if program == NAME:
        plugin = Path(os.path.realpath(path)).parent.parent / ".claude-plugin" / "plugin.json"
        stated = first_line(read_object(read_head(plugin)), "version")
        said = f"of clavain {stated}" if stated else "of no known version"
    else:
        answer = desk.ask([path, "version"])
        said = plain_line(answer.stdout.partition("\n")[0]) if answer.returncode == 0 else ""
        said = said or f"tells no version: {say_why(answer)}"
    named = f", as {VARIABLES[program]} says" if desk.environ.get(VARIABLES[program]) else ""
    return _check(f"submissions: {program}", CheckLevel.OK, f"{path}, {said}{named}")


def _way(found: Mapping[str, str]) -> Check:
    if NAME in found:
        return _check("submissions", CheckLevel.OK, f"through {found[NAME]}, with policy")
    if "ic" in found:
        said = f"through {found['ic']}, without policy: no clavain-cli was found"
        return _check("submissions", CheckLevel.NOTE, said, f"install clavain, or set {VARIABLES[NAME]}")
    said = "nobody carries them out: neither clavain-cli nor ic was found"
    return _check("submissions", CheckLevel.NOTE, said, f"set {VARIABLES[NAME]}, or put it on PATH")


def _mode(cli: Clavain) -> Iterator[Check]:
    try:
        if cli.is_fallback():
            hint = "install Go or clavain's built program; until then some submissions fail"
            yield _check("submissions: clavain-cli", CheckLevel.PROBLEM, FALLBACK, hint)
    except SubmissionError as error:
        yield _check("submissions: clavain-cli", CheckLevel.PROBLEM, error.message, error.remediation)


def _kernel(desk: Desk, found: Mapping[str, str]) -> Iterator[Check]:
    """The kernel's health in this project; not asked where it has no database, which is no problem."""
    database = find_database(desk.project)
    if "ic" not in found or database is None:
        return
    try:
        open_kernel(desk)
    except SubmissionError as error:
        yield _check("submissions: database", CheckLevel.PROBLEM, f"{database}: {error.message}", error.remediation)
    else:
        yield _check("submissions: database", CheckLevel.OK, str(database))


def _probe(desk: Desk, path: str, one: Assumption) -> Check:
    answer = desk.ask([path, *one.words])
    name = f"contract of {one.program}"
    if answer.returncode is None:
        return _check(name, CheckLevel.PROBLEM, f"{one.says}: {answer.problem}", "see what the program does")
    if one.holds(answer):
        return _check(name, CheckLevel.OK, one.says)
    hint = "interhost was measured with ic 0.3.5, clavain 0.6.299 and bd 1.0.5"
    return _check(name, CheckLevel.NOTE, f"does not hold: {one.says}; {one.otherwise}", hint)


def _check(name: str, level: CheckLevel, detail: str, hint: str = "") -> Check:
    return Check(name=name, level=level, detail=detail, hint=hint)


def examine_submissions(bus: Bus) -> Iterator[Check]:
    """Submissions whose end nobody knows, each with how to say what it was."""
    for one in bus.store.submissions_in_doubt():
        if is_under_way(bus.root, one.key):
            yield _check(f"submission {one.key}", CheckLevel.OK, "under way")
            continue
        hint = f"look, then: interhost submit resolve {one.key} --happened, or --did-not-happen"
        yield _check(f"submission {one.key}", CheckLevel.PROBLEM, f"in doubt: {one.kind} {one.request}", hint)
