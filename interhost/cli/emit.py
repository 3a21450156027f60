"""Put a fact on the bus from a plugin's script: publish, with everything else taken from the environment.

Context, session and producer come from CLAVAIN_BEAD_ID, CLAUDE_SESSION_ID and INTERBUS_PRODUCER, as for publish.

  interbus emit notify '{"text": "build is green"}'
  interbus emit artifact_ready '{"kind": "plan"}' docs/plans/p.md
"""

from __future__ import annotations

import argparse

from interhost.cli.output import add_format_options
from interhost.cli.publish import run

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options; whatever else publish takes is left to it."""
    parser.add_argument("intent", help="name, or name@major.minor; see 'interbus catalog'")
    parser.add_argument("payload", nargs="?", default="{}", metavar="JSON|@FILE|-", help="JSON object (default: {})")
    parser.add_argument("artifact", nargs="?", metavar="PATH", help="file the fact is about")
    parser.set_defaults(context=None, severity="info", source_hook=None, consumer=[], dedupe_key=None)
    parser.set_defaults(session=None, occurred_at=None, allow_unknown=False)
    add_format_options(parser)
