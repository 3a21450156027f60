"""What an answer of ``tldrs`` tells, whoever asked: known by its keys, because one question has several answers.

``context`` makes up a slice for a symbol that it does not know, which has no lines: that is no answer. That edits are
coherent is never told, because a broken one was called so.

Source: ``reference/modules/tldr-swinton.md`` sections 2.3, 2.5 (traps 2, 3, 8 and 10) and 2.6.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen
from interhost_hookspecs import AdapterContext, Draft, DriftDetected, Severity
from interhost_hookspecs.reading import first_count, first_line, first_names, plain_line

from interhost_tldr_swinton.command import Answer
from interhost_tldr_swinton.evidence import compose_evidence, read_diagnostics, read_impact, tell_level

UNKNOWN_SYMBOL = "unknown_symbol"
"""Our code for an answer that was made up."""

_SLICES = 30
_ISSUES = 20
_SEVERITIES = {"error": Severity.ERROR, "warning": Severity.WARN}


@frozen
class Origin:
    """Where an answer comes from.

    Attributes:
        project: Root of the project.
        command: What was asked.
        by: Who answered: ``cli``, or ``mcp``, behind which is the daemon.
    """

    project: Path
    command: str
    by: str


Teller = Callable[[Mapping[str, Any], Origin, AdapterContext], Iterator[Draft]]


def tell_answer(answer: Answer, origin: Origin, ctx: AdapterContext) -> Iterator[Draft]:
    """What an answer tells: a failure, what its keys say, or nothing."""
    if answer.code:
        yield _compose_failure(answer.code, answer.message, origin)
        return
    for keys, tell in _SHAPES:
        if all(key in answer.result for key in keys):
            yield from tell(answer.result, origin, ctx)
            return


def find_file(ids: Iterable[str], project: Path) -> Path | None:
    """The only file of some symbols, ``src/auth.py:login``; ``None`` when there are several, or it leads out."""
    files = {one.rpartition(":")[0] or one for one in ids}
    path = Path(os.path.normpath(project / files.pop())) if len(files) == 1 else None
    return path if path and path != project and path.is_relative_to(project) and str(path).isprintable() else None


def _tell_diagnostics(result: Mapping[str, Any], origin: Origin, ctx: AdapterContext) -> Iterator[Draft]:
    row = read_diagnostics(result, origin.by)
    path = find_file([f"{result.get('file')}:"], origin.project)
    yield compose_evidence([row], origin.project)
    if path:
        yield from tell_level(row, path, origin.project, ctx)


def _tell_impact(result: Mapping[str, Any], origin: Origin, ctx: AdapterContext) -> Iterator[Draft]:
    yield compose_evidence([read_impact(result, origin.by)], origin.project)


def _tell_context(result: Mapping[str, Any], origin: Origin, ctx: AdapterContext) -> Iterator[Draft]:
    listed = result["slices"] if isinstance(result["slices"], list) else []
    slices = [one for one in listed if isinstance(one, dict)]
    base, unchanged = first_line(result, "base"), first_names(result, "unchanged") or ()
    real = [one for one in slices if base or one.get("lines") != []]
    if slices and not real and not unchanged:
        said = ", ".join(plain_line(one.get("id"), 80) for one in slices[:3])
        yield _compose_failure(UNKNOWN_SYMBOL, f"tldrs knows no {said}, and made an answer up", origin)
    elif real or unchanged:
        ids = [plain_line(one.get("id")) for one in real]
        yield Draft(
            intent="tldr_swinton.context@1.0",
            payload={
                "kind": "diff" if base else "symbols",
                "base": base,
                "head": first_line(result, "head"),
                "tokens": first_count(result, "budget_used"),
                "count": len(real),
                "unchanged": len(unchanged),
                "slices": [_read_slice(one) for one in real[:_SLICES]],
            },
            artifact_path=find_file(ids, origin.project),
            project_dir=origin.project,
        )


def _read_slice(one: Mapping[str, Any]) -> dict[str, str]:
    """A slice without its code."""
    return {key: plain_line(one.get(key)) for key in ("id", "signature", "relevance")}


def _tell_issues(result: Mapping[str, Any], origin: Origin, ctx: AdapterContext) -> Iterator[Draft]:
    listed = result["issues"] if isinstance(result["issues"], list) else []
    for issue in [one for one in listed if isinstance(one, dict)][:_ISSUES]:
        yield Draft(
            payload=DriftDetected(
                kind="code_coherence",
                signal=first_line(issue, "issue_type"),
                expected=first_line(issue, "target_symbol"),
                actual=first_line(issue, "source_symbol"),
                detail=plain_line(issue.get("message")),
            ),
            artifact_path=find_file([f"{issue.get('source_file')}:"], origin.project),
            severity=_SEVERITIES.get(str(issue.get("severity")), Severity.INFO),
            project_dir=origin.project,
        )


def _compose_failure(code: str, message: str, origin: Origin) -> Draft:
    return Draft(
        intent="tldr_swinton.failed@1.0",
        payload={"command": origin.command, "by": origin.by, "code": code, "message": message},
        severity=Severity.ERROR,
        project_dir=origin.project,
    )


_SHAPES: Sequence[tuple[tuple[str, ...], Teller]] = (
    (("tools", "diagnostics"), _tell_diagnostics),
    (("changed_files", "affected_tests"), _tell_impact),
    (("is_coherent", "issues"), _tell_issues),
    (("slices",), _tell_context),
)
