"""What ``interhost doctor`` looks at. Looking changes nothing.

Source: design sections 7 and 9.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import evolve
from interhost_hookspecs import Check, CheckLevel, Settings

from interhost.bus.bus import Bus
from interhost.bus.spool import rejected_files, waiting_files
from interhost.errors import AdapterError
from interhost.host.config import Config
from interhost.host.context import HostContext
from interhost.host.drafting import foreign_environ
from interhost.host.loading import LoadedAdapter, describe, load_adapter
from interhost.host.providers import Providers
from interhost.host.registry import AdapterEntry
from interhost.process import run_process

# A worker that stays away for so long after its lease ran out is not coming back by itself.
_STUCK_SECONDS = 300
# SQLite's WAL-reset fault, 3.7.0 to 3.51.2; our write lock keeps its precondition from arising (event-log.md 5.11).
_WAL_RESET_FIXED = (3, 51, 3)
# How each tells its version; clavain-cli does not.
_TOOLS: Mapping[str, str] = {
    "git": "--version",
    "bd": "version",
    "ic": "version",
    "clavain-cli": "",
    "claude": "--version",
}
TOOL_SECONDS = 5.0


def examine(
    bus: Bus, entries: list[AdapterEntry], config: Config, *, tool_seconds: float = TOOL_SECONDS
) -> Iterator[Check]:
    """Every check, in the order a person would read them.

    Args:
        bus: The bus.
        entries: Installed adapters.
        config: The user's configuration.
        tool_seconds: How long a tool may take to tell its version.
    """
    yield from _machine(bus, tool_seconds)
    yield from _log(bus, entries)
    yield from _released(bus, entries)
    for entry in entries:
        yield from _adapter(bus, entry, config)
    if not entries:
        yield _note("adapters", "none is installed", "install a distribution such as interhost-interphase")
    yield from _deliveries(bus)
    yield from _spool(bus)


def _machine(bus: Bus, tool_seconds: float) -> Iterator[Check]:
    yield _ok("python", sys.version.split()[0])
    fault = (
        "" if sqlite3.sqlite_version_info >= _WAL_RESET_FIXED else "; has the WAL-reset fault, which our lock avoids"
    )
    yield _ok("sqlite", sqlite3.sqlite_version + fault)
    yield from _state(bus.root)
    for tool, version in _TOOLS.items():
        found = shutil.which(tool)
        yield (
            _tool(tool, found, version, tool_seconds)
            if found
            else _note(tool, "not on PATH", "some adapters can do less without it")
        )


def _state(root: Path) -> Iterator[Check]:
    """Whoever can write here can make adapters act, and whoever can read here reads what a session said."""
    mode = root.stat().st_mode & 0o777
    if mode & 0o077:
        yield _problem("state", f"{root} can be read by others (mode {mode:04o})", f"chmod 700 {root}")
    else:
        yield _ok("state", f"{root}, mode {mode:04o}")


def _tool(tool: str, path: str, version: str, seconds: float) -> Check:
    """Run in the root directory: in a project, every command of ic would create a database (cli-contracts.md 1)."""
    if not version:
        return _ok(tool, path)
    answer = run_process([path, version], timeout=seconds, env=foreign_environ(), cwd=Path("/"))
    hint = f"run '{tool} {version}' and see what it says"
    if answer.returncode is None:
        return _problem(tool, f"{path}: asked for its version: {answer.problem}", hint)
    if answer.returncode:
        return _note(tool, f"{path}: does not tell its version (exit status {answer.returncode})", hint)
    return _ok(tool, f"{path}: {(answer.stdout.splitlines() or ['no version'])[0][:80]}")


def _log(bus: Bus, entries: list[AdapterEntry]) -> Iterator[Check]:
    size = bus.database.rows("PRAGMA page_count")[0][0] * bus.database.rows("PRAGMA page_size")[0][0]
    count = bus.database.rows("SELECT count(*) FROM event")[0][0]
    yield _ok("log", f"{count} event{'' if count == 1 else 's'}, {size / 1e6:.1f} MB")
    installed = {entry.name for entry in entries}
    for position in bus.log.positions():
        name = position.subscription.consumer
        if name not in installed:
            yield _note(
                f"consumer {name}",
                "no installed adapter: a script of 'interbus consume', or an adapter that was removed",
                "its deliveries wait for it; unseen for 30 days, it is released",
            )


def _released(bus: Bus, entries: list[AdapterEntry]) -> Iterator[Check]:
    installed = {entry.name for entry in entries}
    for problem in bus.store.problems():
        if problem.stage == "released" and problem.adapter not in installed:
            hint = "installed again, it begins with what is published from then on"
            yield _note(f"consumer {problem.adapter}", f"released: {problem.reason}", hint)


def _adapter(bus: Bus, entry: AdapterEntry, config: Config) -> Iterator[Check]:
    name = f"adapter {entry.name}"
    if not config.is_enabled(entry.name):
        yield _note(name, "disabled", f"set adapters.{entry.name}.enabled = true in {config.path}")
        return
    try:
        adapter = load_adapter(entry)
    except AdapterError as error:
        yield _problem(name, str(error), error.hint or f"upgrade or remove {entry.distribution}")
        return
    yield _ok(name, f"{entry.distribution} {entry.version}{_about(adapter)}")
    for problem in bus.store.problems():
        if problem.adapter == entry.name and problem.stage != "load":
            yield _problem(f"{name}: {problem.stage}", problem.reason, "what it could not see is seen by the next look")
    yield from _settings(adapter, config)
    yield from _own_checks(bus, adapter, config)


def _settings(adapter: LoadedAdapter, config: Config) -> Iterator[Check]:
    """What the user said about an adapter in vain."""
    for name, problem in Settings(config.adapter(adapter.name), adapter.settings).list_problems():
        holds = f"; {adapter.settings[name].get('default')!r} holds" if name in adapter.settings else ""
        hint = f"it has: {', '.join(['enabled', *adapter.settings])}; correct it in {config.path}"
        yield _problem(f"{adapter.name}: setting {name}", problem + holds, hint)


def _about(adapter: LoadedAdapter) -> str:
    """What an adapter says about itself; nothing, when it cannot even say that."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            infos = adapter.hook.describe_adapter()
        return f": {infos[0].summary}" if infos else ""
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return f"; describe_adapter: {describe(error)}"


