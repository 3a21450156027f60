"""interdoc's own scripts, and what they answer.

They are called by the plugin's root, with bash, in the repository. Never ``check-commit.sh``: it notes that the user
was asked, so whoever else calls it takes the user's prompt away.

Source: ``reference/modules/interdoc.md`` sections 3.2 and 3.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen
from interhost_hookspecs import AdapterContext, Completed
from interhost_hookspecs.reading import first_line, first_names, one_line, read_object, value_at

from interhost_interdoc.repository import DOCUMENT, HungError, Repository, UnreadableError

UPDATES = Path("hooks", "check-updates.sh")
"""Says whether the document is stale; below interdoc's root, as the others."""

FIX = Path("scripts", "drift-fix.sh")
"""Puts renamed and deleted files right in the documents; with ``--dry-run`` it only says which those are."""

REFERENCES = Path("hooks", "tools", "stale-refs.sh")
"""Lists what the document refers to and is not there."""

# They go through history and files with one process per item; on large repositories that takes a while.
_TIMEOUT = 30.0
_IS_STALE = re.compile(r'\s*\{\s*"status"\s*:\s*"stale"')
_OTHER_RUN = "another drift-fix instance"
# A script asks git as the user does, except that it takes no lock of the index and fetches nothing.
_ENV = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}


@frozen(kw_only=True)
class Structure:
    """What ``drift-fix.sh`` found, or did.

    Attributes:
        renames: Pairs of the old and the new name of a file.
        deletions: Files that are gone.
        new_files: Files that are new; alone they are no drift.
        modified: Documents that were changed, relative to the repository; none after a dry run.
    """

    renames: tuple[tuple[str, str], ...]
    deletions: tuple[str, ...]
    new_files: tuple[str, ...]
    modified: tuple[str, ...]

    @property
    def has_drifted(self) -> bool:
        """Whether the documents may name files that are not there any more."""
        return bool(self.renames or self.deletions)

    def __str__(self) -> str:
        """The drift in words."""
        return f"{_count(len(self.renames), 'rename')} and {_count(len(self.deletions), 'deletion')}"


def check_updates(root: Path, repository: Repository, ctx: AdapterContext) -> Mapping[str, object] | None:
    """Why the document is stale, with the ``reason``; ``None`` when it is not, or somebody is at work on it.

    Raises:
        UnreadableError: It did not say.
        HungError: It did not answer in time.
    """
    answer = _run(root / UPDATES, repository, ctx)
    found = read_object(answer.stdout)
    if answer.ok and (not answer.stdout.strip() or first_line(found, "reason")):
        return found or None
    raise UnreadableError(f"{UPDATES.name}: {answer.why}")


def run_fix(root: Path, repository: Repository, ctx: AdapterContext, *, dry: bool) -> Structure:
    """What has drifted, and without ``dry`` the documents that were put right.

    Raises:
        UnreadableError: It refused, or printed something else.
        HungError: It did not answer in time, or another run of it is not over.
    """
    answer = _run(root / FIX, repository, ctx, *(["--dry-run"] if dry else []))
    found = read_structure(answer.stdout)
    if answer.ok and found:
        return found
    said = first_line(read_object(answer.stdout) or read_object(answer.stderr), "error") or answer.why
    raise (HungError if said.startswith(_OTHER_RUN) else UnreadableError)(f"{FIX.name}: {said}")


def read_structure(text: str) -> Structure | None:
    """What ``drift-fix.sh`` printed; ``None`` for everything else."""
    found = read_object(text)
    renames, deletions = found.get("renames"), first_names(found, "deletions")
    if not isinstance(renames, list) or deletions is None:
        return None
    pairs = [first_names({"pair": [value_at(one, "old"), value_at(one, "new")]}, "pair") for one in renames]
    return Structure(
        renames=tuple((pair[0], pair[1]) for pair in pairs if pair),
        deletions=deletions,
        new_files=first_names(found, "new_files") or (),
        modified=first_names(found, "files_modified") or (),
    )


def list_dead(root: Path, repository: Repository, ctx: AdapterContext) -> tuple[Mapping[str, str], ...] | None:
    """What the document refers to and is not there; ``None`` when there is nothing of that kind.

    The script's exit status says whether there is; its list may be no JSON (row D5), and is empty then.

    Raises:
        UnreadableError: It did not say.
        HungError: It did not answer in time.
    """
    answer = _run(root / REFERENCES, repository, ctx, str(repository.root), DOCUMENT)
    if answer.returncode == 0:
        return None
    if answer.returncode != 1 or not _IS_STALE.match(answer.stdout):
        raise UnreadableError(f"{REFERENCES.name}: {answer.why}")
    findings = read_object(answer.stdout).get("findings")
    rows = [one for one in findings if isinstance(one, dict)] if isinstance(findings, list) else []
    return tuple({key: line for key, value in row.items() if (line := one_line(value))} for row in rows)


def _run(script: Path, repository: Repository, ctx: AdapterContext, *words: str) -> Completed:
    answer = ctx.run(["bash", str(script), *words], timeout=_TIMEOUT, cwd=repository.root, env=_ENV)
    if answer.missing:
        raise UnreadableError("bash is not installed")
    if answer.returncode is None:
        raise HungError(f"{script.name}: {answer.problem}")
    return answer


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
