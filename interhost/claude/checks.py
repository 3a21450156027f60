"""What ``interhost doctor`` says about Claude Code's side: whether our hook is called, once, and by what."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from interhost_hookspecs import Check, CheckLevel

from interhost.bus.bus import Bus
from interhost.bus.hook_record import list_records
from interhost.claude.entry import SEEN
from interhost.claude.matchers import EVERY, lets_through, list_hooks, observed_tools
from interhost.claude.plugin import plugin_files, this_program
from interhost.claude.plugin_folder import differing, is_plugin, list_written
from interhost.claude.registration import Registered, Registration, read_registrations
from interhost.host.config import Config
from interhost.host.registry import AdapterEntry
from interhost.manifests.plugins import plugins_root
from interhost.manifests.settings import config_root

_WAITING_SECONDS = 60
_SILENT_SECONDS = 3600


def examine_hooks(
    bus: Bus, entries: Sequence[AdapterEntry], config: Config, environ: Mapping[str, str], home: Path, cwd: Path
) -> Iterator[Check]:
    """Every check of hooks, in the order a person would read them."""
    registered = read_registrations(environ, home, cwd)
    hooks = [hook for one in list_hooks(entries, config).values() for hook in one]
    lasting = [hook for one in list_hooks(entries, Config(config.path)).values() for hook in one]
    yield from _registered(registered, hooks, bus.root)
    yield from _twice(registered.registrations)
    yield from _broken(registered.registrations)
    yield from _plugins(registered.registrations, lasting, bus.root, plugins_root(environ, home))
    for path in registered.off if registered.registrations else ():
        yield _problem("hooks", f"{path} switches all hooks off", "remove 'disableAllHooks' from it")
    for problem in registered.problems:
        yield _problem("hooks", problem, "correct the file; Claude Code cannot read it either")
    if registered.registrations and not registered.off:
        yield from _silent(bus.root, config_root(environ, home))
    yield from _waiting(bus)


def _registered(registered: Registered, hooks: Sequence[str], root: Path) -> Iterator[Check]:
    events = {one.event for one in registered.registrations}
    seen = _time(root / SEEN)
    when = f"last called {_ago(time.time() - seen)} ago" if seen else "never called yet"
    if not events:
        count = len(observed_tools(hooks))
        detail = f"not registered with Claude Code; {count} observed event{'' if count == 1 else 's'}; {when}"
        yield _note("hooks", detail, "'interhost claude-plugin DIR' writes a plugin, which shows what a session does")
        return
    yield Check(name="hooks", level=CheckLevel.OK, detail=f"registered for {len(events)} events; {when}")
    # Who observes everything is content with what there is.
    named = observed_tools(hook for hook in hooks if not hook.startswith("*"))
    missing = [
        event if tool == EVERY else f"{event}:{tool}"
        for event, tools in named.items()
        for tool in sorted(tools)
        if not _is_registered(registered.registrations, event, tool)
    ]
    if missing:
        yield _problem(
            "hooks", f"not registered for {', '.join(missing)}, which adapters observe", "register them, too"
        )


def _is_registered(registrations: Sequence[Registration], event: str, tool: str) -> bool:
    return any(one.event == event and lets_through(one.matcher, event, tool) for one in registrations)


def _twice(registrations: Sequence[Registration]) -> Iterator[Check]:
    """In several files: within one, groups with different matchers are how it is done."""
    sources = {(one.event, one.source) for one in registrations}
    several = sorted(event for event, count in Counter(event for event, _ in sources).items() if count > 1)
    if several:
        files = ", ".join(sorted({str(source) for event, source in sources if event in several}))
        yield _problem(
            "hooks",
            f"registered twice for {', '.join(several)}: {files}",
            "remove it from one of them; nothing is recorded twice, but every event starts two processes",
        )


def _broken(registrations: Sequence[Registration]) -> Iterator[Check]:
    for word in sorted({word for one in registrations for word in _missing(one)}):
        hint = "register the hook anew; the interpreter or the package has moved"
        yield _problem("hooks", f"{word}, which Claude Code is to run, does not exist", hint)


def _plugins(registrations: Sequence[Registration], hooks: Sequence[str], root: Path, copies: Path) -> Iterator[Check]:
    """Plugins that would be written differently now: those that were written here, and those that are registered."""
    files = plugin_files(hooks, this_program())
    registered = {folder for one in registrations if is_plugin(folder := one.source.parent.parent)}
    for folder in sorted({*list_written(root), *registered}):
        if places := differing(folder, files):
            detail = f"{folder} does not fit what is installed now: {', '.join(places)}"
            hint = f"interhost claude-plugin {shlex.quote(str(folder))}"
            if folder.is_relative_to(copies):
                hint = "write it anew where Claude Code has this copy from, and update it: interhost claude-plugin DIR"
            yield _problem("plugin", detail, hint)


def _missing(one: Registration) -> Iterator[str]:
    """Programs and scripts that are not there; what only a shell or Claude Code can tell is left to them."""
    for place, word in enumerate(one.argv):
        if word.startswith(("$", "~")):
            continue
        runs = place == 0 and (not one.shell or os.path.isabs(word) or word == "interhost")
        if (runs and not shutil.which(word)) or (word.endswith("hook.py") and not Path(word).is_file()):
            yield word


def _silent(root: Path, claude: Path) -> Iterator[Check]:
    """A session that began after the last call of a hook that every session calls."""
    sessions = max((_time(path) for path in (claude / "projects").glob("*")), default=0.0)
    seen = _time(root / SEEN)
    if sessions - seen > _SILENT_SECONDS:
        yield _problem(
            "hooks",
            "registered, but not called since the last session began",
            "'/hooks' in Claude Code shows what it runs; /reload-plugins or a restart reads settings anew",
        )


def _waiting(bus: Bus) -> Iterator[Check]:
    old = [path for path in list_records(str(bus.root)) if time.time() - _time(Path(path)) > _WAITING_SECONDS]
    if old:
        detail = f"{len(old)} recorded event{'' if len(old) == 1 else 's'} not taken in"
        yield _problem("hook events", detail, "interhost run --drain, and read what it says")
    for adapter, count, oldest in bus.hooks.waiting():
        if time.time() - oldest / 1e6 > _WAITING_SECONDS:
            detail = f"{count} wait for it, the oldest for {_ago(time.time() - oldest / 1e6)}"
            yield _problem(
                f"hook events {adapter}", detail, "see what is wrong with the adapter; then: interhost run --drain"
            )


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def _note(name: str, detail: str, hint: str) -> Check:
    return Check(name=name, level=CheckLevel.NOTE, detail=detail, hint=hint)


def _problem(name: str, detail: str, hint: str) -> Check:
    return Check(name=name, level=CheckLevel.PROBLEM, detail=detail, hint=hint)
