"""The words for phases: five vocabularies are in use, and modules of each meet on one bus.

Source: ``reference/cli-contracts.md`` section 5.2, ``reference/modules/interphase.md`` section 1.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

PHASES = (
    *("brainstorm", "brainstorm-reviewed", "strategized", "planned"),
    *("plan-reviewed", "executing", "shipping", "done"),
)
"""The eight phases of interphase, in order: the vocabulary of ``canonical_to``."""

CHAINS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "interphase-8": PHASES,
        "clavain-9": (*PHASES[:7], "reflect", "done"),
        "clavain-10": (*PHASES[:3], "strategy-reviewed", *PHASES[3:7], "reflect", "done"),
        "ic-9": (*PHASES[:4], "executing", "review", "polish", "reflect", "done"),
        "ic-goal": ("goal-formed", "planned", "executing", "review", "polish", "reflect", "done"),
    }
)
"""The five vocabularies by their name in ``phase_model``, each in its own order."""

ALIASES: Mapping[str, str] = MappingProxyType({"polish": "shipping"})
"""Names of other vocabularies that a source equates with one of the eight; no name is matched by resemblance."""

# All five vocabularies merged, so that a bead in `review` or `reflect` is not taken for one that is still planned.
_ORDER = ("goal-formed", *PHASES[:3], "strategy-reviewed", *PHASES[3:6], "review", "shipping", "reflect", "done")


def clean_phase(value: object) -> str | None:
    """A phase as a module states it; ``None`` for everything that says that no phase is known.

    ``bd`` says ``(no phase state set)`` with exit status 0, and other modules copy that text into their files.
    """
    return value if isinstance(value, str) and value.strip() and not value.startswith("(no ") else None


def canonical_phase(phase: str) -> str | None:
    """The phase in the vocabulary of ``PHASES``, or ``None`` when it has no counterpart there."""
    name = ALIASES.get(phase, phase)
    return name if name in PHASES else None


def is_before(phase: str | None, target: str) -> bool:
    """Whether a move to ``target`` goes forward; a bead without a phase may go anywhere, an unknown phase nowhere.

    Args:
        phase: Where the bead is, in any of the five vocabularies.
        target: Where it should go, likewise.
    """
    if phase is None:
        return True
    name = ALIASES.get(phase, phase)
    return name in _ORDER and _ORDER.index(name) < _ORDER.index(target)
