"""Documents that fall behind: what is told of it, how often, and what is run to find out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import DriftDetected, Severity
from interhost_hookspecs.testing import EPOCH, payloads

if TYPE_CHECKING:
    from interhost_hookspecs import Draft

    from .conftest import Machine


def drifts(drafts: tuple[Draft, ...]) -> list[tuple[str | None, str | None, str | None]]:
    """Signal, detail and source of every drift among some facts."""
    return [
        (draft.payload.signal, draft.payload.detail, draft.source_hook)
        for draft in drafts
        if isinstance(draft.payload, DriftDetected)
    ]


# What is told ---------------------------------------------------------------------------------------------------------


def test_a_document_behind_its_commits_is_told(machine: Machine) -> None:
    """Row D1: the script's reason and count, as a warning about the document, with the commit it was seen at."""
    for number in range(3):
        head = machine.commit({"a": str(number)})
    (draft,) = machine.look()
    assert draft.payload == DriftDetected(
        kind="doc", signal="commits", commits_since=3, detail="AGENTS.md is 3 commits behind"
    )
    assert (draft.artifact_path, draft.project_dir) == (machine.repo / "AGENTS.md", machine.repo)
    assert (draft.severity, draft.source_hook) == (Severity.WARN, "cli:check-updates.sh")
    assert draft.extensions == {"head": head}
    assert draft.context_id is None


@pytest.mark.parametrize(
    ("answer", "signal", "detail", "severity"),
    [
        ('{"action":"generate","reason":"no_agents_md"}', "no_agents_md", "there is no AGENTS.md", Severity.INFO),
        ('{"action":"update","reason":"uncommitted"}', "uncommitted", "AGENTS.md was never committed", Severity.WARN),
        (
            '{"action":"update","reason":"stale","days_since":40}',
            "stale",
            "AGENTS.md was last changed 40 days ago",
            Severity.WARN,
        ),
        (
            '{"action":"update","reason":"stale_shallow","days_since":40}',
            "stale_shallow",
            "AGENTS.md was last changed 40 days ago, as far as this shallow clone knows",
            Severity.WARN,
        ),
        (
            '{"action":"update","reason":"commits","commits_since":"20"}',
            "commits",
            "AGENTS.md is some commits behind",
            Severity.WARN,
        ),
        ('{"action":"update","reason":"{0.x} new"}', "{0.x} new", "{0.x} new", Severity.WARN),
    ],
)
def test_every_reason_is_told_in_words(
    machine: Machine, answer: str, signal: str, detail: str, severity: Severity
) -> None:
    """The reasons of row D1; a reason of a later version is told as it is spelled, and no number is made up."""
    machine.trouble(f"[[ $0 == */check-updates.sh ]] && {{ echo '{answer}'; exit 0; }}")
    machine.commit({"a": "1"})
    (draft,) = machine.look()
    assert drifts((draft,)) == [(signal, detail, "cli:check-updates.sh")]
    assert draft.severity is severity
    assert draft.extensions.get("days_since") == (40 if "days" in answer else None)


@pytest.mark.parametrize("answer", ['{"action":"update"}', "[]", "{}", "Update AGENTS.md", '{"reason": 7}', "\x00"])
def test_an_answer_without_a_reason_tells_nothing(machine: Machine, answer: str) -> None:
    """Neither drift nor its absence is guessed."""
    machine.trouble(f"[[ $0 == */check-updates.sh ]] && {{ echo '{answer}'; exit 0; }}")
    machine.commit({"a": "1"})
    assert machine.look() == ()


def test_files_that_moved_are_told(machine: Machine) -> None:
    """Row D3: renames and deletions, with new files beside them."""
    machine.git("mv", "src/api/handler.ts", "src/api/controller.ts")
    head = machine.commit({"src/core/worker.ts": None, "src/core/cache.ts": "3\n" * 9})
    structure, references = machine.look()
    assert structure.payload == DriftDetected(
        kind="doc", signal="structural", detail="1 rename and 1 deletion since AGENTS.md was last changed"
    )
    assert structure.extensions == {
        "head": head,
        "renames": [{"old": "src/api/handler.ts", "new": "src/api/controller.ts"}],
        "deletions": ["src/core/worker.ts"],
        "new_files": ["src/core/cache.ts"],
    }
    assert (structure.severity, structure.source_hook) == (Severity.WARN, "cli:drift-fix.sh")
    # Row D5: what the document refers to and is not there.
    assert drifts((references,)) == [
        ("stale_refs", "AGENTS.md has 2 references to what does not exist", "cli:stale-refs.sh")
    ]
    assert references.severity is Severity.INFO
    assert references.extensions["findings"] == [
        {"type": "stale_path", "path": path, "message": "Referenced file/directory does not exist"}
        for path in ("src/api/handler.ts", "src/core/worker.ts")
    ]


