"""What diagnostics and the impact of a change come to, in rows that a gate can show.

Without a checker on the machine diagnostics look clean; so every row has the tools that ran, and a row without any has
measured nothing. The command and the daemon find different tests; so every row says who found them.

Source: ``reference/modules/tldr-swinton.md`` sections 2.3, 2.4, 2.5 (trap 8) and 2.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from interhost_hookspecs import AdapterContext, Draft, HealthSignal, Level, Severity
from interhost_hookspecs.files import short_name
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import first_count, first_names, one_line, plain_line

_NAMES = 50
_FOUND = 10
_REMEMBERED = 500


def read_diagnostics(result: Mapping[str, Any], by: str) -> dict[str, Any]:
    """The row of one file's diagnostics; what was not measured is ``None``."""
    tools = first_names(result, "tools") or ()
    listed = result.get("diagnostics")
    found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return {
        "check": "diagnostics",
        "by": by,
        "measured": bool(tools),
        "tools": [plain_line(one) for one in tools],
        "errors": _count(result, found, "error") if tools else None,
        "warnings": _count(result, found, "warning") if tools else None,
        "found": [_read_finding(one) for one in found[:_FOUND]],
        "files": int(bool(tools)),
        "not_measured": int(not tools),
        "left_out": 0,
        "failed": [],
    }


def join_diagnostics(rows: Sequence[Mapping[str, Any]], left_out: int, failed: Sequence[str]) -> dict[str, Any]:
    """One row of several files'.

    Args:
        rows: Of the files that were looked at.
        left_out: Changed files that were not.
        failed: Why others could not be.
    """
    measured = [row for row in rows if row["measured"]]
    return {
        "check": "diagnostics",
        "by": "cli",
        "measured": bool(measured),
        "tools": sorted({tool for row in measured for tool in row["tools"]}),
        "errors": sum(row["errors"] for row in measured) if measured else None,
        "warnings": sum(row["warnings"] for row in measured) if measured else None,
        "found": [one for row in measured for one in row["found"]][:_FOUND],
        "files": len(measured),
        "not_measured": len(rows) - len(measured),
        "left_out": left_out,
        "failed": list(failed),
    }


def read_impact(result: Mapping[str, Any], by: str) -> dict[str, Any]:
    """The row of a change's impact. The command of the tests is words, which nobody runs from here."""
    return {
        "check": "change-impact",
        "by": by,
        "source": plain_line(result.get("source")),
        "changed_files": _list_names(result, "changed_files"),
        "changed_functions": _list_names(result, "changed_functions"),
        "affected_tests": _list_names(result, "affected_tests"),
        "affected_count": first_count(result, "affected_count", "affected_tests"),
        "total_tests": first_count(result, "total_tests"),
        "test_command": _list_names(result, "test_command") or None,
    }


def describe(row: Mapping[str, Any]) -> str:
    """A row in a few words."""
    if row["check"] == "change-impact":
        return f"tests affected: {row['affected_count']} of {row['total_tests']} ({row['source']})"
    missed = count_unmeasured(row)
    left = f" (files not checked: {missed})" if missed else ""
    if not row["measured"]:
        return f"diagnostics: no checker ran{left}" if left else "diagnostics: no file to check"
    return f"diagnostics by {', '.join(row['tools'])}: {row['errors']} errors, {row['warnings']} warnings{left}"


def count_unmeasured(row: Mapping[str, Any]) -> int:
    """The files of a row of diagnostics that were to be checked, and of which nothing is known."""
    return int(row["not_measured"] + row["left_out"] + len(row["failed"]))


def compose_evidence(rows: Sequence[Mapping[str, Any]], project: Path, **more: Any) -> Draft:
    """The rows as one fact; nobody decides anything by telling it.

    Args:
        rows: The rows.
        project: Root of the project.
        more: Further parts of the payload, such as the phase.
    """
    return Draft(
        intent="tldr_swinton.evidence@1.0",
        payload={**more, "evidence": list(rows)},
        severity=max((_grade(row)[1] for row in rows), key=list(Severity).index),
        project_dir=project,
    )


def tell_level(row: Mapping[str, Any], target: Path, project: Path, ctx: AdapterContext) -> Iterator[Draft]:
    """The level that the diagnostics of a file or a project crossed into; nothing while nothing was measured."""
    if not row["measured"]:
        return
    (level, severity), levels = _grade(row), recall(ctx, "levels")
    if level is Level.GREEN and count_unmeasured(row):
        return  # what is not known is not in order
    before = levels.pop(str(target), Level.GREEN.value)
    keep(ctx, "levels", {**levels, str(target): level.value}, most=_REMEMBERED)
    if level.value != before:
        yield Draft(
            payload=HealthSignal(
                signal="diagnostics",
                level=level,
                value=row["errors"],
                unit="errors",
                detail=one_line(f"{short_name(target, project.parent)}: {describe(row)}"),
            ),
            artifact_path=target if target != project else None,
            severity=severity,
            project_dir=project,
            extensions={"tools": row["tools"], "warnings": row["warnings"]},
        )


def _grade(row: Mapping[str, Any]) -> tuple[Level, Severity]:
    if row.get("errors"):
        return Level.RED, Severity.ERROR
    return (Level.YELLOW, Severity.WARN) if row.get("warnings") else (Level.GREEN, Severity.INFO)


def _count(result: Mapping[str, Any], found: Sequence[Mapping[str, Any]], severity: str) -> int:
    """The tool's own count, or how many are listed."""
    stated = first_count(result, f"{severity}_count")
    return sum(one.get("severity") == severity for one in found) if stated is None else stated


def _read_finding(one: Mapping[str, Any]) -> dict[str, Any]:
    texts = {key: plain_line(one.get(key)) for key in ("file", "severity", "rule", "message", "source")}
    return {**texts, "line": first_count(one, "line")}


def _list_names(result: Mapping[str, Any], key: str) -> list[str]:
    return [plain_line(name) for name in (first_names(result, key) or ())[:_NAMES]]
