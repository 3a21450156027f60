"""The interbase SDK: make a plugin's hooks work with it and without it.

interhost interbase stub my-plugin
interhost interbase selftest
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from interhost.cli import selftest
from interhost.cli.output import add_format_options, print_json, wants_table
from interhost.errors import InputError
from interhost.manifests.document import read_json
from interhost.shells.install import Change, put_file
from interhost.shells.libraries import packaged_file


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (about, _) in _ACTIONS.items():
        action = actions.add_parser(name, help=about, description=f"{about.capitalize()}.", allow_abbrev=False)
        if name == "stub":
            action.add_argument("folder", metavar="DIR", help="the plugin's folder")
            action.add_argument("--dry-run", action="store_true", help="only say what would be done")
        if name == "selftest":
            selftest.configure(action)
        add_format_options(action)


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    return _ACTIONS[args.action][1](args)


def _stub(args: argparse.Namespace) -> int:
    """The stub is always the packaged one; a manifest that is there already is the plugin's own."""
    folder = Path(args.folder)
    if not args.folder or not folder.is_dir():
        raise InputError(f"{args.folder!r} is no folder", hint="name the folder of a plugin, the one with hooks/ in it")
    stub = packaged_file("interbase", "interbase-stub.sh").read_bytes()
    changes = [put_file(folder / "hooks" / "interbase-stub.sh", stub, dry_run=args.dry_run)]
    manifest = folder / ".claude-plugin" / "integration.json"
    if os.path.lexists(manifest):
        changes.append(Change(manifest, "keep"))
    else:
        changes.append(put_file(manifest, _manifest(folder), dry_run=args.dry_run))
    for change in changes:
        if wants_table(args):
            kept = f"; what was there is in {change.backup.name}" if change.backup else ""
            print(f"{change.action:<10} {change.path}{kept}")
        else:
            backup = str(change.backup) if change.backup else None
            print_json({"action": change.action, "path": str(change.path), "backup": backup, "dry_run": args.dry_run})
    return 0


_ACTIONS: Mapping[str, tuple[str, Callable[[argparse.Namespace], int]]] = {
    "stub": ("write the stub and a first integration.json into a plugin", _stub),
    "selftest": ("run the conformance cases against an implementation; ours when none is named", selftest.run),
}


def _manifest(folder: Path) -> bytes:
    """The template, with the plugin's name in it."""
    manifest = json.loads(packaged_file("interbase", "templates/integration.json").read_bytes())
    manifest["name"] = _plugin_name(folder)
    return (json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode("utf-8", "backslashreplace")


def _plugin_name(folder: Path) -> str:
    """What ``plugin.json`` says, else the folder's name."""
    try:
        stated = read_json(folder / ".claude-plugin" / "plugin.json")
    except InputError:
        stated = None
    name = stated.get("name") if isinstance(stated, dict) else None
    return name if isinstance(name, str) and name else folder.resolve().name
