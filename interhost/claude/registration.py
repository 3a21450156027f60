"""Where Claude Code is told to call our hook: its settings, and the hooks of enabled plugins.

Read are the settings of the user, the project and the project's own user. What an administrator or a command line
registers is not seen from outside. Source: reference/claude-code.md sections 1.5, 1.9, 2.1 and 2.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from interhost.errors import InputError
from interhost.manifests.document import AbsentError, read_json
from interhost.manifests.plugins import list_plugins
from interhost.manifests.settings import settings_files

_SCRIPT = ("interhost", "claude", "hook.py")


class Registration(NamedTuple):
    """One place where an event leads to us.

    Attributes:
        event: The event.
        source: The settings file, or the plugin's file.
        argv: The command's words, as far as they can be told apart.
        shell: It is a line for a shell, whose own words are among them.
        matcher: What the event is compared with first; ``None`` for nothing.
    """

    event: str
    source: Path
    argv: tuple[str, ...]
    shell: bool
    matcher: object = None


class Registered(NamedTuple):
    """What is registered.

    Attributes:
        registrations: Every place.
        off: Files that switch all hooks off.
        problems: Files that could not be read.
    """

    registrations: tuple[Registration, ...]
    off: tuple[Path, ...]
    problems: tuple[str, ...]


def read_registrations(environ: Mapping[str, str], home: Path, cwd: Path) -> Registered:
    """Every place that counts where ``cwd`` is.

    Args:
        environ: Environment variables.
        home: The user's home.
        cwd: Where the answer is to hold.
    """
    plugins = [one.path for one in list_plugins(environ, home, cwd).plugins if one.state != "disabled"]
    files = [*settings_files(environ, home, cwd), *(path / "hooks" / "hooks.json" for path in plugins)]
    found: list[Registration] = []
    off: list[Path] = []
    problems: list[str] = []
    for path in files:
        try:
            document = read_json(path)
        except AbsentError:
            continue
        except InputError as error:
            problems.append(str(error))
            continue
        if isinstance(document, dict):
            found += _ours(document.get("hooks"), path)
            if document.get("disableAllHooks") is True:
                off.append(path)
    return Registered(tuple(found), tuple(off), tuple(problems))


def _ours(hooks: object, path: Path) -> Iterator[Registration]:
    for event, groups in hooks.items() if isinstance(hooks, dict) else ():
        for group in groups if isinstance(groups, list) else ():
            handlers = group.get("hooks") if isinstance(group, dict) else None
            for handler in handlers if isinstance(handlers, list) else ():
                argv = _argv(handler)
                if _is_ours(argv):
                    is_line = not isinstance(handler.get("args"), list)
                    yield Registration(str(event), path, argv, is_line, group.get("matcher"))


def _argv(handler: object) -> tuple[str, ...]:
    """The words of a command; of a line for a shell, without what the shell would make of it."""
    if not isinstance(handler, dict) or not isinstance(command := handler.get("command"), str):
        return ()
    args = handler.get("args")
    if isinstance(args, list):
        return (command, *(str(arg) for arg in args))
    return tuple(word.strip("\"'") for word in command.split())


def _is_ours(argv: tuple[str, ...]) -> bool:
    scripts = any(Path(word).parts[-3:] == _SCRIPT for word in argv)
    return scripts or any(Path(word).name == "interhost" and after == "hook" for word, after in pairwise(argv))
