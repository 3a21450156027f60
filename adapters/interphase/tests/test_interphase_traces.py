"""What only sidebands and artifact headers tell."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from interhost_hookspecs import Draft, DriftDetected, PhaseTransition
from interhost_hookspecs.testing import EPOCH, FakeContext
from interhost_interphase.adapter import observe

NOW = int(EPOCH.timestamp())
STAMP = "2026-11-20T11:59:58Z"


def payload(phase: object = "planned", **keys: object) -> dict[str, object]:
    """What reference/modules/interphase.md, section 1.3, rows P7 and P8, shows."""
    return {"id": "iv-abc1", "phase": phase, "reason": "Plan: docs/plans/p.md", "ts": NOW - 2, **keys}


def sideband(ctx: FakeContext, session: str, content: dict[str, object]) -> None:
    """A file below interband's root, and what its reader makes of it."""
    ctx.sideband.root = ctx.home / ".interband"
    folder = ctx.sideband.root / "interphase" / "bead"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{session}.json").write_text(json.dumps({"version": "1.0.0", "payload": content}))
    ctx.sideband.files["interphase", "bead", session] = content


def legacy(ctx: FakeContext, session: str, text: str) -> Path:
    path = ctx.home / "tmp" / f"clavain-bead-{session}.json"
    path.write_text(text)
    return path


def header(ctx: FakeContext, phase: str, at: str = STAMP, file: str = "docs/plans/p.md") -> Path:
    path = ctx.projects[0] / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# Plan\n\n**Bead:** iv-abc1\n**Phase:** {phase} (as of {at})\n\nText.\n")
    return path


def telemetry(ctx: FakeContext, phase: str, reason: str = "Plan", at: str = STAMP) -> None:
    line = {"event": "phase_transition", "bead": "iv-abc1", "phase": phase, "reason": reason, "timestamp": at}
    ctx.new_lines[ctx.home / ".clavain" / "telemetry.jsonl"] = [json.dumps(line)]


def look(ctx: FakeContext) -> tuple[Draft, ...]:
    """One more look, which sees new telemetry and all files."""
    ctx.tails.clear()
    drafts = observe(ctx).drafts
    ctx.new_lines.clear()
    return drafts


def moves(drafts: tuple[Draft, ...]) -> list[tuple[str, str | None]]:
    """Phase and source of every transition."""
    return [(one.payload.to, one.source_hook) for one in drafts if isinstance(one.payload, PhaseTransition)]


def test_a_sideband_without_telemetry_is_a_move(machine: FakeContext) -> None:
    """Where the log was lost or nobody logged, the session's file is the only trace; it knows the session."""
    sideband(machine, "sess-0001", payload())
    [fact] = look(machine)
    assert fact == Draft(
        payload=PhaseTransition(
            to="planned", phase_model="interphase-8", canonical_to="planned", reason="Plan: docs/plans/p.md"
        ),
        context_id="iv-abc1",
        session_id="sess-0001",
        source_hook="interband:interphase/bead",
        occurred_at=EPOCH - timedelta(seconds=2),
        dedupe_key="interphase:iv-abc1:planned:2026-11-20T11:59:58Z",
    )


def test_the_older_sideband_has_phases_that_interband_refuses(machine: FakeContext) -> None:
    """After a move to ``reflect`` the new file still says what was before; the older one says where the bead is."""
    sideband(machine, "s1", payload("shipping", ts=NOW - 600))
    legacy(machine, "s1", json.dumps(payload("reflect")))
    assert moves(look(machine)) == [("shipping", "interband:interphase/bead"), ("reflect", "file:clavain-bead")]
    sideband(machine, "s1", payload("shipping", ts=NOW - 600))  # rewritten, and still before
    assert look(machine) == ()


def test_all_traces_of_one_move_are_one_fact(machine: FakeContext) -> None:
    """Telemetry, both sidebands and the header say the same; the telemetry tells it, and the next look nothing."""
    telemetry(machine, "planned")
    sideband(machine, "s1", payload())
    legacy(machine, "s1", json.dumps(payload()))
    header(machine, "planned")
    assert moves(look(machine)) == [("planned", "telemetry:phase_transition")]
    assert look(machine) == ()


def test_a_move_whose_line_is_held_back_is_not_told_by_its_traces(machine: FakeContext) -> None:
    """The first line waits for its second; meanwhile sideband and header are no news either."""
    telemetry(machine, "planned", at="2026-11-20T12:00:00Z")
    sideband(machine, "s1", payload(ts=NOW))
    header(machine, "planned", at="2026-11-20T12:00:00Z")
    assert look(machine) == ()


def test_our_own_move_is_told_by_none_of_its_traces(machine: FakeContext) -> None:
    """Loop guard: the telemetry's echo is known by its reason, and header and sidebands behind it are old news."""
    echo = "interbus:01K9ZZZZZZ0000000000000000"
    telemetry(machine, "plan-reviewed", reason=echo)
    header(machine, "plan-reviewed")
    sideband(machine, "s1", payload("plan-reviewed", reason=echo))
    legacy(machine, "s2", json.dumps(payload("executing", reason=echo, ts=NOW)))
    assert look(machine) == ()


def test_what_clavain_writes_into_the_sideband_is_clavains_to_tell(machine: FakeContext) -> None:
    """Its sprint-advance leaves the same file; the move is an event of the kernel and has its own owner."""
    sideband(machine, "s1", payload("executing", reason="sprint-advance"))
    assert look(machine) == ()


