"""Play a short sprint with real-shaped files, and tell the story.

Everything happens in a temporary home with the installed commands, as it would in yours: modules write their files, the
facts travel, a third party learns them, and an adapter with a bug stops nobody. Your own state is not touched. Adapters
that have no part in it stay out, however many you have installed.

  interhost demo
  interhost demo --keep /tmp/sprint    play there, and look around afterwards
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from interhost.cli.demo.scene import OWN_ADAPTERS, Scene
from interhost.cli.demo.story import Story
from interhost.errors import InputError, StateError
from interhost.host.registry import list_adapters

_LEADS = ("interflux", "interphase")
_OTHERS = ("intercheck", "interline", "interslack", "interwatch")


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--keep", metavar="DIR", type=Path, help="play in this new directory, and leave it behind")


def run(args: argparse.Namespace) -> int:
    """Tell the story."""
    installed = {entry.name for entry in list_adapters()}
    cast = _find_cast(installed)
    absent = installed - {*cast, *OWN_ADAPTERS}
    if args.keep:
        scene = Scene(_new_directory(args.keep.absolute()), cast)
        Story(scene, absent).tell()
        print(f"left in {scene.base}; look around with HOME={scene.home} PYTHONPATH={scene.site} interbus replay")
        return 0
    with tempfile.TemporaryDirectory(prefix="interhost-demo-") as base:
        Story(Scene(Path(base), cast), absent).tell()
    return 0


def _find_cast(installed: set[str]) -> list[str]:
    """The adapters that play: the two that the story is about, and of the others those that are there."""
    if missing := [f"interhost-{name}" for name in _LEADS if name not in installed]:
        raise StateError(f"the demo needs {' and '.join(missing)}", "", hint=f"pip install {' '.join(missing)}")
    return sorted({*_LEADS, *_OTHERS} & installed)


def _new_directory(path: Path) -> Path:
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"--keep {path}: {error.strerror}", hint="name a directory that does not exist yet") from None
    return path
