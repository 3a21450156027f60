"""Read and change the configuration.

interhost config path
interhost config get
interhost config get adapters.interphase.advance_on_review
interhost config set adapters.interphase.advance_on_review true
interhost config set adapters.interflux.enabled false
interhost config edit
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from interhost_hookspecs.settings import describe, fits

from interhost.bus.state import state_root
from interhost.cli.output import note
from interhost.errors import InputError, MissingError, UsageError
from interhost.host.config import FILE_NAME, Config
from interhost.host.config_file import change_key, find_key, read_value, split_key, write_config
from interhost.host.registry import list_adapters

_KNOWN = ("limits.payload_bytes", "retention.days", "retention.events")


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("action", choices=("path", "get", "set", "edit"))
    parser.add_argument("key", nargs="?", help="with dots, such as adapters.interphase.enabled")
    parser.add_argument("value", nargs="?", help="TOML, or plain text")


def run(args: argparse.Namespace) -> int:
    """Read or change; 1 when a key has no value."""
    path = state_root(os.environ) / FILE_NAME
    if args.action == "set":
        if args.key is None or args.value is None:
            raise UsageError("set takes a key and a value", hint="interhost config set KEY VALUE")
        return _set(path, args.key, args.value)
    if args.value is not None or (args.key is not None and args.action != "get"):
        raise UsageError(f"{args.action} does not take {args.value or args.key!r}")
    if args.action == "path":
        print(path)
        return 0
    return _edit(path) if args.action == "edit" else _get(path, args.key)


def _get(path: Path, key: str | None) -> int:
    """Print a value as JSON; the whole configuration without a key."""
    Config(path).check()
    tables = tomllib.loads(_text(path))
    value = find_key(tables, split_key(key)) if key else tables
    if value is None:
        note(f"{key} is not set in {path}")
        return 1
    print(json.dumps(value, ensure_ascii=False, default=str))
    return 0


def _set(path: Path, key: str, text: str) -> int:
    """Write one key, after the file that would come of it was found valid."""
    Config(path)  # a file that is broken already is named before anything else
    parts, value = split_key(key), read_value(text)
    _check_setting(key, parts, value)
    changed = change_key(_text(path), parts, value)
    Config.from_text(path, changed.text).check()
    write_config(path, changed.text)
    if changed.comments_lost:
        note(f"the comments in {path} could not be kept")
    note(f"{key} = {json.dumps(value, ensure_ascii=False, default=str)}; a resident host takes it on SIGHUP")
    return 0


def _edit(path: Path) -> int:
    """Open the user's editor, and say at once what is wrong with the result."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise MissingError("no editor: neither VISUAL nor EDITOR is set", hint=f"set one, or edit {path} by hand")
    if not path.exists():
        write_config(path, "")
    try:
        code = subprocess.run([*shlex.split(editor), str(path)], check=False).returncode
    except OSError as error:
        raise MissingError(f"editor {editor!r}: {error.strerror}") from None
    Config(path).check()
    return 1 if code else 0


def _check_setting(key: str, parts: tuple[str, ...], value: Any) -> None:
    """Refuse what nobody would read: an unknown key, an adapter's setting of a wrong type."""
    if parts[0] != "adapters":
        if key not in _KNOWN:
            raise InputError(f"key {key!r}: nobody reads it{_meant(key, _KNOWN)}", hint=f"known: {', '.join(_KNOWN)}")
        return
    if len(parts) != 3:
        raise InputError(f"key {key!r}: expected adapters.NAME.SETTING")
    _, name, setting = parts
    entry = next((entry for entry in list_adapters() if entry.name == name), None)
    if setting == "enabled" or entry is None or entry.interbus is None:
        if entry is None:
            note(f"no adapter {name!r} is installed; this counts once it is")
        return
    known = entry.interbus.settings
    if setting not in known:
        listed = ", ".join(["enabled", *known])
        raise InputError(f"{name} has no setting {setting!r}{_meant(setting, known)}", hint=f"it has: {listed}")
    if not fits(value, known[setting]):
        raise InputError(f"key {key!r}: expected {describe(known[setting])}, got {value!r}")


def _meant(name: str, known: Any) -> str:
    nearest = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