def test_new_files_alone_are_no_drift(machine: Machine) -> None:
    """What the document does not know it cannot name wrongly."""
    machine.commit({"src/core/cache.ts": "3\n"})
    assert machine.look() == ()


def test_dead_references_are_told_although_their_list_is_no_json(machine: Machine) -> None:
    """Row D5: a quoted word in a code block breaks the list; the exit status still says that there are some."""
    broken = '{"status":"stale","count":1,"findings":[{"type":"missing_command","command":""foo""}]}'
    machine.trouble(f"[[ $0 == */stale-refs.sh ]] && {{ echo '{broken}'; exit 1; }}")
    machine.commit({"a": "1"})
    (draft,) = machine.look()
    assert drifts((draft,)) == [
        ("stale_refs", "AGENTS.md has references that cannot be listed to what does not exist", "cli:stale-refs.sh")
    ]
    assert draft.extensions["findings"] == []


@pytest.mark.parametrize(
    "trouble",
    [
        '[[ $0 == */stale-refs.sh ]] && { echo "no such file" >&2; exit 2; }',
        "[[ $0 == */stale-refs.sh ]] && { echo oops; exit 1; }",
        "[[ $0 == */stale-refs.sh ]] && { echo oops; exit 0; }",
        '[[ $0 == */drift-fix.sh ]] && { echo \'{"error":"missing required command: awk"}\'; exit 1; }',
        "[[ $0 == */drift-fix.sh ]] && { echo '{\"renames\":7}'; exit 0; }",
        '[[ $0 == */drift-fix.sh ]] && { echo "mkdir: cannot create directory" >&2; exit 1; }',
    ],
)
def test_scripts_that_fail_tell_nothing_and_stop_nobody(machine: Machine, trouble: str) -> None:
    """What one script cannot say does not keep the others from being asked."""
    machine.trouble(trouble)
    for number in range(3):
        machine.commit({"a": str(number)})
    assert [signal for signal, _, _ in drifts(machine.look())] == ["commits"]
    assert len(machine.calls) == 3


def test_a_huge_change_keeps_the_fact_small(machine: Machine) -> None:
    """Of 120 renames the fact names 50, and says how many there are."""
    machine.commit({**{f"old/{n}": f"{n}\n" * 5 for n in range(120)}, "AGENTS.md": "# New\n"})
    machine.look()
    machine.git("mv", "old", "new")
    machine.commit({})
    (draft,) = machine.look()
    assert drifts((draft,))[0][1] == "120 renames and 0 deletions since AGENTS.md was last changed"
    renames = draft.extensions["renames"]
    assert isinstance(renames, list)
    assert len(renames) == 50


def test_names_that_are_no_text_are_left_out(machine: Machine) -> None:
    """Rows of a damaged answer are passed over, one by one."""
    answer = '{"renames":[{"old":"a","new":"b"},{"old":1},"x"],"deletions":[],"files_modified":[]}'
    machine.trouble(f"[[ $0 == */drift-fix.sh ]] && {{ echo '{answer}'; exit 0; }}")
    machine.commit({"a": "1"})
    (draft,) = machine.look()
    assert draft.extensions["renames"] == [{"old": "a", "new": "b"}]


# How often ------------------------------------------------------------------------------------------------------------


def test_the_first_look_is_silent(machine: Machine) -> None:
    """What had drifted before the adapter came is not news; with a backfill it is."""
    for number in range(3):
        machine.commit({"a": str(number)})
    machine.ctx.cursor.values.clear()
    assert machine.look() == ()
    machine.ctx.cursor.values.clear()
    machine.ctx.backfill = True
    assert [signal for signal, _, _ in drifts(machine.look())] == ["commits"]


