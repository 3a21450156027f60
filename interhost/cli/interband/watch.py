"""Following sideband files as they change."""

from __future__ import annotations

import argparse
import json
import time

from interhost.cli.output import note, print_json, printable, wants_table
from interhost.errors import UsageError
from interhost.interband.channels import find_channel, key_parts
from interhost.interband.paths import sideband_root
from interhost.interband.read import Envelope
from interhost.interband.watch import Sideband, Watcher


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of ``watch``."""
    parser.add_argument("--all", action="store_true", help="first print what is there already")
    parser.add_argument(
        "--every", type=float, default=0.25, metavar="SECONDS", help="between two looks (default: 0.25)"
    )


def watch(args: argparse.Namespace) -> int:
    """Print each change until somebody stops it."""
    if not 0.01 <= args.every <= 3600:
        raise UsageError(f"--every {args.every:g}: expected 0.01 to 3600 seconds")
    root = sideband_root()
    watcher = Watcher(root, args.namespace, args.channel)
    first = watcher.look()
    note(f"watching {root}; stop with Ctrl-C")
    table = wants_table(args)
    changes = first if args.all else []
    while True:
        for sideband, envelope, problem in changes:
            if envelope:
                _print(sideband, envelope, table=table)
            else:
                note(problem)
        time.sleep(args.every)
        changes = watcher.look()


def _print(sideband: Sideband, envelope: Envelope, *, table: bool) -> None:
    where = f"{sideband.namespace}/{sideband.channel}"
    if table:
        payload = json.dumps(envelope.payload, ensure_ascii=False)
        print(printable(f"{time.strftime('%H:%M:%S')}  {where}  {sideband.key}  {payload}"), flush=True)
        return
    parts = key_parts(find_channel(sideband.namespace, sideband.channel), sideband.key, envelope.payload)
    record = {"path": str(sideband.path), "channel": where, "key": sideband.key, **parts}
    print_json({**record, "envelope": envelope.document()})
