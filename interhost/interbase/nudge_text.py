"""What a tip says: how to install the companion, and what for, from the manifests where the caller does not say.

The manifests are read only when a tip is about to be shown, and a tip does without them when they cannot be.
Source: design section 10, decisions 9 and 10.
"""

from __future__ import annotations

import os


def tip(companion: str, benefit: object, plugin: str) -> str:
    """One line. Never raises.

    Args:
        companion: What is suggested.
        benefit: What the caller says it is good for; empty, or no text, leaves that to the manifests.
        plugin: Who suggests it.
    """
    try:
        command, known = _look_up(companion.lower(), plugin.lower())
    except Exception:  # somebody else's files, or a copy of this package without the manifests
        command, known = "", ""
    stated = benefit.strip().rstrip(".") if isinstance(benefit, str) else ""
    what_for = stated or known or f"what {'other plugins' if plugin == 'unknown' else plugin} can do with it"
    return f"[interverse] Tip: run {command or f'/plugin install {companion}'} for {what_for}."


def _look_up(companion: str, plugin: str) -> tuple[str, str]:
    """What the manifests say: another command than to install it, and the benefit; each empty where they do not."""
    from pathlib import Path

    from interhost.interbase.places import home
    from interhost.manifests.companions import DEFAULT_BENEFIT, read_companions

    modules = read_companions(os.environ, Path(home()), Path(_here())).modules
    manifest = modules[companion].manifest if companion in modules else None
    gains = modules[plugin].gains if plugin in modules else ()
    benefit = next((gain.benefit for gain in gains if gain.companion == companion), DEFAULT_BENEFIT)
    command = "/clavain:setup" if manifest and manifest.ecosystem_only else ""
    return command, "" if benefit == DEFAULT_BENEFIT else as_part(benefit.rstrip("."))


def as_part(text: str) -> str:
    """A sentence as part of another one: its first letter small, unless it begins with an abbreviation."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _here() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "/"
