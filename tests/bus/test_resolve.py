"""What a fact is about, when its producer does not say: first hit wins.

The stand-in for ``ic`` answers as reference/cli-contracts.md documents it, by these runs of the real program:

* section 1.3, ``ic --json run current``: found, exit 0,
  ``{"found":true,"goal":"Add event mesh","id":"w46pk7wf","phase":"brainstorm"}``; none, exit 1, ``{"found":false}``;
  a database error, exit 2, nothing on standard output.
* section 1.5, ``ic --json run status ID``: exit 0 and one object with ``id``, ``project_dir``, ``goal``, ``status``,
  ``phase`` and more, ``scope_id`` among them only when it is set; an unknown run, exit 1 and no output.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from interhost.bus import resolve
from interhost.bus.resolve import find_bead, resolve_context, session_of

CURRENT = '{"found":true,"goal":"Add event mesh","id":"w46pk7wf","phase":"brainstorm"}'
STATUS = (
    '{"auto_advance":true,"complexity":3,"created_at":1795170949,"force_full":false,"goal":"Add event mesh",'
    '"id":"w46pk7wf","phase":"brainstorm","project_dir":"PROJECT","scope_id":"iv-kern.1","status":"active",'
    '"updated_at":1795170949}'
)


class Scene:
    """A home, a project with an artifact, and a PATH that holds nothing but what a test puts there."""

    def __init__(self, base: Path) -> None:
        self.home = base / "home"
        self.project = self.home / "widgets"
        self.programs = base / "programs"
        self.artifact = self.project / "docs" / "plan.md"
        self.calls = base / "calls"
        for directory in (self.project / ".git", self.artifact.parent, self.programs):
            directory.mkdir(parents=True)
        self.artifact.write_text("# Plan\n\n**Bead:** iv-file\n")
        self.environ: dict[str, str] = {"PATH": str(self.programs), "HOME": str(self.home)}

    def sideband(self, session: str, payload: Mapping[str, object], root: Path | None = None) -> None:
        """The file that clavain-cli writes (section 5.4 of the contracts)."""
        folder = (root or self.home / ".interband") / "interphase" / "bead"
        folder.mkdir(parents=True)
        envelope = {"version": "1.0.0", "namespace": "interphase", "type": "bead_phase", "session_id": session}
        (folder / f"{session}.json").write_text(json.dumps({**envelope, "payload": payload}))

    def kernel(self, *, current: str = CURRENT, status: str = STATUS, first: str = ":", database: bool = True) -> None:
        """Put an ``ic`` on the PATH that notes how it was called and answers as documented."""
        if database:
            (self.project / ".clavain").mkdir()
            (self.project / ".clavain" / "intercore.db").touch()
        program = self.programs / "ic"
        program.write_text(f"""#!/bin/sh
echo "$PWD $*" >> '{self.calls}'
{first}
while case "$1" in --*) true;; *) false;; esac; do shift; done
case "$1 $2" in
  'run current') answer='{current}'; missing=1 ;;
  'run status') [ "$3" = w46pk7wf ] && answer='{status}'; missing=1 ;;
  *) exit 3 ;;
