"""Scans before work ships, recorded refreshes, and requests for one; against programs that answer as the real ones."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import evolve
from interhost_hookspecs import (
    ArtifactReady,
    Change,
    Completed,
    DriftDetected,
    Outcome,
    OutcomeKind,
    PhaseTransition,
    ReleaseState,
    ReleaseStatus,
)
from interhost_hookspecs.testing import make_intent, make_request, payloads
from interhost_interwatch import adapter
from interhost_interwatch.report import REPORT
from interhost_interwatch.traces import BASELINES

from .conftest import watchable

if TYPE_CHECKING:
    from .conftest import Repository

DONE, SKIPPED, DEGRADED, FAILED = OutcomeKind.DONE, OutcomeKind.SKIPPED, OutcomeKind.DEGRADED, OutcomeKind.FAILED
SHIPPING = PhaseTransition(to="shipping", phase_model="interphase-8")


def ship(repository: Repository, payload: PhaseTransition = SHIPPING) -> Outcome | None:
    """What comes of a move in the project."""
    return adapter.on_phase_transition(make_intent(payload, project_dir=repository.path), repository.ctx)


def write(repository: Repository, name: str = "docs/roadmap.md", change: Change | None = None) -> Outcome | None:
    """What comes of a document that was written."""
    intent = make_intent(
        ArtifactReady(kind="doc", change=change), artifact_path=repository.path / name, project_dir=repository.path
    )
    return adapter.on_artifact_ready(
        evolve(intent, producer="interpath", occurred_at=datetime.now(UTC)), repository.ctx
    )


def drift(repository: Repository, name: str = "docs/roadmap.md", kind: str = "doc") -> Outcome | None:
    """What comes of a drift that interdoc found."""
    intent = make_intent(DriftDetected(kind=kind), artifact_path=repository.path / name, project_dir=repository.path)
    return adapter.on_drift_detected(evolve(intent, producer="interdoc"), repository.ctx)


def release(repository: Repository, payload: ReleaseStatus, text: str = "{}") -> Outcome | None:
    """What comes of a release of the project."""
    intent = evolve(make_intent(payload, project_dir=repository.path), payload_text=text)
    return adapter.on_release_status(intent, repository.ctx)


def outcome(answer: Outcome | None) -> tuple[OutcomeKind, str] | None:
    return (answer.kind, answer.reason) if answer else None


# Scanning -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["shipping", "polish", "done"])
def test_documents_are_scanned_before_work_ships(repository: Repository, phase: str) -> None:
    """What drifted is told, what did not is not; nothing is saved, and nobody is asked on the network."""
    repository.watch(roadmap=watchable("High"), readme=watchable("Green", "README.md"))
    answer = ship(repository, PhaseTransition(to=phase, phase_model="ic-9"))
    assert outcome(answer) == (DONE, "scanned 2 documents, told 1")
    (fact,) = repository.ctx.drafts
    assert isinstance(fact.payload, DriftDetected)
    assert (fact.payload.tier, fact.source_hook) == ("High", "cli:interwatch-scan")
    assert fact.artifact_path == repository.path / "docs/roadmap.md"
    assert repository.calls == [["1"]]
    assert not (repository.path / REPORT).exists()


@pytest.mark.parametrize("phase", ["planned", "executing", "reflect", "invented"])
def test_other_moves_are_none_of_its_business(repository: Repository, phase: str) -> None:
    """Nothing is run."""
    assert ship(repository, PhaseTransition(to=phase, phase_model="x")) is None
    assert repository.calls == []


@pytest.mark.parametrize(
    ("state", "scans"), [(ReleaseState.PUBLISHED, True), (ReleaseState.SYNCED, True), (ReleaseState.PREPARED, False)]
)
def test_documents_are_scanned_after_a_release(repository: Repository, state: ReleaseState, scans: bool) -> None:
    """A version was bumped: that is what makes documents wrong."""
    repository.watch()
    answer = release(repository, ReleaseStatus(state=state))
    assert outcome(answer) == ((DONE, "scanned 0 documents, told 0") if scans else None)


def test_two_scans_that_save_nothing_find_the_same(repository: Repository) -> None:
    """It is told once; so does the file that interwatch saves later."""
    repository.watch(roadmap=watchable("High"))
    ship(repository)
    repository.ctx.sleep(601)
    assert outcome(ship(repository)) == (DONE, "scanned 1 documents, told 0")
    repository.save(roadmap=watchable("High"))
    assert adapter.observe(repository.ctx).drafts == ()
    repository.watch(roadmap=watchable("Green"))
    repository.ctx.sleep(601)
    assert outcome(ship(repository)) == (DONE, "scanned 1 documents, told 1")


def test_a_burst_of_moves_is_one_scan(repository: Repository) -> None:
    """Within ten minutes, each project for itself."""
    repository.watch()
    ship(repository)
    assert outcome(ship(repository)) == (SKIPPED, "scanned less than ten minutes ago")
    assert len(repository.calls) == 1


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ("no-yaml", (SKIPPED, "no scan: Error: PyYAML required: pip install pyyaml")),
        ("bad-yaml", (FAILED, "no scan: ValueError: mapping values are not allowed here")),
        ("hangs", (FAILED, "no scan: python3: timed out after 60 s")),
        ("babbles", (FAILED, "no scan: it printed no report")),
    ],
)
def test_a_scan_that_fails_says_why_and_forgets_nothing(
    repository: Repository, mark: str, expected: tuple[OutcomeKind, str]
) -> None:
    """The next one is compared with what was known before."""
    repository.watch(roadmap=watchable("High"))
    ship(repository)
    repository.ctx.sleep(601)
    (repository.home / mark).touch()
    assert outcome(ship(repository)) == expected
    (repository.home / mark).unlink()
    repository.ctx.sleep(601)
    assert outcome(ship(repository)) == (DONE, "scanned 1 documents, told 0")


def test_a_project_without_a_list_of_documents_is_not_scanned(repository: Repository) -> None:
    """That is not a failure; the reason says what would set the list up."""
    reason = "no scan: Error: no watchables.yaml found; discover_watchables would set them up"
    assert outcome(ship(repository)) == (SKIPPED, reason)


def test_the_list_is_set_up_where_the_user_wants_it(repository: Repository) -> None:
    """Once, and then it is scanned."""
    repository.ctx.config = {"discover_watchables": True}
    assert outcome(ship(repository)) == (DONE, "scanned 0 documents, told 0")
    assert repository.calls == [["1"], ["--discover-only", "1"], ["1"]]


def test_a_scan_is_saved_where_the_user_wants_it_and_not_often(repository: Repository) -> None:
    """Saving resets what is counted, so a young saved scan is left alone; ``--check`` is never used."""
    repository.ctx.config = {"save_state": True, "allow_network": True}
    repository.watch(roadmap=watchable("High"))
    repository.ctx.clock = datetime.now(UTC)
    ship(repository)
    repository.ctx.sleep(601)
    os.utime(repository.path / REPORT, (repository.ctx.clock.timestamp() - 599,) * 2)
    ship(repository)
    assert repository.calls == [["--save-state", ""], [""]]
    assert json.loads((repository.path / REPORT).read_text())["watchables"].keys() == {"roadmap"}


def test_a_scan_outside_of_git_is_less_than_one(repository: Repository) -> None:
    """No commit counts there: Green would be no news, and the outcome says so."""
    (repository.path / ".git").rmdir()
    repository.watch(roadmap=watchable("Green"), readme=watchable("High", "README.md"))
    answer = ship(repository)
    assert answer is not None
    assert answer.kind is DEGRADED
    assert answer.reason.endswith("is no git repository, so no commit counts")
    assert len(repository.ctx.drafts) == 1


def test_what_is_missing_is_skipped(repository: Repository, tmp_path: Path) -> None:
    """Python, the scripts of an older version, the module, the project, the wish."""
    repository.watch()
    repository.ctx.commands = {}
    assert outcome(ship(repository)) == (SKIPPED, "python3 is not installed")
    (tmp_path / "inter watch" / "scripts" / "interwatch-scan.py").unlink()
    assert outcome(ship(repository)) == (SKIPPED, "interwatch is not installed")
    repository.ctx.root = None
    assert outcome(ship(repository)) == (SKIPPED, "interwatch is not installed")
    repository.path = tmp_path / "gone"
    assert outcome(ship(repository)) == (SKIPPED, f"there is no project to scan: {tmp_path / 'gone'}")
    repository.ctx.config = {"scan": False}
    assert outcome(ship(repository)) == (SKIPPED, "scan is off")


# Recording refreshes --------------------------------------------------------------------------------------------------


@pytest.fixture
def recording(repository: Repository) -> Repository:
    """A watched roadmap, and a user who wants refreshes to be recorded."""
    repository.watch(roadmap=watchable())
    repository.save(roadmap=watchable())
    repository.ctx.config = {"record_refreshes": True}
    return repository


def test_recording_is_off_by_default(repository: Repository) -> None:
    """It writes into the project, and resets what interwatch counts from."""
    repository.save(roadmap=watchable())
    assert outcome(write(repository)) == (SKIPPED, "record_refreshes is off")
    assert repository.calls == []


def test_a_document_that_was_written_is_recorded(recording: Repository) -> None:
    """By its name; the baselines tell it, and nothing tells it twice."""
    assert outcome(write(recording)) == (DONE, "recorded: roadmap refreshed")
    assert recording.calls == [["--record-refresh", "roadmap", "1"]]
    assert recording.ctx.drafts == []
    assert ArtifactReady(kind="doc", title="roadmap", change=Change.UPDATED) in payloads(
        adapter.observe(recording.ctx).drafts
    )


def test_a_refresh_that_changed_nothing_is_called_so(recording: Repository) -> None:
    """In interwatch's own words."""
    write(recording)
    recording.ctx.effects.clear()
    assert outcome(write(recording)) == (DONE, "recorded: roadmap no-op")


