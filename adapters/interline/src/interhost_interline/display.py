"""What stands between a file and the user's eyes: interline, its configuration, and our own part of the status line.

Source: ``reference/modules/interline.md`` sections 3.2, 3.3 and 3.5.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from interhost_hookspecs import AdapterContext, Intent, Outcome
from interhost_hookspecs.files import is_plain_name, read_text
from interhost_hookspecs.reading import read_object, value_at

SCRIPT = "interhost/claude/statusline.sh"
"""What a status line that shows segments names; ``interhost statusline install`` puts it there."""

_SETTINGS = 1 << 20


def session_of(intent: Intent[Any]) -> str | None:
    """The session of an intent, if it can name a file: interline takes it as it is, interband cleans it."""
    session = intent.extensions.get("session_id")
    return session if is_plain_name(session) else None


def is_layer_off(layer: str, ctx: AdapterContext) -> bool:
    """Whether the user has told interline not to show a layer."""
    config = read_object(read_text(ctx.home / ".claude" / "interline.json"))
    return value_at(config, f"layers.{layer}") is False


def is_installed(ctx: AdapterContext) -> bool:
    """Whether interline draws the status line: as a plugin, or as the script that its setup copies."""
    return ctx.module_root() is not None or (ctx.home / ".claude" / "statusline.sh").is_file()


def shows_segments(ctx: AdapterContext) -> bool:
    """Whether the user's status line has the part that shows segments."""
    folder = os.environ.get("CLAUDE_CONFIG_DIR")
    path = (Path(folder) if folder else ctx.home / ".claude") / "settings.json"
    settings = read_object(read_text(path, _SETTINGS))
    return SCRIPT in str(value_at(settings, "statusLine.command"))


def written(what: str, ctx: AdapterContext) -> Outcome:
    """A file of interline's was written. Nobody confirms that it is seen."""
    return Outcome.done(what) if is_installed(ctx) else Outcome.degraded(f"{what}; interline is not installed")
