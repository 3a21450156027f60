"""What ``ic publish`` prints: in a session's shell, in Clavain's hook after a push, or for us.

Source: ``reference/modules/interpub.md`` sections 5.1, 5.2 and 5.3 (row P5); ``reference/claude-code.md`` section 1.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from attrs import evolve, frozen
from interhost_hookspecs import (
    AdapterContext,
    Completed,
    Draft,
    HookEvent,
    Observation,
    ReleaseState,
    Severity,
    hookimpl,
)
from interhost_hookspecs.files import find_project, is_own, read_end
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import first_line, plain_line, read_object, read_time, value_at

from interhost_interpub.releases import compose, is_name, is_version, read_plugin, tell_once

TAIL = 600
"""Characters of a failed publish's last words that a fact keeps."""

# Nothing here may need more than one way to read a text: what is read comes from anybody. So what precedes a program
# cannot reach over the beginning of another command.
_START = r"(?:^|[;&|(\n])[^\S\n]*(?:\w+=[^\s;&|(]+\s+)*"
_COMMAND = re.compile(_START + r"(?:ic\s+(?:-\S+\s+)*publish\b|[^\s;&|(]{0,200}bump-version\.sh\b)(?P<rest>[^;&|)\n]*)")
_NO_PUBLISH = re.compile(r"\s(?:--dry-run|doctor|clean|status|unlock|init|rollback)\b")
_PUSH = re.compile(_START + r"git\s+(?:-\S+\s+(?:[^-\s]\S*\s+)?)*push\b")
_BEGIN = re.compile(r"^Publishing (\S+): (\S+) → (\S+)$|^Syncing (\S+) v(\S+) to marketplace$", re.MULTILINE)
_END = re.compile(r"^[ \t]+(Published|Synced) (\S+) v(\S+)", re.MULTILINE)
_PROBE = re.compile(r"^.*Probe FAILED.*$", re.MULTILINE)
_FAILED = re.compile(
    r"AUTO-PUBLISH FAILED for (?P<plugin>\S+) \(ic exit (?P<exit>\d+)\):[ \t]*(?P<said>.*)"
    r"|publish failed[^\n]{0,300}?error=\"?(?P<error>[^\"\n]*)"
    r"|^[ \t]+ERROR: (?P<line>.*)$"
    r"|Publish stale: (?P<stale>.*)",
    re.MULTILINE,
)
_EXIT = re.compile(r"^Exit code (\d+)$", re.MULTILINE)
# Someone has to do something first; everything else went wrong.
_BLOCKS = re.compile(
    r"human approval|uncommitted changes|in progress|already (?:running|publishing)|locked|stale"
    r"|marketplace not found|unreachable|cannot reach",
    re.IGNORECASE,
)
_HOOK = re.compile(r"(?:^|/)hooks/auto-publish\.sh[\"']?$")
_WATCH = timedelta(minutes=15)
_RECENT = 256 * 1024
_MOST_COMMAND = 4000
_MOST_OUTPUT = 64 * 1024
_MOST = 16


@frozen(kw_only=True)
class Said:
    """What the output of a publish says: which plugin, from and to which version, and how it ended."""

    plugin: str | None = None
    from_version: str | None = None
    to_version: str | None = None
    dry_run: bool = False
    ended: ReleaseState | None = None
    probe: str = ""
    failed: str = ""
    exit: str = ""
    tail: str = ""

    @property
    def is_blocked(self) -> bool:
        """Whether somebody has to do something before it can go on."""
        return bool(_BLOCKS.search(self.failed))


def read_output(text: str) -> Said:
    """Read the end of an output; whatever it does not say is left out."""
    text = text[-_MOST_OUTPUT:]
    begin, end, failed, probe = (pattern.search(text) for pattern in (_BEGIN, _END, _FAILED, _PROBE))
    began = (begin[1] or begin[4], begin[2], begin[3] or begin[5]) if begin else (None, None, None)
    words = failed.groupdict() if failed else {}
    plugin = end[2] if end else began[0] or words.get("plugin")
    said = next((words[key] for key in ("said", "error", "line", "stale") if words.get(key) is not None), "")
    is_stale, to_version = words.get("stale") is not None, end[3] if end else began[2]
    return Said(
        plugin=plugin if is_name(plugin) else None,
        from_version=began[1] if is_version(began[1]) else None,
        to_version=to_version if is_version(to_version) else None,
        dry_run="Dry run" in text,
        ended=ReleaseState(end[1].lower()) if end else None,
        probe=plain_line(probe[0]) if probe else "",
        failed=(f"stale: {plain_line(said)}" if is_stale else plain_line(said) or "no reason given") if failed else "",
        exit=words.get("exit") or (status[1] if (status := _EXIT.search(text)) else ""),
        tail=" ".join(plain_line(line) for line in text[-TAIL:].splitlines()),
    )


