"""Writing a sideband file."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import Any

from interhost.bus.resolve import session_of
from interhost.cli.output import note, print_json, wants_table
from interhost.errors import InputError
from interhost.interband.channels import find_channel, make_key
from interhost.interband.legacy import legacy_roots, require_legacy, write_legacy
from interhost.interband.paths import sideband_root
from interhost.interband.protocol import MAX_BYTES, ProtocolError, decode
from interhost.interband.write import Written, rewrite_sideband, write_sideband


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of ``write``."""
    parser.add_argument("--payload", required=True, metavar="JSON|@FILE|-", help="JSON object")
    parser.add_argument("--type", default="", help="of the envelope; needed for a channel that is not known")
    parser.add_argument(
        "--session", default="", metavar="ID", help="of the envelope (default: the key, the environment)"
    )
    parser.add_argument("--merge", action="store_true", help="change these keys only, and keep everything else")
    parser.add_argument("--lenient", action="store_true", help="write a phase that published readers refuse")
    parser.add_argument("--sync", action="store_true", help="come back when it would survive a power cut")
    parser.add_argument("--dual-write", action="store_true", help="write the file from before interband, too")


def write(args: argparse.Namespace) -> int:
    """Write, and say where."""
    payload = _payload(args.payload)
    if args.merge and (args.type or args.session):
        raise InputError("--merge keeps type and session as they are: leave out --type and --session")
    key = make_key(find_channel(args.namespace, args.channel), args.key)
    roots = legacy_roots() if args.dual_write else None
    if roots:
        require_legacy(roots, args.namespace, args.channel, key)
    written = _written(args, payload)
    second = write_legacy(roots, written) if roots else None
    if wants_table(args):
        print("\n".join(f"wrote {path}" for path in (written.path, second) if path))
        if written.pruned:
            note(f"removed {written.pruned} old files")
    else:
        print_json({"path": str(written.path), "legacy": str(second) if second else None, "pruned": written.pruned})
    return 0


def _written(args: argparse.Namespace, payload: Mapping[str, Any]) -> Written:
    place = (sideband_root(), args.namespace, args.channel, args.key, payload)
    if args.merge:
        return rewrite_sideband(*place, any_phase=args.lenient, sync=args.sync)
    known = find_channel(args.namespace, args.channel)
    session = args.session or ("" if known.key == ("session_id",) else session_of(os.environ) or "")
    return write_sideband(*place, kind=args.type, session_id=session, any_phase=args.lenient, sync=args.sync)


def _payload(given: str) -> dict[str, Any]:
    """The payload: as given, from a file, or from standard input."""
    try:
        if given == "-":
            if sys.stdin is None:
                raise InputError("--payload -: standard input is closed")
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        elif given.startswith("@"):
            with open(given[1:], "rb") as file:
                data = file.read(MAX_BYTES + 1)
        else:
            data = os.fsencode(given)
        return decode(data)
    except (OSError, ValueError) as error:
        reason = error if isinstance(error, ProtocolError) else getattr(error, "strerror", None) or error
        raise InputError(f"--payload: {reason}", hint="""such as --payload '{"ts": 1795170928}'""") from None
