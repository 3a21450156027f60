"""Models that drift, as interflux's own check prints it: a session runs the script, nobody stores what it says.

Source: ``reference/modules/interflux.md`` sections 2.3 (row F11) and 2.8.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from interhost_hookspecs import Draft, DriftDetected, HookEvent, Severity

from interhost_interflux.values import compact, first_line, one_line, value_at

SCRIPT = "fluxbench-drift"

VERDICTS = {"drift_detected": Severity.WARN, "baseline_shift_suspected": Severity.ERROR}
"""What is drift; the script's other answers say that there is none, that it is over, or that it could not look."""

_REGISTRY = re.compile(r"\bMODEL_REGISTRY=([\"']?)(/[^\s\"']+)\1")


def list_drift(event: HookEvent) -> Iterator[Draft]:
    """The drift that a shell command of the session reported, one fact per model."""
    command = value_at(event.raw, "tool_input.command")
    printed = value_at(event.raw, "tool_response.stdout")
    if not isinstance(command, str) or not isinstance(printed, str) or SCRIPT not in command:
        return
    registry = _REGISTRY.search(command)
    for line in printed.splitlines():
        try:
            entry: object = json.loads(line)
        except (ValueError, RecursionError):
            continue
        model, verdict = first_line(entry, ("model",)), first_line(entry, ("verdict",))
        if model and verdict in VERDICTS:
            yield _tell(entry, model, verdict, Path(registry[2]) if registry else None)


def _tell(entry: object, model: str, verdict: str, registry: Path | None) -> Draft:
    score = value_at(entry, "max_drift")
    return Draft(
        payload=DriftDetected(
            kind="model_quality",
            actual=model,
            signal=verdict,
            score=float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None,
            detail=one_line(compact(value_at(entry, "metrics"))),
        ),
        context_id="model:" + re.sub(r"[^a-z0-9._-]+", "-", model.lower()).strip("-"),
        artifact_path=registry,
        severity=VERDICTS[verdict],
        source_hook="PostToolUse:Bash",
    )