@hookimpl
def observe_hook(event: HookEvent, ctx: AdapterContext) -> Observation:
    """Tell how a publish in the session's shell ended; after a push, wait for what Clavain's hook says."""
    if event.tool_name != "Bash" or event.name not in ("PostToolUse", "PostToolUseFailure"):
        return Observation()
    command = event.command[:_MOST_COMMAND]
    calls = [found["rest"] for found in _COMMAND.finditer(command)]
    publishes = any(not _NO_PUBLISH.search(f" {rest}") for rest in calls)
    drafts = tell_output(_said_by(event), event.cwd, ctx, source=f"{event.name}:Bash") if publishes else ()
    found = (*drafts, *_begin_watch(event, ctx)) if _PUSH.search(command) else drafts
    return Observation(drafts=tuple(found))


def tell_transcripts(ctx: AdapterContext) -> Iterator[Draft]:
    """What Clavain's hook said after the pushes of the last quarter of an hour, in the sessions' transcripts."""
    watched: dict[str, list[str]] = recall(ctx, "watched")
    for use, (path, since, cwd) in watched.items():
        if not (at := read_time(since)) or ctx.now() - at > _WATCH:
            keep(ctx, "watched", {key: row for key, row in recall(ctx, "watched").items() if key != use})
        elif is_own(Path(path)):
            yield from _tell_lines(ctx.tail(Path(path)).lines, use, cwd, ctx)


def tell_output(
    text: str, cwd: Path | None, ctx: AdapterContext, *, source: str, at: datetime | None = None
) -> Iterator[Draft]:
    """The facts of an output: a release, a probe that failed, or why there is none."""
    said = read_output(text)
    project = find_project(cwd, ctx.projects) if cwd else None
    plugin = read_plugin(project) if project else None
    name = said.plugin or (plugin.name if plugin else None)
    if name is None:
        return
    root = plugin.root if plugin and plugin.name == name else None
    make = partial(compose, name, said.to_version, ctx=ctx, source=source, previous=said.from_version, at=at, root=root)
    if said.ended:
        yield from tell_once(make(state=said.ended), ctx)
    if said.probe:
        yield make(state=ReleaseState.CANARY, severity=Severity.ERROR, stated="probe_failed", reason=said.probe)
    if said.failed and not said.ended:
        yield _with_failure(make, said)


def compose_failure(name: str, said: Said, status: int, root: Path, ctx: AdapterContext, *, source: str) -> Draft:
    """Why a publish was not made that ended with a status."""
    make = partial(compose, name, said.to_version, ctx=ctx, source=source, previous=said.from_version, root=root)
    return _with_failure(make, evolve(said, exit=str(status)))


def _with_failure(make: Callable[..., Draft], said: Said) -> Draft:
    return make(
        state=ReleaseState.BLOCKED if said.is_blocked else ReleaseState.FAILED,
        severity=Severity.WARN if said.is_blocked else Severity.ERROR,
        reason=said.failed or None,
        extensions={"exit": said.exit or None, "tail": said.tail},
    )


def text_of(answer: Completed) -> str:
    """Everything that a command printed."""
    return f"{answer.stdout}\n{answer.stderr}"


def _said_by(event: HookEvent) -> str:
    """The output of a shell command: of one that failed, Claude Code gives it as one text."""
    response = event.raw.get("tool_response")
    parts: list[object] = [event.raw.get("error"), *(value_at(response, key) for key in ("stdout", "stderr"))]
    return "\n".join(part for part in (*parts, response) if isinstance(part, str))


def _begin_watch(event: HookEvent, ctx: AdapterContext) -> Iterator[Draft]:
    """Look at the end of the transcript, and remember to look again: the hook runs beside ours, in no order."""
    stated, use = event.raw.get("transcript_path"), event.tool_use_id
    if not isinstance(stated, str) or not use or not is_own(Path(stated)):
        return
    watched, cwd = recall(ctx, "watched"), str(event.cwd or "")
    if stated not in [path for path, *_ in watched.values()]:
        ctx.tail(Path(stated))  # from here on; what an earlier push has left is still to be read
    keep(ctx, "watched", {**watched, use: [stated, ctx.now().isoformat(), cwd]}, most=_MOST)
    lines = read_end(Path(stated), _RECENT).decode("utf-8", "replace").splitlines()
    yield from _tell_lines(lines, use, cwd, ctx)


def _tell_lines(lines: Iterable[str], use: str, cwd: str, ctx: AdapterContext) -> Iterator[Draft]:
    for line in lines:
        entry = read_object(line) if use in line and "auto-publish" in line else {}
        hook, at = value_at(entry, "attachment"), read_time(entry.get("timestamp"))
        if first_line(hook, "toolUseID") == use and _HOOK.search(str(value_at(hook, "command"))):
            text, place = _unwrap(value_at(hook, "stdout")), Path(cwd) if cwd else None
            yield from tell_output(text, place, ctx, source="transcript:PostToolUse:Bash", at=at)


def _unwrap(output: object) -> str:
    """The text that a hook printed, alone or in its answer to Claude Code."""
    text = output if isinstance(output, str) else ""
    inner: Mapping[str, object] = read_object(text)
    said = inner.get("additionalContext") or value_at(inner, "hookSpecificOutput.additionalContext")
    return said if isinstance(said, str) else text
