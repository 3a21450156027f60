"""Play a short sprint with real-shaped files, and tell the story.

Everything happens in a temporary home with the installed commands, as it would in yours: two modules write their
files, the facts travel, a third party learns them, and an adapter with a bug stops nobody. Your own state is not
touched.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from interhost.demo.scene import Scene
from interhost.demo.story import Story


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--keep", metavar="DIR", type=Path, help="play in this new directory, and leave it behind")


def run(args: argparse.Namespace) -> int:
    """Tell the story."""
    if args.keep:
        args.keep.mkdir(parents=True)
        Story(Scene(args.keep.absolute())).tell()
        print(f"left in {args.keep}; look around with HOME={args.keep / 'home'}")
        return 0
    with tempfile.TemporaryDirectory(prefix="interhost-demo-") as base:
        Story(Scene(Path(base))).tell()
    return 0
