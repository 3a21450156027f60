"""Which context a command of Clavain is about."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from interhost.bus.bus import Bus
from interhost.bus.project import project_root
from interhost.bus.resolve import resolve_context, session_of
from interhost.cli.opening import working_directory
from interhost.errors import InputError
from interhost.report.contexts import list_activity
from interhost.submission.kernel import find_project


def read_project(args: argparse.Namespace) -> Path:
    """Root of the project: as given, else that of the current directory.

    Raises:
        InputError: What was given is no folder.
    """
    if args.project is None:
        return find_project(working_directory())
    if not args.project.is_dir():
        raise InputError(f"project {args.project}: no such folder")
    given: Path = args.project.resolve()
    return given


def read_context(args: argparse.Namespace, project: Path) -> str:
    """The context: as given, else the session's own."""
    if args.context:
        return str(args.context)
    session = session_of(os.environ)
    return resolve_context(artifact=None, project=project, session_id=session, environ=os.environ, home=Path.home())


def list_contexts(args: argparse.Namespace, project: Path, bus: Bus) -> list[str]:
    """The contexts in which something may wait: one that is given or known; else those that the project was heard of.

    A sprint that has no bead yet is about to look for one.
    """
    own = read_context(args, project)
    if args.context or not own.startswith("project:"):
        return [own]
    root = str(project_root(project))
    here = [one.context for one in list_activity(bus) if one.last.envelope.extensions.get("project_dir") == root]
    return list(dict.fromkeys([*here, own]))
