"""The folder of the Claude Code plugin: written so that a session finds it whole, and found again by doctor."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from interhost.claude.plugin import MARK
from interhost.errors import StateError
from interhost.shells.install import Change, put_file, read_file, remove_files

PLACES = (MARK, ".claude-plugin/plugin.json", ".claude-plugin/marketplace.json", "hooks/hooks.json", ".mcp.json")
"""Every file that may be among a plugin's; what else is in the folder is its owner's."""
_WRITTEN = "claude-plugins.json"


def write_plugin(folder: Path, files: Mapping[str, bytes], *, dry_run: bool = False) -> list[Change]:
    """Write a plugin: a new folder appears at once, in one that is there file after file is replaced.

    Args:
        folder: Where; absolute.
        files: Contents by place.
        dry_run: Only say what would be done.

    Raises:
        StateError: The folder holds something else, or cannot be written. Nothing was changed then.
    """
    if _is_free(folder):
        if not dry_run:
            _create(folder, files)
        return [Change(folder / place, "create") for place in files]
    changes = [put_file(folder / place, content, dry_run=dry_run, keep=False) for place, content in files.items()]
    surplus = [path for place in PLACES if place not in files and (path := folder / place).is_file()]
    if not dry_run:
        remove_files(surplus)
    return [*changes, *(Change(path, "remove") for path in surplus)]


def is_plugin(folder: Path) -> bool:
    """Whether a folder holds a plugin of ours."""
    return os.path.isfile(folder / MARK) and not os.path.islink(folder / MARK)


def differing(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Places where a written plugin is not as it would be written now."""
    return [place for place in PLACES if _content(folder / place) != files.get(place)]


def remember(root: Path, folder: Path) -> None:
    """Keep in mind where a plugin was written, for doctor.

    Raises:
        OSError: The state directory cannot be written.
    """
    folders = sorted({*map(str, list_written(root)), str(folder)})
    put_file(root / _WRITTEN, f"{json.dumps(folders)}\n".encode(), keep=False)


def list_written(root: Path) -> list[Path]:
    """Folders in which a plugin was written and still is."""
    folders: object = []
    with contextlib.suppress(OSError, ValueError, RecursionError):
        folders = json.loads((root / _WRITTEN).read_bytes())
    named = folders if isinstance(folders, list) else []
    return [path for one in named if isinstance(one, str) and is_plugin(path := Path(one))]


def _is_free(folder: Path) -> bool:
    """Whether there is nothing yet.

    Raises:
        StateError: There is something that is not ours.
    """
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise _refused(folder, error) from None
    if names and not is_plugin(folder):
        hint = "nothing was changed; name a folder that is empty or does not exist"
        raise StateError(f"{folder}: holds something else than a plugin that interhost wrote", str(folder), hint=hint)
    for place in PLACES:
        if os.path.islink(path := (folder / place).parent) and path != folder:
            raise StateError(f"{path}: leads out of the plugin", str(path), hint="nothing was changed; remove the link")
    return not names


def _create(folder: Path, files: Mapping[str, bytes]) -> None:
    scratch = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        for place, content in files.items():
            put_file(scratch / place, content)
        scratch.replace(folder)  # also in place of an empty one
    except OSError as error:
        raise _refused(folder, error) from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _content(path: Path) -> bytes | None:
    with contextlib.suppress(StateError):
        return read_file(path)
    return b""


def _refused(folder: Path, error: OSError) -> StateError:
    return StateError(f"{folder}: {error.strerror}", str(folder), hint="name a folder that is yours to write")
