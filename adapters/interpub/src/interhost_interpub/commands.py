"""``ic publish`` and ``git``, as they are run: with deadlines, without secrets, and where they change nothing.

``ic`` opens its database before it looks at its arguments, and makes one where it finds a ``.clavain`` folder without.
The folder of the canaries is one, above every project: ``ic`` is run in a folder of its own unless there is a database.

Source: ``reference/modules/interpub.md`` sections 5.2 and 5.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from interhost_hookspecs import AdapterContext, Completed
from interhost_hookspecs.reading import plain_line, read_json, read_objects

SECRETS = ("*TOKEN*", "*SECRET*", "*PASSWORD*", "*PASSPHRASE*", "*API_KEY*", "*CREDENTIAL*")
"""Variables that ``ic`` never gets. A token would let a release pass that a person has to look at."""

POLICY = ("IC_PUBLISH_*", "PUBLISH_AUTHZ_*")
"""Variables that decide what may be published: the machine's own files decide, not who started the host."""

_QUIET_GIT = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "SSH_ASKPASS_REQUIRE": "never"}
_TIMEOUT = 30.0
_MOST = 50


def run_ic(words: Sequence[str], project: Path | None, ctx: AdapterContext, *, timeout: float = _TIMEOUT) -> Completed:
    """Run ``ic publish`` with some words, in a project if its database exists, else in an empty folder."""
    argv, drop = ["ic", "publish", *words], (*SECRETS, *POLICY)
    if project and _has_database(project):
        return ctx.run(argv, timeout=timeout, cwd=project, drop=drop)
    import tempfile  # 5 ms, for few

    with tempfile.TemporaryDirectory(prefix="interhost-interpub-") as folder:
        return ctx.run(argv, timeout=timeout, cwd=Path(folder), drop=drop)


def run_git(words: Sequence[str], folder: Path, ctx: AdapterContext, *, timeout: float = _TIMEOUT) -> Completed:
    """Run ``git`` in a folder: it takes no lock, changes nothing by itself, and asks nobody for a password."""
    argv = ["git", "--no-optional-locks", *words]
    return ctx.run(argv, timeout=timeout, cwd=folder, env=_QUIET_GIT)


def list_findings(project: Path | None, ctx: AdapterContext) -> list[Mapping[str, str]] | None:
    """The errors that ``ic publish doctor`` finds; ``None`` when it cannot say. ``null`` is its word for none.

    Its exit status says whether there are errors, so it decides nothing here.
    """
    answer = run_ic(["doctor", "--json"], project, ctx)
    found = read_json(answer.stdout)
    is_empty = found is None and answer.ok and answer.stdout.strip() == "null"
    if answer.returncode is None or not (is_empty or isinstance(found, list)):
        return None
    errors = [one for one in read_objects(answer.stdout) if one.get("severity") == "error"][:_MOST]
    return [{key: plain_line(one.get(key)) for key in ("category", "plugin", "message", "fix")} for one in errors]


def _has_database(project: Path) -> bool:
    """Whether the first ``.clavain`` folder on the way up has the database that ``ic`` would open."""
    for folder in (project, *project.parents):
        if (folder / ".clavain").is_dir():
            return (folder / ".clavain" / "intercore.db").is_file()
    return False