esac
[ -n "$answer" ] && echo "$answer"
case "$answer" in ''|*'"found":false'*) exit $missing ;; esac
""")
        program.chmod(0o755)

    def resolve(self, session: str | None = None, artifact: Path | None = None, project: Path | None = None) -> str:
        return resolve_context(
            artifact=artifact,
            project=project or self.project,
            session_id=session,
            environ=self.environ,
            home=self.home,
        )


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


# The order ------------------------------------------------------------------------------------------------------------


def test_the_first_hit_wins_step_by_step(scene: Scene) -> None:
    """Environment, then sideband, then artifact, then kernel, then project: each counts once those before are gone."""
    scene.environ["CLAVAIN_BEAD_ID"] = "iv-env"
    scene.sideband("s1", {"id": "iv-side", "phase": "brainstorm"})
    scene.kernel()
    steps: list[tuple[str, Callable[[], object]]] = [
        ("iv-env", lambda: scene.environ.pop("CLAVAIN_BEAD_ID")),
        ("iv-side", (scene.home / ".interband/interphase/bead/s1.json").unlink),
        ("iv-file", lambda: scene.artifact.write_text("# Plan\n")),
        ("iv-kern.1", (scene.programs / "ic").unlink),
        ("project:widgets", lambda: None),
    ]
    for expected, remove in steps:
        assert scene.resolve("s1", scene.artifact) == expected
        remove()


def test_a_later_source_is_not_asked_once_one_has_answered(scene: Scene) -> None:
    """No program is run where the environment says it all."""
    scene.kernel()
    scene.environ["CLAVAIN_BEAD_ID"] = "iv-env"
    assert scene.resolve("s1", scene.artifact) == "iv-env"
    assert not scene.calls.exists()


@pytest.mark.parametrize("bead", ["iv-a3izq", "iv-a3izq.1", "iv-a3izq.1.22", "Demarch-x9", "a_b2-7"])
def test_ids_of_child_beads_are_beads(scene: Scene, bead: str) -> None:
    """Dots included, wherever the id comes from."""
    scene.environ["CLAVAIN_BEAD_ID"] = bead
    assert scene.resolve() == bead
    del scene.environ["CLAVAIN_BEAD_ID"]
    scene.artifact.write_text(f"**Bead:** {bead}\n")
    assert scene.resolve(artifact=scene.artifact) == bead
    scene.sideband("s1", {"id": bead})
    assert scene.resolve("s1") == bead


@pytest.mark.parametrize(
    "text", ["", "none", "iv", "iv-", "-x", "1v-a", "iv-a b", "iv-a.", "iv-a.x", "iv-a\n", "iv-a;rm"]
)
def test_what_is_no_bead_is_passed_over(scene: Scene, text: str) -> None:
    """A variable or sideband that holds something else does not make a context of it."""
    scene.environ["CLAVAIN_BEAD_ID"] = text
    scene.sideband("s1", {"id": text})
    assert scene.resolve("s1") == "project:widgets"


# The session ----------------------------------------------------------------------------------------------------------


def test_the_sideband_is_that_of_the_session_only(scene: Scene) -> None:
    """Another session's bead, or a draft about no session, is not answered from it."""
    scene.sideband("s1", {"id": "iv-side"})
    assert scene.resolve("s1") == "iv-side"
    assert scene.resolve("s2") == "project:widgets"
    assert scene.resolve(None) == "project:widgets"


def test_the_sideband_root_can_be_set(scene: Scene, tmp_path: Path) -> None:
    """To an absolute path; a relative one means no sideband at all."""
    scene.sideband("s1", {"id": "iv-else"}, tmp_path / "elsewhere")
    scene.environ["INTERBAND_ROOT"] = str(tmp_path / "elsewhere")
    assert scene.resolve("s1") == "iv-else"
    scene.environ["INTERBAND_ROOT"] = "elsewhere"
    assert scene.resolve("s1") == "project:widgets"


def test_a_session_key_cannot_leave_its_folder(scene: Scene) -> None:
    """Its odd characters become underscores, as the sideband's writers do it."""
    scene.sideband(".._.._x", {"id": "iv-side"})
    assert scene.resolve("../../x") == "iv-side"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version":"2.0.0","payload":{"id":"iv-side"}}', '{"payload":{"id":"iv-side"}}',
     '{"version":"1.0.0","payload":"iv-side"}', '{"version":"1.0.0","payload":{"id":7}}', "[" * 100_000, "\xff"],
)  # fmt: skip
def test_a_sideband_file_that_is_not_understood_is_passed_over(scene: Scene, text: str) -> None:
    """Torn, of another version or of another shape: the next source is asked."""
    scene.sideband("s1", {})
    (scene.home / ".interband/interphase/bead/s1.json").write_bytes(text.encode("latin-1"))
    assert scene.resolve("s1") == "project:widgets"


@pytest.mark.parametrize(
    ("environ", "session"),
    [
        ({}, None),
        ({"CLAUDE_SESSION_ID": ""}, None),
        ({"CLAUDE_CODE_SESSION_ID": "b"}, "b"),
        ({"CLAUDE_SESSION_ID": "", "CLAUDE_CODE_SESSION_ID": "b"}, "b"),
        ({"CLAUDE_SESSION_ID": "a", "CLAUDE_CODE_SESSION_ID": "b"}, "a"),
    ],
    ids=str,
)
def test_the_session_is_named_by_the_agents_variables(environ: dict[str, str], session: str | None) -> None:
    """The specification's name first, then the one that is really set."""
    assert session_of(environ) == session


