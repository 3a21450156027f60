"""Play a short sprint with real-shaped files, and tell the story.

Everything happens in a temporary home with the installed commands, as it would in yours: two modules write their
files, the facts travel, a third party learns them, and an adapter with a bug stops nobody. Your own state is not
touched.

  interhost demo
  interhost demo --keep /tmp/sprint    play there, and look around afterwards
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from interhost.demo.scene import Scene
from interhost.demo.story import Story
from interhost.errors import InputError, StateError
from interhost.host.registry import list_adapters

_PLAYERS = ("interflux", "interphase")


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--keep", metavar="DIR", type=Path, help="play in this new directory, and leave it behind")


def run(args: argparse.Namespace) -> int:
    """Tell the story."""
    _require_adapters()
    if args.keep:
        directory = _new_directory(args.keep.absolute())
        scene = Scene(directory)
        Story(scene).tell()
        print(f"left in {directory}; look around with HOME={scene.home} PYTHONPATH={scene.site} interbus replay")
        return 0
    with tempfile.TemporaryDirectory(prefix="interhost-demo-") as base:
        Story(Scene(Path(base))).tell()
    return 0


def _require_adapters() -> None:
    """The two adapters that the story is about come in distributions of their own."""
    installed = {entry.name for entry in list_adapters()}
    if missing := [f"interhost-{name}" for name in _PLAYERS if name not in installed]:
        raise StateError(f"the demo needs {' and '.join(missing)}", "", hint=f"pip install {' '.join(missing)}")


def _new_directory(path: Path) -> Path:
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"--keep {path}: {error.strerror}", hint="name a directory that does not exist yet") from None
    return path