@pytest.mark.parametrize("name", ["docs/other.md", "docs/roadmap.md/x", "x" * 5000, "a\0b"])
def test_a_name_that_nobody_watches_is_never_recorded(recording: Repository, name: str) -> None:
    """The script would take it, with an empty digest."""
    assert write(recording, name) is None
    assert recording.calls == []


def test_a_name_of_an_older_scan_does_not_count(recording: Repository) -> None:
    """It may not be watched any more."""
    adapter.observe(recording.ctx)
    recording.save(readme=watchable(path="README.md"))
    adapter.observe(recording.ctx)
    assert write(recording) is None


@pytest.mark.parametrize("name", ["--config=x", "-x", "a b", "a;b", "$(x)", "a\nb", "é"])
def test_a_name_that_could_be_something_else_is_no_argument(recording: Repository, name: str) -> None:
    """Neither an option, nor several words of a slash command."""
    text = json.dumps({"scan_date": "2026-11-20T10:32:34", "watchables": {name: watchable()}})
    recording.write(REPORT, text)
    assert (write(recording), drift(recording)) == (None, None)
    assert recording.calls == []


def test_a_removed_document_is_no_refresh(recording: Repository) -> None:
    """Nothing is recorded about what is gone."""
    assert write(recording, change=Change.REMOVED) is None