def _own_checks(bus: Bus, adapter: LoadedAdapter, config: Config) -> Iterator[Check]:
    context = HostContext(adapter.name, bus, config, Providers([], lambda *_: None), settings=adapter.settings)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            answers = adapter.hook.check_adapter(ctx=context)
        checks = [evolve(check, name=f"{adapter.name}: {check.name}") for answer in answers for check in answer]
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        yield _problem(f"{adapter.name}: check", describe(error), "report it to the adapter's author")
        return
    yield from checks


def _deliveries(bus: Bus) -> Iterator[Check]:
    for letter in bus.log.dead_letters():
        yield _problem(
            f"dead letter {letter.event_id}",
            f"{letter.consumer} gave up after {letter.attempts} attempts: {letter.reason}",
            f"mend the cause, then: interhost redrive {letter.event_id} --consumer {letter.consumer}",
        )
    for consumer, seq, due in bus.log.leased():
        if time.time() - due / 1e6 > _STUCK_SECONDS:
            yield _problem(f"delivery {seq}", f"{consumer}'s worker went away with it", "interhost run --drain")


def _spool(bus: Bus) -> Iterator[Check]:
    if waiting := waiting_files(bus.root):
        hint = "the next command that reads the bus takes them in"
        yield _note("spool", f"{waiting} file{'' if waiting == 1 else 's'} waiting", hint)
    for path, why in rejected_files(bus.root):
        # What was an adapter's or a hook's was never in the spool, and would be refused there.
        spooled = not path.name.startswith(("draft-", "hook-"))
        mend = f"correct and move it to {bus.root}/spool/new, or" if spooled else f"read {path}, mend the cause, and"
        yield _problem(f"rejected {path.name}", why, f"{mend} remove it and its .why")


def _ok(name: str, detail: str | Path) -> Check:
    return Check(name=name, level=CheckLevel.OK, detail=str(detail))


def _note(name: str, detail: str, hint: str) -> Check:
    return Check(name=name, level=CheckLevel.NOTE, detail=detail, hint=hint)


def _problem(name: str, detail: str, hint: str) -> Check:
    return Check(name=name, level=CheckLevel.PROBLEM, detail=detail, hint=hint)
