"""Put a fact on the bus from a plugin's script: publish, with everything else taken from the environment.

Context, session and producer come from CLAVAIN_BEAD_ID, CLAUDE_SESSION_ID and INTERBUS_PRODUCER, as for publish.

  interbus emit notify '{"text": "build is green"}'
  interbus emit artifact_ready '{"kind": "plan"}' docs/plans/p.md
"""

from __future__ import annotations

import argparse

from interhost.cli import publish
from interhost.cli.output import add_format_options


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("intent", help="name, or name@major.minor; see 'interbus catalog'")
    parser.add_argument("payload", nargs="?", default="{}", metavar="JSON|@FILE|-", help="JSON object (default: {})")
    parser.add_argument("artifact", nargs="?", metavar="PATH", help="file the fact is about")
    add_format_options(parser)


def run(args: argparse.Namespace) -> int:
    """Emit."""
    parser = argparse.ArgumentParser()
    publish.configure(parser)
    defaults = vars(parser.parse_args(["notify"]))  # any name: ours replaces it
    return publish.run(argparse.Namespace(**{**defaults, **vars(args)}))