def test_a_repeated_attempt_asks_the_baselines(recording: Repository) -> None:
    """The first one died after it had recorded: it is not done again. One that died before is."""
    recording.ctx.effects = {"record-roadmap"}
    assert outcome(write(recording)) == (DONE, "recorded: roadmap refreshed")
    assert outcome(write(recording)) == (DONE, "recorded: roadmap by an earlier attempt")
    assert len(recording.calls) == 1
    recording.write(BASELINES, json.dumps({"baselines": {"roadmap": {"refreshed_at": "2026-11-20T10:32:34"}}}))
    assert outcome(write(recording)) == (DONE, "recorded: roadmap refreshed")


def test_one_file_may_have_two_names(recording: Repository) -> None:
    """Both are recorded, also through a link."""
    (recording.path / "docs" / "link.md").symlink_to(recording.path / "docs" / "roadmap.md")
    documents = {"roadmap": watchable(), "plan": watchable(path="docs/link.md")}
    recording.save(**documents)
    recording.watch(**documents)
    assert outcome(write(recording)) == (DONE, "recorded: roadmap refreshed, plan refreshed")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Completed(argv=(), returncode=0, stdout='{"recorded_refresh": "roadmap", "content_hash": ""}'), FAILED),
        (Completed(argv=(), returncode=0, stdout="recorded"), FAILED),
        (Completed(argv=(), returncode=1, stderr="Traceback\nOSError: disk full\n"), FAILED),
        (Completed(argv=(), returncode=None, problem="timed out after 30 s"), FAILED),
        (Completed(argv=(), returncode=None, problem="not found", missing=True), SKIPPED),
    ],
)
def test_what_was_not_recorded_is_not_called_done(recording: Repository, answer: Completed, kind: OutcomeKind) -> None:
    """An older version, a full disk, a hung script, no Python."""
    recording.ctx.commands = {"python3": answer}
    found = write(recording)
    assert found is not None
    assert found.kind is kind


def test_without_the_module_nothing_is_recorded(recording: Repository) -> None:
    """It is skipped."""
    recording.ctx.root = None
    assert outcome(write(recording)) == (SKIPPED, "interwatch is not installed")


# Requesting a refresh -------------------------------------------------------------------------------------------------


def test_a_drift_that_somebody_else_found_leads_to_a_request(repository: Repository) -> None:
    """The document is made anew by a skill: the request has the command, and what to hold the document against."""
    repository.save(roadmap=watchable())
    answer = drift(repository)
    assert answer is not None
    assert answer.kind is DEGRADED
    ((kind, text, details),) = repository.ctx.requests
    assert kind == "refresh"
    assert "interdoc says that docs/roadmap.md drifted" in text
    assert "    /interwatch:refresh roadmap\n" in text
    assert text.endswith("Hold docs/roadmap.md against 3 commands.")
    assert details == {"command": "/interwatch:refresh roadmap", "watchable": "roadmap"}
    (advice,) = repository.ctx.advices
    assert "`/interwatch:refresh roadmap`" in advice.text
    assert advice.expires == repository.ctx.now() + timedelta(hours=24)