@pytest.mark.parametrize(
    "content",
    [
        payload(""),
        payload("(no phase state set)"),
        payload(7),
        payload(id="no bead"),
        payload(id=None),
        payload(ts="soon"),
        payload(ts=-1),
        payload(ts=1 << 70),
        payload(ts=NOW - 90_000),
        payload(ts=NOW + 3600),
        {},
    ],
)
def test_a_damaged_or_old_sideband_tells_nothing(machine: FakeContext, content: dict[str, object]) -> None:
    """Wrong types, no bead, no phase, yesterday's file or one from the future: nothing, and the next one counts."""
    sideband(machine, "s1", content)
    legacy(machine, "s2", json.dumps(content))
    sideband(machine, "s3", payload(id="iv-next"))
    assert [fact.context_id for fact in look(machine)] == ["iv-next"]


@pytest.mark.parametrize("text", ["", "{", "null", "[1]", "[" * 100_000, '{"id": "iv-abc1"', "\x00"])
def test_an_older_sideband_that_is_no_object_is_left_alone(machine: FakeContext, text: str) -> None:
    """Torn or foreign content stops nothing."""
    legacy(machine, "s1", text)
    assert look(machine) == ()


def test_only_a_file_of_the_user_counts_in_the_temporary_directory(machine: FakeContext, tmp_path: Path) -> None:
    """Everybody may write there: a link to elsewhere is not believed."""
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text(json.dumps(payload()))
    (machine.home / "tmp" / "clavain-bead-s1.json").symlink_to(elsewhere)
    assert look(machine) == ()


def test_without_a_sideband_root_nothing_is_looked_for(machine: FakeContext) -> None:
    """An INTERBAND_ROOT that is no absolute path leaves the other sources."""
    header(machine, "planned")
    assert moves(look(machine)) == [("planned", "file:header")]


# Headers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["docs/plans/p.md", "docs/plans/2026/deep.md", "docs/brainstorms/b.md"])
def test_a_header_that_bd_confirms_is_a_move(machine: FakeContext, file: str) -> None:
    """The file has project and artifact, which no other source has; bd says the same phase."""
    path = header(machine, "planned", file=file)
    [fact] = look(machine)
    assert isinstance(fact.payload, PhaseTransition)
    assert (fact.artifact_path, fact.project_dir, fact.source_hook) == (path, machine.projects[0], "file:header")
    assert (fact.context_id, fact.occurred_at) == ("iv-abc1", datetime(2026, 11, 20, 11, 59, 58, tzinfo=UTC))


def test_a_header_that_bd_contradicts_is_drift(machine: FakeContext) -> None:
    """advance_phase ends well although bd failed: the document says executing, the bead is in planned."""
    path = header(machine, "executing")
    [fact] = look(machine)
    assert isinstance(fact.payload, DriftDetected)
    assert (fact.payload.kind, fact.payload.expected, fact.payload.actual) == ("phase_desync", "planned", "executing")
    assert (fact.artifact_path, fact.source_hook) == (path, "file:header")
    assert fact.dedupe_key == "interphase:desync:iv-abc1:planned:executing:2026-11-20"


@pytest.mark.parametrize("trouble", ["no bd", "no phase", "hangs"])
def test_a_header_stands_alone_where_bd_says_nothing(machine: FakeContext, trouble: str) -> None:
    """Without bd, or without a phase there, nothing contradicts the document."""
    beads = machine.projects[0] / ".beads"
    if trouble == "no bd":
        del machine.commands["bd"]
    elif trouble == "no phase":
        (beads / "iv-abc1" / "phase").unlink()
    else:
        (beads / "hangs").touch()
    header(machine, "executing")
    assert moves(look(machine)) == [("executing", "file:header")]


@pytest.mark.parametrize(
    "text",
    [
        "**Bead:** iv-abc1\n**Phase:** planned\n",
        "**Bead:** iv-abc1\n**Phase:** planned (as of yesterday)\n",
        "**Phase:** planned (as of 2026-11-20T11:59:58Z)\n",
        "**Bead:** iv-abc1\n**Phase:** planned (as of 2026-11-18T11:59:58Z)\n",
        "**Bead:** iv-abc1\n**Phase:** \xff (as of 2026-11-20T11:59:58Z)\n",
    ],
    ids=["no time", "no date", "no bead", "history that a checkout brought", "not ASCII"],
)
def test_a_header_that_proves_nothing_tells_nothing(machine: FakeContext, text: str) -> None:
    """Only a whole header of interphase that is less than a day old is a move."""
    (machine.projects[0] / "docs" / "plans" / "p.md").write_bytes(text.encode("latin-1"))
    assert look(machine) == ()


def test_a_header_of_a_dotted_bead_keeps_its_dots(machine: FakeContext) -> None:
    """Interphase's own pattern would cut the id of a child bead short."""
    path = header(machine, "planned")
    path.write_text(path.read_text().replace("iv-abc1", "Sylveste-og7m.2.1"))
    assert [fact.context_id for fact in look(machine)] == ["Sylveste-og7m.2.1"]


def test_other_folders_have_no_headers(machine: FakeContext) -> None:
    """PRDs get none from interphase, and the file of another tool is not its own."""
    (machine.projects[0] / "docs" / "plans" / "p.md").unlink()
    header(machine, "planned", file="docs/prds/p.md")
    assert look(machine) == ()
