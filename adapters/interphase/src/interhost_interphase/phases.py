"""The words of interphase: its phases, where an artifact or a review leads, and what its gates decide.

Source: ``reference/modules/interphase.md`` section 1.5, ``reference/cli-contracts.md`` section 5.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from interhost_hookspecs import GateOutcome, GateTier, Severity

PHASE_MODEL = "interphase-8"
"""Name of interphase's vocabulary in ``phase_model``."""

PHASES = (
    *("brainstorm", "brainstorm-reviewed", "strategized", "planned"),
    *("plan-reviewed", "executing", "shipping", "done"),
)
"""The eight phases of interphase, in order."""

CHAINS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        PHASE_MODEL: PHASES,
        "clavain-9": (*PHASES[:7], "reflect", "done"),
        "clavain-10": (*PHASES[:3], "strategy-reviewed", *PHASES[3:7], "reflect", "done"),
        "ic-9": (*PHASES[:4], "executing", "review", "polish", "reflect", "done"),
        "ic-goal": ("goal-formed", "planned", "executing", "review", "polish", "reflect", "done"),
    }
)
"""The five vocabularies, each in its own order."""

ALIASES: Mapping[str, str] = MappingProxyType({"polish": "shipping"})
"""Names of other vocabularies that a source equates with one of the eight; no name is matched by resemblance."""

# All five vocabularies merged, so that a bead in `review` or `reflect` is not taken for one that is still planned.
_ORDER = ("goal-formed", *PHASES[:3], "strategy-reviewed", *PHASES[3:6], "review", "shipping", "reflect", "done")

REVIEWED: Mapping[str, str] = MappingProxyType(
    {"brainstorms": "brainstorm-reviewed", "plans": "plan-reviewed", "prds": "strategy-reviewed"}
)
"""Folder below ``docs`` to the phase that a safe review of a file in it leads to."""

WRITTEN: Mapping[str, str] = MappingProxyType({"brainstorm": "brainstorm", "prd": "strategized", "plan": "planned"})
"""Kind of artifact to the phase that a bead is in once it is written."""

DECISIONS: Mapping[str, tuple[GateOutcome, Severity]] = MappingProxyType(
    {
        "pass": (GateOutcome.PASS, Severity.INFO),
        "pass-no-gate": (GateOutcome.NOT_ENFORCED, Severity.INFO),
        "warn": (GateOutcome.WARN, Severity.WARN),
        "skip": (GateOutcome.SKIP, Severity.WARN),
        "bypass": (GateOutcome.BYPASS, Severity.WARN),
        "block": (GateOutcome.BLOCK, Severity.ERROR),
    }
)
"""Decision of a gate to what it means; ``warn-stale``, ``block-strict-permanent`` and so on follow their first word."""

_TIERS = {"0": "hard", "1": "hard", "2": "soft", "3": "soft"}


def clean_phase(value: object) -> str | None:
    """A phase as a module states it; ``None`` for everything that says that no phase is known.

    ``bd`` says ``(no phase state set)`` with exit status 0, and interphase copies that text into its telemetry.
    """
    return value if isinstance(value, str) and value.strip() and not value.startswith("(no ") else None


def canonical_phase(phase: str) -> str | None:
    """The phase in interphase's vocabulary, or ``None`` when it has no counterpart there."""
    name = ALIASES.get(phase, phase)
    return name if name in PHASES else None


def is_before(phase: str | None, target: str) -> bool:
    """Whether a move to ``target`` goes forward; a bead without a phase may go anywhere, an unknown phase nowhere."""
    if phase is None:
        return True
    name = ALIASES.get(phase, phase)
    return name in _ORDER and _ORDER.index(name) < _ORDER.index(target)


def read_decision(decision: str) -> tuple[GateOutcome, Severity] | None:
    """Outcome and severity of a gate's decision, or ``None`` for a word that means nothing to us."""
    return DECISIONS.get(decision) or DECISIONS.get(decision.partition("-")[0])


def read_tier(tier: object, priority: object) -> GateTier:
    """The tier of a gate: as stated, else by the bead's priority (0 and 1 hard, 2 and 3 soft), else none.

    interphase reads ``bd``'s array as an object and then states a tier such as ``permanent`` and the priority ``?``.
    """
    stated = tier if tier in ("hard", "soft", "none") else _TIERS.get(str(priority).removeprefix("P"), "none")
    return GateTier(str(stated))


def find_reviewed_phase(artifact: Path) -> tuple[str, Path] | None:
    """The phase that a safe review of ``artifact`` leads to, and the project the file lies in.

    Returns:
        ``None`` when the file lies in none of the folders of ``REVIEWED``.
    """
    for folder in artifact.parents:
        if folder.parent.name == "docs" and folder.name in REVIEWED:
            return REVIEWED[folder.name], folder.parent.parent
    return None