def test_a_request_needs_no_audit(repository: Repository, tmp_path: Path) -> None:
    """An older version has no such script; a missing document cannot be audited."""
    repository.save(roadmap=watchable(path="docs/gone.md"))
    drift(repository, "docs/gone.md")
    (tmp_path / "inter watch" / "scripts" / "interwatch-audit.py").unlink()
    drift(repository, "docs/gone.md")
    for _, text, _ in repository.ctx.requests:
        assert text.endswith("It is closed when interwatch records the refresh.\n")


def test_a_document_is_requested_once(repository: Repository) -> None:
    """As long as the request is open; the same delivery may write it again."""
    repository.save(roadmap=watchable())
    open_request = make_request(repository.path / "docs/roadmap.md", repository.path, kind="refresh", event_id="other")
    repository.ctx.waiting = [open_request]
    assert outcome(drift(repository)) == (SKIPPED, f"already requested: {open_request.path}")
    own = make_intent(DriftDetected(kind="doc")).event_id
    repository.ctx.waiting = [evolve(open_request, details={"event_id": own})]
    assert (answer := drift(repository)) is not None
    assert answer.kind is DEGRADED


def test_other_drifts_are_none_of_its_business(repository: Repository) -> None:
    """Other kinds, other documents, and what it told itself that asks for nothing."""
    repository.save(roadmap=watchable())
    assert drift(repository, kind="phase_desync") is None
    assert drift(repository, kind="doc_tier") is None
    assert drift(repository, "docs/other.md") is None
    assert adapter.on_drift_detected(make_intent(DriftDetected(kind="doc")), repository.ctx) is None


def test_nothing_is_requested_in_vain(repository: Repository, tmp_path: Path) -> None:
    """Without the module, or against the user's wish."""
    repository.save(roadmap=watchable())
    repository.ctx.config = {"request_refreshes": False}
    assert outcome(drift(repository)) == (SKIPPED, "request_refreshes is off")
    repository.ctx.config, repository.ctx.root = {}, None
    assert outcome(drift(repository)) == (SKIPPED, "interwatch is not installed")
    repository.path = tmp_path / "a\nb"
    repository.save(roadmap=watchable())
    assert outcome(drift(repository)) == (SKIPPED, "the project's path holds control characters")
    assert repository.ctx.requests == []


# Deployments ----------------------------------------------------------------------------------------------------------

DEPLOYED = ReleaseStatus(state=ReleaseState.PUBLISHED, stated_state="deployed")
SHA = '{"state": "published", "sha": "0123abc"}'


def test_a_deployment_is_recorded_where_the_user_wants_it(repository: Repository, tmp_path: Path) -> None:
    """As a whole file that only interwatch reads; a link is replaced and not followed."""
    repository.watch()
    assert outcome(release(repository, DEPLOYED, SHA)) == (SKIPPED, "record_deployments is off")
    repository.ctx.config = {"record_deployments": True}
    target = repository.home / "deploy-state.json"
    target.symlink_to(tmp_path / "elsewhere")
    assert outcome(release(repository, DEPLOYED, SHA)) == (DONE, "recorded that 0123abc is deployed")
    assert json.loads(target.read_text()) == {"sha": "0123abc"}
    assert not (tmp_path / "elsewhere").exists()
    assert [path.name for path in repository.home.iterdir() if path.name.startswith(".")] == []


def test_a_deployment_that_cannot_be_recorded_says_why(repository: Repository, tmp_path: Path) -> None:
    """No commit, no folder, a folder that leads elsewhere, one that cannot be written."""
    repository.ctx.config = {"record_deployments": True}
    assert outcome(release(repository, DEPLOYED, '{"sha": "$(touch x)"}')) == (SKIPPED, "the release names no commit")
    no_folder = (SKIPPED, "the project has no .interwatch folder of its own")
    assert outcome(release(repository, DEPLOYED, SHA)) == no_folder
    (tmp_path / "elsewhere").mkdir()
    repository.home.symlink_to(tmp_path / "elsewhere")
    assert outcome(release(repository, DEPLOYED, SHA)) == no_folder
    repository.home.unlink()
    (repository.home / "deploy-state.json" / "x").mkdir(parents=True)
    answer = release(repository, DEPLOYED, SHA)
    assert answer is not None
    assert answer.kind is FAILED
    assert [path.name for path in repository.home.iterdir()] == ["deploy-state.json"]
