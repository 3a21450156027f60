"""Flow 3: a commit makes AGENTS.md stale, and the document is mended where the user wants it (docs/flows.md).

What interdoc's adapter does by itself is in test_interdoc_flow.py; here several adapters have to do with one document.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.flow_kit import Scene, brief

if TYPE_CHECKING:
    from tests.conftest import Shell

BEAD = "acme-4q9"
PLAN = "docs/plans/retry-queue.md"


@pytest.fixture
def scene(shell: Shell) -> Iterator[Scene]:
    """A document that names a file, agents, and a host that has looked once."""
    scene = Scene(shell, "interdoc", "interlock", "interphase")
    scene.configure("interdoc", apply_fixes=True)
    scene.configure("interlock", reserve_on_drift=True)
    scene.install_interdoc()
    service = scene.install_intermute()
    scene.move("old-1", "done", "long ago")
    scene.write("AGENTS.md", "See old.py.\n")
    scene.write("old.py", "1\n")
    scene.write_document(PLAN, BEAD, "executing")
    scene.commit()
    scene.begin()
    yield scene
    service.end()


def rename(scene: Scene) -> None:
    """The commit that makes the document wrong."""
    scene.git("mv", "old.py", "new.py")
    scene.commit()


def text(scene: Scene) -> str:
    """The document."""
    return (scene.project / "AGENTS.md").read_text()


def test_a_commit_is_followed_to_the_mended_document(scene: Scene) -> None:
    """Drift, dry run, fix and the document as a fact; reserved before, and given back with the work."""
    assert scene.service is not None
    rename(scene)
    drift, ready = scene.work()[:2]
    assert (drift["intent"], drift["producer"], drift["source_hook"]) == (
        "drift_detected",
        "interdoc",
        "cli:drift-fix.sh",
    )
    assert drift["payload"]["signal"] == "structural"
    assert (ready["intent"], ready["artifact_path"]) == ("artifact_ready", str(scene.project / "AGENTS.md"))
    assert (text(scene), scene.list_fixes()) == ("See new.py.\n", [""])
    assert scene.end_of(drift, "interlock") == ("done", "1 reserved for 15 minutes")
    scene.work()
    assert (scene.list_fixes(), text(scene)) == ([""], "See new.py.\n")


def test_what_the_host_has_reserved_does_not_stop_the_fix(scene: Scene) -> None:
    """Somebody else tells the drift, so the document is reserved first; the next step mends it all the same."""
    assert scene.service is not None
    scene.configure("interdoc", apply_fixes=False)
    rename(scene)
    scene.work()
    assert scene.service.list_held() == ["AGENTS.md"]
    scene.work()  # the reservation is told
    assert brief(scene.list_facts()).count("interlock coordination") == 1
    scene.configure("interdoc", apply_fixes=True)
    scene.move(BEAD, "shipping", artifact=PLAN)
    move, ready = scene.work()
    assert scene.end_of(move, "interdoc")[0] == "done"
    assert ready["extensions"]["caused_by"] == move["event_id"]
    assert (text(scene), scene.list_fixes()) == ("See new.py.\n", [""])


def test_what_an_agent_has_reserved_stops_the_fix_until_it_is_free(scene: Scene) -> None:
    """Who edits the document keeps it; the delivery is deferred, and made when it is released."""
    assert scene.service is not None
    ada = scene.service.join("ada")
    key = scene.service.reserve(ada, "AGENTS.md")
    scene.work()
    rename(scene)
    scene.work()
    scene.move(BEAD, "shipping", artifact=PLAN)
    move = next(one for one in scene.work() if one["intent"] == "phase_transition")
    assert scene.end_of(move, "interdoc")[0] == "deferred"
    assert (text(scene), scene.list_fixes()) == ("See old.py.\n", [])
    scene.service.ask("DELETE", f"/api/reservations/{key}", agent=ada)
    scene.work()
    scene.make_due()
    scene.work()
    assert scene.end_of(move, "interdoc")[0] == "done"
    assert (text(scene), scene.list_fixes()) == ("See new.py.\n", [""])


def test_by_default_nothing_is_written(scene: Scene) -> None:
    """The drift is told, and the dry run's answer is said before shipping."""
    scene.configure("interdoc", apply_fixes=False)
    scene.configure("interlock", reserve_on_drift=False)
    rename(scene)
    assert brief(scene.work()) == ["interdoc drift_detected"]
    scene.move(BEAD, "shipping", artifact=PLAN)
    (move,) = scene.work()
    assert scene.end_of(move, "interdoc")[0] == "degraded"
    assert "drift-fix.sh" in scene.list_advice()["interdoc"]
    assert (text(scene), scene.list_fixes()) == ("See old.py.\n", [])
