"""What a session's own calls of intersearch's tools brought.

Inputs and outputs of the tools are those of reference/modules/intersearch.md section 3.2.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import HookEvent, Severity
from interhost_intersearch import adapter
from interhost_intersearch.answers import SERVERS

if TYPE_CHECKING:
    from interhost_hookspecs import Draft

    from .conftest import Desk

ROWS: list[object] = [
    {"path": "src/auth.py", "sha256": "3bfd969b", "score": 0.7029595375061035, "updated": "2026-11-20T10:41:58+00:00"},
    {"path": "docs/b.md", "sha256": "aa", "score": 0.5, "updated": "2026-11-20T10:41:58+00:00"},
]
FOUND: dict[str, object] = {"query": "how are users logged in", "results": ROWS, "total_indexed": 4}


def tell(
    desk: Desk, tool: str, answer: object, *, server: str = SERVERS[1], root: object = None, blocks: bool = True
) -> tuple[Draft, ...]:
    """What the adapter makes of one call, whose answer is one block of text."""
    text = answer if isinstance(answer, str) else json.dumps(answer, indent=2)
    raw = {
        "tool_input": {"project_root": str(desk.project) if root is None else root},
        "tool_response": [{"type": "text", "text": text}] if blocks else text,
    }
    event = HookEvent(name="PostToolUse", session_id="s1", cwd=desk.project, tool_name=f"{server}{tool}", raw=raw)
    return adapter.observe_hook(event, desk.ctx).drafts


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("blocks", [True, False])
def test_a_search_is_told_with_what_it_found(desk: Desk, server: str, blocks: bool) -> None:
    """Query, paths and scores, about the first of them."""
    (draft,) = tell(desk, "embedding_query", FOUND, server=server, blocks=blocks)
    assert draft.intent == "intersearch.searched@1.0"
    assert draft.payload == {
        "query": "how are users logged in",
        "results": [{"path": "src/auth.py", "score": 0.7029595375061035}, {"path": "docs/b.md", "score": 0.5}],
        "total_indexed": 4,
    }
    assert (draft.artifact_path, draft.project_dir) == (desk.project / "src/auth.py", desk.project)
    assert draft.severity is Severity.INFO


def test_a_search_that_found_nothing_is_told(desk: Desk) -> None:
    """That is an answer, too."""
    (draft,) = tell(desk, "embedding_query", {"query": "x", "results": [], "total_indexed": 0})
    assert draft.payload == {"query": "x", "results": [], "total_indexed": 0}
    assert draft.artifact_path is None


@pytest.mark.parametrize("tool", ["embedding_query", "embedding_index"])
def test_a_failure_is_told(desk: Desk, tool: str) -> None:
    """It is no error for the protocol, and leaves no trace elsewhere."""
    (draft,) = tell(desk, tool, {"error": "'project_root'"})
    assert (draft.intent, draft.severity) == ("intersearch.failed@1.0", Severity.ERROR)
    assert draft.payload == {"tool": tool, "error": "'project_root'"}


def test_files_that_were_not_indexed_are_told(desk: Desk) -> None:
    """The tool keeps the reasons to itself; what was indexed is told by the store."""
    (draft,) = tell(desk, "embedding_index", {"indexed": 3, "skipped": 1, "errors": 2})
    assert (draft.intent, draft.severity) == ("intersearch.failed@1.0", Severity.WARN)
    assert draft.payload == {"tool": "embedding_index", "error": "files that could not be indexed: 2"}
    assert tell(desk, "embedding_index", {"indexed": 3, "skipped": 1, "errors": 0}) == ()


@pytest.mark.parametrize("answer", ["", "[]", "{", "7", "{}", '{"query": "x"}', '{"results": []}', "[" * 99999])
def test_other_answers_tell_nothing(desk: Desk, answer: str) -> None:
    """Nothing is made up."""
    assert tell(desk, "embedding_query", answer) == ()


def test_other_tools_tell_nothing(desk: Desk) -> None:
    """Also of the same server."""
    assert tell(desk, "embedding_delete", FOUND) == ()
    assert adapter.observe_hook(HookEvent(name="PostToolUse", session_id="s1", cwd=None), desk.ctx).drafts == ()


def test_odd_results_do_no_harm(desk: Desk) -> None:
    """Rows that are none, scores that are none, paths that lead out, and more rows than anybody reads."""
    rows = [{"path": "../../etc/passwd", "score": "high"}, 7, {"score": 1.0}, *ROWS * 20]
    (draft,) = tell(desk, "embedding_query", {**FOUND, "results": rows})
    assert draft.artifact_path is None
    assert isinstance(draft.payload, dict)
    assert draft.payload["results"][0] == {"path": "../../etc/passwd", "score": None}
    assert len(draft.payload["results"]) <= 10


@pytest.mark.parametrize("root", ["/elsewhere", "relative", 7, "a\0b", ""])
def test_an_unknown_project_is_left_to_the_host(desk: Desk, root: object) -> None:
    """It knows that of the session."""
    (draft,) = tell(desk, "embedding_query", FOUND, root=root)
    assert (draft.project_dir, draft.artifact_path) == (None, None)
