"""What ``bd``, the tracker of beads, says about a bead.

Source: reference/cli-contracts.md sections 4.1 and 4.3.
"""

from __future__ import annotations

from interhost_hookspecs.beads import parse_state

from interhost.submission.programs import Desk


def read_state(desk: Desk, bead_id: str, dimension: str) -> str | None:
    """One state of a bead, such as the run that carries it; ``None`` also where ``bd`` or the bead is unknown."""
    path = desk.find("bd")
    answer = desk.ask([path, "--json", "state", bead_id, dimension]) if path else None
    if answer is None or answer.returncode != 0:
        return None
    try:
        return parse_state(answer.stdout)
    except ValueError:
        return None
