"""A document that falls behind, through the real host: seen after a commit, mended on request, and never twice.

The stand-ins are those of the flows across modules.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.flow_kit import FIX, UPDATES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Shell

DRIFT = '{"kind": "doc", "signal": "score", "detail": "it is at High drift"}'


class Desk:
    """A repository with a document that names a file, and interdoc."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.plugin = shell.home / "plugins" / "inter doc"
        for name, text in {"hooks/check-updates.sh": UPDATES, "scripts/drift-fix.sh": FIX}.items():
            (self.plugin / name).parent.mkdir(parents=True)
            (self.plugin / name).write_text(text)
        shell.enable("interdoc")
        shell.environ["INTERHOST_INTERDOC_ROOT"] = str(self.plugin)
        self.git("init", "-q")
        (shell.project / "AGENTS.md").write_text("See old.py.\n")
        (shell.project / "old.py").write_text("1\n")
        self.commit()

    def git(self, *words: str) -> None:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        subprocess.run(["git", *who, *words], cwd=self.shell.project, check=True, env=self.shell.environ)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "Work")

    def rename(self) -> None:
        self.git("mv", "old.py", "new.py")
        self.commit()

    def configure(self, text: str) -> None:
        (self.shell.root / "config.toml").write_text(f"[adapters.interdoc]\n{text}\n")

    def look(self) -> list[tuple[str, str | None, dict[str, Any]]]:
        """What one more run of the host puts on the bus: producer and intent, what was seen, and the payload."""
        before = len(self.shell.run("interbus", "replay").records)
        self.shell.run("interhost", "run", "--drain")
        records = self.shell.run("interbus", "replay").records[before:]
        return [(f"{one['producer']} {one['intent']}", one["source_hook"], one["payload"]) for one in records]

    def tell_drift(self) -> str:
        """A drift as interwatch would tell it."""
        path = str(self.shell.project / "AGENTS.md")
        return str(self.shell.publish("drift_detected", DRIFT, "--artifact", path)["event_id"])

    @property
    def text(self) -> str:
        return (self.shell.project / "AGENTS.md").read_text()

    @property
    def calls(self) -> list[str]:
        log: Path = self.plugin / "scripts" / "log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def desk(shell: Shell) -> Desk:
    """A host that has looked at the repository once."""
    desk = Desk(shell)
    shell.publish("notify", '{"text": "the host knows the project by this"}')
    assert desk.look() == []
    return desk


def test_a_commit_is_followed_once(desk: Desk) -> None:
    """Drift after the commit that caused it; nothing more until the next; the document's own commit ends it."""
    desk.rename()
    ((intent, source, payload),) = desk.look()
    assert (intent, source) == ("interdoc drift_detected@1.0", "cli:drift-fix.sh")
    assert payload == {
        "kind": "doc",
        "signal": "structural",
        "detail": "1 rename and 0 deletions since AGENTS.md was last changed",
    }
    assert desk.look() == []
    desk.commit()
    ((_, source, payload),) = desk.look()
    assert (source, payload["signal"], payload["commits_since"]) == ("cli:check-updates.sh", "commits", 2)
    (desk.shell.project / "AGENTS.md").write_text("See new.py.\n")
    assert [(intent, source) for intent, source, _ in desk.look()] == [
        ("interdoc artifact_ready@1.0", "file:AGENTS.md")
    ]
    desk.commit()
    assert [(intent, source) for intent, source, _ in desk.look()] == [("interdoc artifact_ready@1.0", "git:commit")]
    assert "documents" in desk.shell.run("interhost", "doctor").out


def test_drift_that_another_tells_is_advised(desk: Desk) -> None:
    """By default the repository stays as it is, and the session of the project hears what would help."""
    desk.rename()
    desk.look()
    event = desk.tell_drift()
    assert desk.look() == []
    trace = desk.shell.run("interbus", "trace", event).out
    assert "degraded" in trace
    assert desk.text == "See old.py.\n"
    document = {
        "hook_event_name": "UserPromptSubmit",
        "session_id": "s1",
        "cwd": str(desk.shell.project),
        "prompt": "x",
    }
    said = desk.shell.run("interhost", "hook", stdin=json.dumps(document)).out
    assert "/interdoc" in said
    assert "scripts/drift-fix.sh" in said


def test_drift_that_another_tells_is_mended_where_the_user_wants_it(desk: Desk) -> None:
    """The dry run, the fix, the fact with its cause; the change of the document is not told a second time."""
    desk.rename()
    desk.look()
    desk.configure("apply_fixes = true")
    event = desk.tell_drift()
    ((intent, source, _),) = desk.look()
    assert (intent, source) == ("interdoc artifact_ready@1.0", "cli:drift-fix.sh")
    record = desk.shell.run("interbus", "replay").records[-1]
    assert record["extensions"]["caused_by"] == event
    assert record["extensions"]["mode"] == "structural_fix"
    assert desk.text == "See new.py.\n"
    assert desk.calls[:3] == ["--dry-run", "--dry-run", ""]  # of the look, and of the reaction
    assert desk.look() == []
    desk.tell_drift()
    assert desk.look() == []  # the document has changes now
    assert desk.calls.count("") == 1


def test_drift_of_its_own_is_mended_where_the_user_wants_it(desk: Desk) -> None:
    """A commit, and the same look tells the drift and what was done about it."""
    desk.configure("apply_fixes = true")
    desk.rename()
    assert [(intent, source) for intent, source, _ in desk.look()] == [
        ("interdoc drift_detected@1.0", "cli:drift-fix.sh"),
        ("interdoc artifact_ready@1.0", "cli:drift-fix.sh"),
    ]
    assert desk.text == "See new.py.\n"
    assert desk.look() == []


def test_a_host_that_is_killed_after_the_fix_makes_no_second_one(desk: Desk) -> None:
    """The next host finds the changed document, and tells what the first could not."""
    desk.rename()
    desk.look()
    desk.configure("apply_fixes = true")
    event = desk.tell_drift()
    (desk.plugin / "scripts" / "fatal").touch()
    desk.shell.run("interhost", "run", "--drain", code=-9)
    assert desk.text == "See new.py.\n"
    desk.shell.change("UPDATE pending SET due = 0")
    told = desk.look()
    assert [intent for intent, _, _ in told] == ["interdoc artifact_ready@1.0"]
    assert desk.calls.count("") == 1
    assert "done" in desk.shell.run("interbus", "trace", event).out


def test_without_interdoc_the_host_counts(desk: Desk) -> None:
    """And the fact says that it did."""
    del desk.shell.environ["INTERHOST_INTERDOC_ROOT"]
    desk.configure("stale_commits = 2")
    desk.commit()
    desk.commit()
    ((_, source, payload),) = desk.look()
    assert (source, payload["detail"]) == (
        "git:log",
        "AGENTS.md is 2 commits behind (counted from git: interdoc is not installed)",
    )
