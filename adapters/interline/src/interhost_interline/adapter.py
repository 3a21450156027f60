"""The hooks of the interline adapter. interline shows and says nothing, so there is nothing to tell."""

from __future__ import annotations

from interhost_hookspecs import AdapterContext, AdapterInfo, Check, CheckLevel, hookimpl

from interhost_interline.bead import on_phase_transition
from interhost_interline.display import is_installed, is_layer_off, shows_segments
from interhost_interline.pressure import observe, observe_hook
from interhost_interline.segment import on_drift_detected, on_health_signal, on_notify, on_release_status

__all__ = [
    "observe",
    "observe_hook",
    "on_drift_detected",
    "on_health_signal",
    "on_notify",
    "on_phase_transition",
    "on_release_status",
]


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Say what this adapter is."""
    return AdapterInfo(
        module="interline",
        summary="Shows a session's pressure, bead and phase in interline's status line, and one text beside it.",
        homepage="https://github.com/mistakeknot/interline",
    )


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for interline, layers of it that are off, and our own part of the status line."""
    installed, segments = is_installed(ctx), shows_segments(ctx)
    off = [layer for layer in ("pressure", "bead") if is_layer_off(layer, ctx)]
    return [
        Check(
            name="module",
            level=CheckLevel.OK if installed else CheckLevel.NOTE,
            detail=str(ctx.module_root() or ctx.home / ".claude" / "statusline.sh") if installed else "not installed",
            hint="install the interline plugin and run /interline:statusline-setup; without it nobody shows our files",
        ),
        Check(
            name="layers",
            level=CheckLevel.NOTE if off else CheckLevel.OK,
            detail=f"off: {', '.join(off)}" if off else "pressure and bead are on",
            hint="see 'layers' in ~/.claude/interline.json",
        ),
        Check(
            name="segments",
            level=CheckLevel.OK if segments else CheckLevel.NOTE,
            detail="shown" if segments else "not shown",
            hint="'interhost statusline install' adds one text to the status line; interline's setup removes it again",
        ),
    ]
