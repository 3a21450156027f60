"""Put a shell library in its place, and take it away again.

Each file is replaced by rename, so that a hook that starts meanwhile finds the old one or the new one whole. What was
there before is kept beside it as ``.bak``. ``VERSION`` is written last.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import NamedTuple

from interhost.errors import StateError
from interhost.interbase.versions import version_key
from interhost.shells.libraries import Library


class Change(NamedTuple):
    """What happens, or would happen, to one file.

    Attributes:
        path: The file.
        action: ``create``, ``replace``, ``unchanged``, ``remove`` or ``keep``.
        backup: Where its older content is; ``None`` when there was none to keep.
    """

    path: Path
    action: str
    backup: Path | None = None


def install_library(library: Library, home: Path, *, force: bool = False, dry_run: bool = False) -> list[Change]:
    """Install the packaged copy of a library.

    Args:
        library: Which one.
        home: The user's home.
        force: Also in place of a newer one.
        dry_run: Only say what would be done.

    Raises:
        StateError: A newer one is installed, or a file cannot be written. The former is found before any change.
    """
    folder = library.folder(home)
    installed, packaged = installed_version(library, home), library.version()
    if installed and not force and version_key(installed) > version_key(packaged):
        raise StateError(
            f"{library.name} {installed} is installed, which is newer than this one, {packaged}",
            str(folder),
            hint="nothing was changed; --force installs the older one",
        )
    return [put_file(folder / place, content, dry_run=dry_run) for place, content in library.packaged().items()]


def uninstall_library(library: Library, home: Path, *, force: bool = False, dry_run: bool = False) -> list[Change]:
    """Remove what is installed of a library; backups stay.

    Args:
        library: Which one.
        home: The user's home.
        force: Also what differs from the packaged copy.
        dry_run: Only say what would be done.

    Raises:
        StateError: A file is not the packaged one, or cannot be removed. The former is found before any change.
    """
    folder, packaged = library.folder(home), library.packaged()
    found = {folder / place: (read_file(folder / place), content) for place, content in packaged.items()}
    there = [path for path, (content, _) in found.items() if content is not None]
    for path in there:
        content, ours = found[path]
        if content != ours and not force:
            raise StateError(
                f"{path}: not the copy that this interhost brings",
                str(path),
                hint="nothing was changed; 'interhost shell install' puts ours there, --force removes what is there",
            )
    kept = [Change(_backup(path), "keep") for path in found if _backup(path).exists()]
    if not dry_run:
        compiled = [one for path in found for one in _compiled(path)]
        remove_files([*there, *compiled])
        folders = {*(path.parent for path in (*found, *compiled)), folder.parent}
        for path in sorted(folders, key=lambda one: -len(one.parts)):
            with contextlib.suppress(OSError):  # something else is in it, or it never was
                path.rmdir()
    return [*(Change(path, "remove") for path in there), *kept]


def installed_version(library: Library, home: Path) -> str | None:
    """What ``VERSION`` says of an installed library; ``None`` when it is not there, empty when it does not say."""
    folder = library.folder(home)
    if read_file(folder / library.main) is None:
        return None
    return (read_file(folder / "VERSION") or b"").decode("utf-8", "replace").strip()


def read_file(path: Path) -> bytes | None:
    """The content of a file, or ``None`` when there is nothing.

    Raises:
        StateError: It is there and cannot be read, or is no file.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would keep us waiting
            raise StateError(f"{path}: not a file", str(path), hint="move it away and try again")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _refused(path, error) from None


def put_file(path: Path, content: bytes, *, dry_run: bool = False, keep: bool = True) -> Change:
    """Write a file that others may read at any moment, mode 0644.

    Args:
        path: The file.
        content: What it is to hold.
        dry_run: Only say what would be done.
        keep: What it held before goes to ``.bak``.

    Raises:
        StateError: It cannot be written.
    """
    old = read_file(path)
    if old == content:
        return Change(path, "unchanged")
    backup = _backup(path) if keep and old is not None else None
    if not dry_run:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if backup and old is not None:
                _replace(backup, old)
            _replace(path, content)
        except OSError as error:
            raise _refused(path, error) from None
    return Change(path, "create" if old is None else "replace", backup)


def remove_files(paths: list[Path]) -> None:
    """Remove files; one that is gone already is as well.

    Raises:
        StateError: One cannot be removed.
    """
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _refused(path, error) from None


def _compiled(path: Path) -> list[Path]:
    """What interpreters have left of a module that a library brings."""
    return list(path.parent.glob(f"__pycache__/{path.stem}.*.pyc")) if path.suffix == ".py" else []


def _backup(path: Path) -> Path:
    return path.with_name(f"{path.name}.bak")


def _replace(path: Path, content: bytes) -> None:
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        scratch.write_bytes(content)
        scratch.chmod(0o644)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _refused(path: Path, error: OSError) -> StateError:
    return StateError(f"{path}: {error.strerror}", str(path), hint="see that the folder is there and yours to write")