def test_nothing_is_run_while_nothing_moved(machine: Machine) -> None:
    """A look at an unchanged repository starts no program, and stores no position anew."""
    machine.commit({"a": "1"})
    machine.look()
    machine.ctx.ran.clear()
    before = dict(machine.ctx.cursor.values)
    machine.look()
    machine.write("a", "another content of a file that is no document")
    machine.look()
    assert machine.ctx.ran == []
    assert machine.ctx.cursor.values == before


def test_a_change_of_the_index_alone_asks_one_script(machine: Machine) -> None:
    """Only the staleness depends on it; the others follow commits and the document."""
    machine.write("a", "1")
    machine.git("add", "a")
    assert machine.look() == ()
    assert machine.calls == [f"updates {machine.repo}"]


def test_check_commit_is_never_called(machine: Machine) -> None:
    """Row D2: it would take the user's prompt away."""
    for number in range(20):
        machine.commit({"a": str(number)})
        machine.look()
    assert {call.split()[0] for call in machine.calls} == {"updates", "fix", "refs"}
    assert not (machine.repo / ".git" / "interdoc" / "prompted-for-agents-commit").exists()


def test_the_same_drift_is_told_again_when_it_has_doubled(machine: Machine) -> None:
    """One commit more is no news, and every fact has its commit and signal in its key."""
    told = []
    for number in range(9):
        machine.commit({"a": str(number)})
        told += [(number + 1, draft.dedupe_key) for draft in machine.look()]
    assert [commits for commits, _ in told] == [3, 4, 8]
    assert len({key for _, key in told}) == 3


def test_the_same_commit_and_signal_have_the_same_key(machine: Machine) -> None:
    """A host that has lost its positions tells a known fact by a key that the log knows."""
    for number in range(3):
        machine.commit({"a": str(number)})
    (first,) = machine.look()
    machine.ctx.cursor.values.clear()
    machine.ctx.backfill = True
    assert first.dedupe_key in {draft.dedupe_key for draft in machine.look()}


def test_drift_that_is_over_and_comes_back_is_told_again(machine: Machine) -> None:
    """A commit of the document begins another episode."""
    machine.rename_handler()
    assert len(drifts(machine.look())) == 2
    machine.commit({"AGENTS.md": "# New\n"})
    assert drifts(machine.look()) == []
    machine.git("mv", "src/api/controller.ts", "src/api/handler.ts")
    machine.commit({})
    assert [signal for signal, _, _ in drifts(machine.look())] == ["structural"]


# The loop guard -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("files", [["AGENTS.md"], ["AGENTS.md", "src/api/AGENTS.md"], ["CLAUDE.md", "AGENTS.md"]])
def test_a_commit_of_documents_alone_is_no_drift(machine: Machine, files: list[str]) -> None:
    """A commit of interdoc would otherwise lead to the next: no script is even asked."""
    machine.trouble('echo \'{"action":"update","reason":"commits","commits_since":99}\'; exit 0')
    machine.commit(dict.fromkeys(files, "# `src/gone.ts`\n"))
    assert drifts(machine.look()) == []
    assert machine.calls == []


@pytest.mark.parametrize("files", [["AGENTS.md", "a"], ["CLAUDE.md"], ["docs/NOT-AGENTS.md"], []])
def test_other_commits_are_looked_at(machine: Machine, files: list[str]) -> None:
    """One other file is enough, and a commit of nothing is none of documents."""
    machine.commit(dict.fromkeys(files, "new\n"))
    machine.look()
    assert "updates" in machine.calls[0]


def test_a_merge_counts_by_what_it_brought(machine: Machine) -> None:
    """Against its first parent: a branch with code is work, although the last commit in it was a document."""
    machine.git("checkout", "-q", "-b", "work")
    machine.commit({"b": "1"})
    machine.commit({"AGENTS.md": "# New\n"})
    machine.git("checkout", "-q", "main")
    machine.commit({"c": "1"})
    machine.look()
    assert machine.calls
    machine.git("merge", "-q", "--no-edit", "work")
    machine.look()
    assert machine.calls


# Without interdoc -----------------------------------------------------------------------------------------------------


@pytest.fixture
def bare(machine: Machine) -> Machine:
    """The machine without interdoc, and with a low limit."""
    machine.ctx.root = None
    machine.ctx.config = {"stale_commits": 3}
    return machine


