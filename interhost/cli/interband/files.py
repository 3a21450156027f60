"""Where sideband files are, and what they hold."""

from __future__ import annotations

import argparse
import json
import os
import time

from interhost.cli.opening import working_directory
from interhost.cli.output import note, print_json, print_table, wants_table
from interhost.errors import InputError, StateError
from interhost.interband.channels import find_channel, key_parts, make_key
from interhost.interband.find import find_sideband
from interhost.interband.legacy import legacy_roots
from interhost.interband.loader import OURS, VARIABLE, find_library
from interhost.interband.paths import channel_dir, sideband_path, sideband_root
from interhost.interband.read import Found, read_sideband
from interhost.interband.retention import retention
from interhost.interband.watch import Sideband, find_sidebands


def configure(read: argparse.ArgumentParser, lib: argparse.ArgumentParser) -> None:
    """The options of ``read`` and ``lib``."""
    read.add_argument("--fresh", action="store_true", help="only if not older than its channel keeps files")
    read.add_argument("--check", action="store_true", help="hold the payload against the rules of its type")
    read.add_argument("--envelope", action="store_true", help="print the whole envelope")
    read.add_argument("--no-legacy", action="store_true", help="do not look for a file from before interband")
    lib.add_argument("--from", dest="start", metavar="DIR", help="look around this folder, not the current one")
    lib.add_argument("--ours", action="store_true", help="the library of interhost")


def path(args: argparse.Namespace) -> int:
    """Print the path of a file, which need not exist; without a key, of its channel."""
    root = sideband_root()
    if not args.key:
        print(channel_dir(root, args.namespace, args.channel))
        return 0
    key = make_key(find_channel(args.namespace, args.channel), args.key)
    print(sideband_path(root, args.namespace, args.channel, key))
    return 0


def read(args: argparse.Namespace) -> int:
    """Print a payload as JSON; 1 when there is none, or it is too old."""
    key = make_key(find_channel(args.namespace, args.channel), args.key)
    place = (sideband_root(), args.namespace, args.channel, key)
    kept = retention(os.environ, args.namespace, args.channel).seconds if args.fresh else None
    legacy = None if args.no_legacy else legacy_roots()
    found = find_sideband(*place, legacy=legacy, check=args.check, max_age=kept)
    if found is None:
        note(f"no {sideband_path(*place)}")
        return 1
    if kept is not None and not found.is_fresh(kept):
        note(f"{found.path} is {found.age:.0f} s old, its channel keeps files for {kept} s")
        return 1
    print(json.dumps(found.envelope.document() if args.envelope else found.envelope.payload, separators=(",", ":")))
    return 0


def list_(args: argparse.Namespace) -> int:
    """List the files, each with its age and what it holds; 1 when there are none."""
    rows = []
    for sideband in find_sidebands(sideband_root(), args.namespace, args.channel):
        try:
            found = read_sideband(sideband.path)
        except (InputError, StateError) as error:
            note(str(error))
            continue
        if found:
            rows.append((sideband, found))
    if not rows:
        note(f"no sideband files below {sideband_root()}")
        return 1
    if wants_table(args):
        print_table(("CHANNEL", "KEY", "AGE", "", "PAYLOAD"), [_row(*row) for row in rows])
    else:
        for row in rows:
            print_json(_record(*row))
    return 0


def lib(args: argparse.Namespace) -> int:
    """Print the path of a shell library; 1 when the published one is not here."""
    if args.ours:
        print(OURS)
        return 0
    start = working_directory() / (args.start or "")
    library = find_library(os.environ, start)
    if (given := os.environ.get(VARIABLE)) and str(library) != given:
        note(f"{VARIABLE}={given!r} is no absolute path of a library that only you can write; passed over")
    if library is None:
        note(f"the published library is not here; 'interhost interband lib --ours' has {OURS}")
        return 1
    print(library)
    return 0


def _row(sideband: Sideband, found: Found) -> tuple[object, ...]:
    payload = json.dumps(found.envelope.payload, ensure_ascii=False)
    old = "" if found.is_fresh(_kept(sideband)) else "old"
    return (f"{sideband.namespace}/{sideband.channel}", sideband.key, _age(found.age), old, payload)


def _record(sideband: Sideband, found: Found) -> dict[str, object]:
    channel = find_channel(sideband.namespace, sideband.channel)
    return {
        "path": str(sideband.path),
        "channel": f"{sideband.namespace}/{sideband.channel}",
        "key": sideband.key,
        **key_parts(channel, sideband.key, found.envelope.payload),
        "changed_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - found.age)),
        "fresh": found.is_fresh(_kept(sideband)),
        "envelope": found.envelope.document(),
    }


def _kept(sideband: Sideband) -> int:
    return retention(os.environ, sideband.namespace, sideband.channel).seconds


def _age(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