# The artifact ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "bead"),
    [
        ("**Bead:** iv-a1", "iv-a1"),
        ("**Bead**: iv-a1", "iv-a1"),
        ("Bead: iv-a1", "iv-a1"),
        ("  **Bead:**   `iv-a1`  ", "iv-a1"),
        ("**Bead:** iv-a1 (the second try)", "iv-a1"),
        ("**Bead:** iv-a1.2.", "iv-a1.2"),
        ("# T\r\n\r\n**Bead:** iv-a1\r\n**Phase:** plan", "iv-a1"),
        ("---\nBead: iv-a1\n---\n**Bead:** iv-b2", "iv-a1"),
        ("\xff\xfe binary\n**Bead:** iv-a1", "iv-a1"),
        ("see **Bead:** iv-a1", None),
        ("**Beads:** iv-a1", None),
        ("**Bead:** none", None),
        ("**Bead:**\nwell-known words", None),
        ("**Bead:**\n\n- follow-up", None),
        ("**Bead:** one-two-three", None),
        ("**Bead:** iv-a1_b", None),
        ("", None),
        ("x" * 65_536 + "\n**Bead:** iv-a1", None),
    ],
)
def test_the_bead_line_of_a_text(tmp_path: Path, text: str, bead: str | None) -> None:
    """At the start of a line, within the first 64 KiB, the whole id or none at all."""
    path = tmp_path / "plan.md"
    path.write_bytes(text.encode("latin-1"))
    assert find_bead(path) == bead


def test_an_artifact_that_cannot_be_read_names_no_bead(scene: Scene) -> None:
    """A missing file, a folder and an impossible name are no errors here."""
    for path in (scene.project / "missing", scene.project, Path("a\0b")):
        assert find_bead(path) is None
        assert scene.resolve(artifact=path) == "project:widgets"


# The kernel -----------------------------------------------------------------------------------------------------------


def test_the_kernel_is_asked_in_the_project(scene: Scene) -> None:
    """In its directory and without ``--project``: that is the form in which the real one finds the run."""
    scene.kernel()
    assert scene.resolve() == "iv-kern.1"
    assert scene.calls.read_text().splitlines() == [
        f"{scene.project} --json --timeout=1s run current",
        f"{scene.project} --json --timeout=1s run status w46pk7wf",
    ]


def test_the_kernel_is_not_run_where_it_has_no_database(scene: Scene) -> None:
    """Any command of it would create an empty one."""
    scene.kernel(database=False)
    assert scene.resolve() == "project:widgets"
    assert not scene.calls.exists()


def test_without_the_program_the_project_answers(scene: Scene) -> None:
    """A database whose kernel was removed, or cannot be run, is no error."""
    scene.kernel()
    (scene.programs / "ic").chmod(0o644)
    assert scene.resolve() == "project:widgets"
    (scene.programs / "ic").unlink()
    assert scene.resolve() == "project:widgets"
    del scene.environ["PATH"]
    assert scene.resolve() == "project:widgets"


@pytest.mark.parametrize(
    "answers",
    [
        {"current": '{"found":false}'},
        {"first": "exit 2"},
        {"first": "echo not json"},
        {"first": "echo [1]; exit 0"},
        {"current": '{"found":true,"id":7}'},
        {"current": '{"found":true,"id":"unknown0"}'},
        {"status": STATUS.replace('"scope_id":"iv-kern.1",', "")},
        {"status": STATUS.replace("iv-kern.1", "a whole sentence")},
    ],
    ids=str,
)
def test_a_kernel_without_a_bead_passes_on(scene: Scene, answers: dict[str, str]) -> None:
    """No run, a database error, an unknown run, a run without scope, or any other answer."""
    scene.kernel(**answers)  # type: ignore[arg-type]  # a table of keyword arguments
    assert scene.resolve() == "project:widgets"
    assert scene.calls.exists()


def test_a_hung_kernel_costs_its_deadline_and_no_more(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Children that keep its output open do not prolong it, and it is not asked a second time."""
    monkeypatch.setattr(resolve, "_IC_SECONDS", 0.2)
    scene.environ["PATH"] += os.pathsep + os.defpath
    scene.kernel(first="sleep 60 & sleep 60")
    started = time.monotonic()
    assert scene.resolve() == "project:widgets"
    assert time.monotonic() - started < 3
    assert len(scene.calls.read_text().splitlines()) == 1


# The project ----------------------------------------------------------------------------------------------------------


def test_the_project_is_named_by_its_git_root(scene: Scene) -> None:
    """From any folder below it, for worktrees whose ``.git`` is a file, and by its own name outside of git."""
    assert scene.resolve(project=scene.artifact.parent) == "project:widgets"
    worktree, plain = scene.home / "tree", scene.home / "plain" / "folder"
    (worktree / "deep").mkdir(parents=True)
    (worktree / ".git").write_text("gitdir: elsewhere\n")
    plain.mkdir(parents=True)
    assert scene.resolve(project=worktree / "deep") == "project:tree"
    assert scene.resolve(project=plain) == "project:folder"
    assert scene.resolve(project=Path("/")) == "project:root"