def test_staleness_is_counted_from_git_and_said_to_be(bare: Machine) -> None:
    """The same reason as interdoc's, by git alone, and the fact says who counted."""
    for number in range(3):
        head = bare.commit({"a": str(number)})
    (draft,) = bare.look()
    assert draft.payload == DriftDetected(
        kind="doc",
        signal="commits",
        commits_since=3,
        detail="AGENTS.md is 3 commits behind (counted from git: interdoc is not installed)",
    )
    assert (draft.severity, draft.source_hook) == (Severity.WARN, "git:log")
    assert draft.extensions == {"head": head, "computed": True}
    assert bare.calls == []


def test_counts_agree_with_interdocs(machine: Machine) -> None:
    """At every commit of a history, whoever counts comes to the same reason and number."""
    machine.ctx.config = {"stale_commits": 3}
    both = []
    for step in (
        {"a": "1"},
        {"a": "2"},
        {"a": "3"},
        {"AGENTS.md": None},
        {"b": "1"},
        {"AGENTS.md": "# New\n", "c": "1"},
    ):
        machine.commit(step)
        for root in (machine.plugin, None):
            machine.ctx.root = root
            machine.ctx.cursor.values.clear()
            machine.ctx.backfill = True
            found = [one for one in payloads(machine.look()) if isinstance(one, DriftDetected)]
            both.append(
                [(one.signal, one.commits_since) for one in found if one.signal not in ("structural", "stale_refs")]
            )
    assert both[::2] == both[1::2]
    assert both[::2] == [[], [], [("commits", 3)], [], [("no_agents_md", None)], []]


def test_an_older_interdoc_is_helped_out(bare: Machine) -> None:
    """Where the plugin has no such script, git is asked, and the fact says why."""
    bare.ctx.root = bare.plugin
    (bare.plugin / "hooks" / "check-updates.sh").unlink()
    for number in range(3):
        bare.commit({"a": str(number)})
    assert drifts(bare.look()) == [
        ("commits", "AGENTS.md is 3 commits behind (counted from git: interdoc has no check-updates.sh)", "git:log")
    ]


def test_a_document_in_the_making_is_left_alone(bare: Machine) -> None:
    """As interdoc is silent, so is the count, while the document has changes."""
    bare.write("AGENTS.md", "# In the making\n")
    for number in range(3):
        bare.write("a", str(number))
        bare.git("add", "a")
        bare.git("commit", "-q", "-m", "Work", "a")
    assert drifts(bare.look()) == []


def test_an_uncommitted_document_is_told(bare: Machine) -> None:
    """A document that no commit ever had."""
    bare.git("checkout", "-q", "--orphan", "new")
    bare.git("rm", "-q", "--cached", "AGENTS.md")
    bare.git("commit", "-q", "-m", "Begin without it")
    assert [signal for signal, _, _ in drifts(bare.look())] == ["uncommitted"]


def test_days_count_only_if_there_were_commits(bare: Machine) -> None:
    """A project that rests is not behind."""
    bare.ctx.clock = EPOCH + timedelta(days=31)
    bare.git("commit", "-q", "--amend", "--no-edit", "--date=now")
    assert drifts(bare.look()) == []
    bare.commit({"a": "1"})
    ((signal, detail, _),) = drifts(bare.look())
    assert (signal, detail) == (
        "stale",
        "AGENTS.md was last changed 31 days ago (counted from git: interdoc is not installed)",
    )


def test_a_shallow_clone_says_so(bare: Machine) -> None:
    """Its history ends somewhere, so the document may be older than it seems."""
    bare.commit({"a": "1"})
    clone = bare.base / "clone"
    bare.git("clone", "-q", "--depth=2", f"file://{bare.repo}", str(clone))
    bare.ctx.projects = (clone,)
    bare.repo = clone
    bare.look()
    bare.ctx.clock = EPOCH + timedelta(days=31)
    bare.commit({"a": "2"})
    assert [signal for signal, _, _ in drifts(bare.look())] == ["stale_shallow"]


@pytest.mark.parametrize("value", [-3, True, "3", None, 3.5])
def test_a_limit_that_is_none_is_the_default(bare: Machine, value: object) -> None:
    """Fifteen commits, whatever else stands there."""
    bare.ctx.config = {"stale_commits": value}
    for number in range(14):
        bare.commit({"a": str(number)})
    assert bare.look() == ()
    bare.commit({"a": "x"})
    assert len(bare.look()) == 1
