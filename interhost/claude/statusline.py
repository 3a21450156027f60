"""Our part of Claude Code's status line: putting it before the command that is there, and taking it out again.

The command stays as it was, behind ours::

    test -f …/interhost/claude/statusline.sh && . …/interhost/claude/statusline.sh; ~/.claude/statusline.sh

so that nothing has to be remembered elsewhere: taking ours out leaves what was there, and where interhost has been
uninstalled, the rest still works. Source: reference/modules/interline.md sections 3.2, 3.4 and 3.5.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import stat
from pathlib import Path
from typing import NamedTuple

from interhost.claude.settings_text import Member, add_member, find_members, remove_member, replace
from interhost.errors import BusyError, InputError, StateError

KEY = "statusLine"
_KEYS = ("type", "command")
SCRIPT = Path(__file__).with_name("statusline.sh")
ADDED = "echo # added by interhost"
"""Stands behind our part where there was no status line."""
MADE = "echo # added by interhost, with this file"
"""Stands behind our part where there was no settings file."""

_NAME = "interhost/claude/statusline.sh"
_OURS = re.compile(rf"(?s)test -f (?P<script>\S*/{_NAME}|'.*?/{_NAME}') && \. (?P=script); ")


class StatusLine(NamedTuple):
    """A status line, as a settings file has it.

    Attributes:
        path: The settings file.
        text: Its content; ``None`` when there is none.
        command: The command; ``None`` when there is no status line.
        script: Our script that the command reads; ``None`` when it reads none.
        then: The command without our part.
    """

    path: Path
    text: str | None
    command: str | None
    script: Path | None
    then: str | None

    @property
    def state(self) -> str:
        """``installed``, ``outdated`` when it reads a script that is not this one, or ``not installed``."""
        if self.script is None:
            return "not installed"
        return "installed" if self.script == SCRIPT else "outdated"


def read_status_line(path: Path) -> StatusLine:
    """What a settings file says.

    Raises:
        InputError: It says something that we do not understand, and so would not change; names file and key.
        StateError: It cannot be read.
    """
    text = _read(path)
    try:
        return parse_status_line(path, text)
    except InputError as error:
        hint = "nothing was changed; put that right, or change the key 'statusLine' by hand"
        raise InputError(f"{path}: {error}", hint=hint) from None


def compose(then: str) -> str:
    """The command with our part before another one."""
    script = shlex.quote(str(SCRIPT))
    return f"test -f {script} && . {script}; {then}"


def install(found: StatusLine) -> str:
    """The content of the settings file with our part in the status line."""
    if found.text is None:
        settings = {KEY: {"type": "command", "command": compose(MADE)}}
        return json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
    if found.command is None or found.then is None:
        value = {"type": "command", "command": compose(ADDED)}
        return add_member(found.text, KEY, json.dumps(value, ensure_ascii=False))
    place, literal = _literal(found.text)
    rest = _without_ours(literal, found)
    return replace(found.text, place.value, place.end, f"{_quote(compose(''))[:-1]}{rest[1:]}")


def uninstall(found: StatusLine) -> str | None:
    """The content without our part; ``None`` when there was no settings file.

    Args:
        found: A status line with our part in it.
    """
    text = found.text or ""
    if found.then not in (ADDED, MADE):
        place, literal = _literal(text)
        return replace(text, place.value, place.end, _without_ours(literal, found))
    rest = remove_member(text, KEY)
    return None if found.then == MADE and not find_members(rest) else rest


def write_settings(found: StatusLine, content: str | None) -> None:
    """Put a new content in place of the one that was read, at once; a link to it stays a link.

    Raises:
        BusyError: Somebody has changed it meanwhile.
        StateError: It cannot be written.
    """
    path = Path(os.path.realpath(found.path))
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    if _read(path) != found.text:
        raise BusyError(f"{found.path}: somebody has changed it meanwhile", hint="nothing was changed; try again")
    try:
        if content is None:
            path.unlink()
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(path.stat().st_mode) if found.text is not None else 0o600
        with scratch.open("wb") as file:
            file.write(content.encode())
            file.flush()
            os.fsync(file.fileno())  # a power cut must not cost somebody's settings
        scratch.chmod(mode)
        scratch.replace(path)
    except OSError as error:
        raise _refused(found.path, error) from None
    finally:
        with contextlib.suppress(OSError):  # it is in place, or never was
            scratch.unlink()


def parse_status_line(path: Path, text: str | None) -> StatusLine:
    """What the content of a settings file says.

    Raises:
        InputError: It says something that we do not understand.
    """
    if text is None or KEY not in (members := find_members(text)):
        return StatusLine(path, text, None, None, None)
    value = text[members[KEY].value : members[KEY].end]
    line = find_members(text, members[KEY].value) if value.startswith("{") else {}
    kind, command = (json.loads(text[one.value : one.end]) if (one := line.get(key)) else None for key in _KEYS)
    if kind != "command" or not isinstance(command, str) or not command.strip() or "\0" in command:
        raise InputError(f"key '{KEY}': expected an object with the type 'command' and a command, got {value:.80}")
    ours = _OURS.match(command)
    if ours is None and _NAME in command:
        raise InputError(f"key '{KEY}.command': our part is in it, and not as we write it: {command!r:.200}")
    script = Path(shlex.split(ours["script"])[0]) if ours else None
    return StatusLine(path, text, command, script, command[ours.end() :] if ours else command)


def _literal(text: str) -> tuple[Member, str]:
    """Where the command stands, and how it is written there."""
    place = find_members(text, find_members(text)[KEY].value)["command"]
    return place, text[place.value : place.end]


def _without_ours(literal: str, found: StatusLine) -> str:
    """The command's JSON without our part: as it was written, unless somebody has written all of it anew."""
    command, then = found.command or "", found.then or ""
    ours = _quote(command.removesuffix(then))[:-1]
    return f'"{literal.removeprefix(ours)}' if literal.startswith(ours) else _quote(then)


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _read(path: Path) -> str | None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would keep us waiting
            raise InputError(f"{path}: not a file")
        return path.read_bytes().decode()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}") from None
    except OSError as error:
        raise _refused(path, error) from None


def _refused(path: Path, error: OSError) -> StateError:
    return StateError(f"{path}: {error.strerror}", str(path), hint="see that the folder is there and yours to write")
