"""What would be released: by a dry run of ``ic publish``, and by what the dry run leaves out.

Source: ``reference/modules/interpub.md`` sections 5.2 and 5.4.
"""

from __future__ import annotations

import re
from pathlib import Path

from attrs import frozen
from interhost_hookspecs import AdapterContext, Completed, Outcome
from interhost_hookspecs.reading import plain_line

from interhost_interpub.checks import find_changes, list_obstacles
from interhost_interpub.commands import run_ic
from interhost_interpub.output import read_output, text_of
from interhost_interpub.releases import Plugin

VERSION_FILES = ("package.json", "server/package.json", "agent-rig.json", "Cargo.toml", "pyproject.toml")
"""Where a plugin states its version besides its manifest."""

_USAGE = 3
_NO_PLUGIN = "not a plugin directory"
_PATCH = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})")
_FILES = re.compile(r"^[ \t]*Version files: (.+)$", re.MULTILINE)
_MARKETPLACE = re.compile(r"^[ \t]*Marketplace:[ \t]+(/.+)$", re.MULTILINE)


@frozen(kw_only=True)
class Candidate:
    """A release that a dry run described: the plugin, the version it would get, and the files that state it."""

    plugin: Plugin
    version: str
    files: tuple[str, ...]
    is_patch: bool


@frozen(kw_only=True)
class Obstacles:
    """Why a plugin is not ready, and the version that it would have got, if that is known."""

    version: str | None
    reasons: tuple[str, ...]


def choose_word(version: str | None, ctx: AdapterContext) -> str:
    """What ``ic publish`` is to raise: a version, or as the user's configuration says."""
    return version or f"--{ctx.config.text('bump')}"


def find_candidate(plugin: Plugin, word: str, ctx: AdapterContext) -> Candidate | Obstacles | Outcome:
    """What a plugin's release would be, what is against it, or why nobody can say."""
    answer = run_ic(["--dry-run", word, f"--cwd={plugin.root}"], plugin.root, ctx)
    found = _read_dry_run(answer, plugin, word)
    if isinstance(found, Outcome):
        return found
    reasons = [*list_obstacles(plugin.root, ctx)]
    if marketplace := _MARKETPLACE.search(answer.stdout):
        reasons += find_changes(Path(marketplace[1].strip()), "the marketplace", ctx)
    if isinstance(found, str):
        return Obstacles(version=None, reasons=(found, *reasons))
    return Obstacles(version=found.version, reasons=tuple(reasons)) if reasons else found


def _read_dry_run(answer: Completed, plugin: Plugin, word: str) -> Candidate | str | Outcome:
    """The release that a dry run described; a text when something is against it, an outcome when it says nothing."""
    said = read_output(text_of(answer))
    if answer.missing:
        return Outcome.skipped(f"ic is not installed; by hand: {_describe_by_hand(plugin, word)}")
    if answer.returncode is None:
        return Outcome.failed(f"dry run: {answer.problem}")
    if answer.returncode == _USAGE:
        return Outcome.failed(f"this ic does not know the command: {plain_line(answer.why)}")
    if _NO_PLUGIN in text_of(answer):
        return Outcome.skipped(f"{plugin.root} is not a plugin directory for ic")
    if not answer.ok:
        return said.failed or plain_line(answer.why)
    # ic ends well when there is nothing to do, too.
    if not said.dry_run or said.to_version is None or said.plugin != plugin.name:
        return Outcome.skipped(f"{plugin.name} is at its version already: {plain_line(answer.why)}")
    files = _FILES.search(answer.stdout)
    names = tuple(plain_line(one) for one in files[1].split(",")) if files else ()
    return Candidate(plugin=plugin, version=said.to_version, files=names, is_patch=word == "--patch")


def _describe_by_hand(plugin: Plugin, word: str) -> str:
    """What a release would do: the versions, and the files that state one."""
    found = _PATCH.fullmatch(plugin.version)
    after = word
    if word.startswith("--"):
        major, minor, patch = map(int, found.groups()) if found else (0, 0, 0)
        raised = f"{major}.{minor}.{patch + 1}" if word == "--patch" else f"{major}.{minor + 1}.0"
        after = raised if found else "?"
    files = ["plugin.json", *(name for name in VERSION_FILES if (plugin.root / name).is_file())]
    return f"{plugin.name} {plugin.version} → {after} in {', '.join(files)}"
