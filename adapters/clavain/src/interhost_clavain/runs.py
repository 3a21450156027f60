"""Runs that began, what is registered with them, and tasks that agents have: what ``ic`` keeps without an event.

Source: ``reference/cli-contracts.md`` sections 1.4, 1.6 and 1.8.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from attrs import evolve
from interhost_hookspecs import AdapterContext, CoordinationAction, Draft, Severity, StartSprint
from interhost_hookspecs.files import is_plain_name
from interhost_hookspecs.kernel_facts import chain_name, compose_artifact, compose_task, kernel_key
from interhost_hookspecs.phases import CHAINS, clean_phase
from interhost_hookspecs.reading import encodable, first_count, first_line, read_json, read_objects

from interhost_clavain.events import Place
from interhost_clavain.tail import ask

# A run that nobody ever ended keeps its artifacts; these are the ones somebody works on.
_RUNS = 20
_RECENT = 7 * 24 * 3600
_FINAL = ("completed", "failed", "timeout", "cancelled")


def read_runs(project: Path, ctx: AdapterContext) -> dict[str, Mapping[str, object]]:
    """Every run of a database by its id, oldest first; an id becomes an argument, so it has to be a plain one."""
    found = [one for one in read_objects(ask(["run", "list"], project, ctx)) if is_plain_name(one.get("id"))]
    return {str(first_line(one, "id")): one for one in sorted(found, key=lambda one: _seconds(one, "created_at"))}


def tell_starts(place: Place, known: Mapping[str, object]) -> Iterator[Draft]:
    """The runs that are not known yet."""
    for run_id, run in place.runs.items():
        if run_id in known:
            continue
        stated = run.get("phases")
        phases = read_json(stated) if isinstance(stated, str) else stated
        chain = tuple(map(str, phases)) if isinstance(phases, list) and phases else tuple(CHAINS["ic-9"])
        yield Draft(
            payload=StartSprint(
                trigger="run_create",
                goal=first_line(run, "goal"),
                run_id=run_id,
                complexity=first_count(run, "complexity"),
                phase=encodable(chain[0]),
                phase_model=chain_name(chain),
                phases=tuple(map(encodable, chain)),
                token_budget=first_count(run, "token_budget"),
            ),
            context_id=place.context(run_id),
            source_hook="ic:run.create",
            occurred_at=_time(run, "created_at"),
            project_dir=place.project,
            dedupe_key=kernel_key(place.database, "run", run_id),
        )


def tell_artifacts(
    place: Place, before: Mapping[str, object], known: list[str], ctx: AdapterContext
) -> Iterator[Draft]:
    """What was registered with the runs that are on, or that were at the last look.

    Args:
        place: The runs.
        before: Status of each run at the last look.
        known: Ids that were told, which is kept up.
        ctx: Asks ``ic``.
    """
    running = [one for one in place.runs if "active" in (place.runs[one].get("status"), before.get(one, "active"))]
    told, known[:] = set(known), []
    for run_id in running[-_RUNS:]:
        for record in read_objects(ask(["run", "artifact", "list", run_id], place.project, ctx)):
            number, kind, value = (_text(record, key) for key in ("id", "type", "path"))
            if not number or not kind or not value or record.get("status", "active") != "active":
                continue
            known.append(number)
            if number not in told:
                bead, phase = place.bead(run_id), clean_phase(record.get("phase"))
                told_now = compose_artifact(kind, value, place.project, bead=bead, phase=phase, run_id=run_id)
                yield evolve(
                    told_now,
                    context_id=place.context(run_id),
                    source_hook="ic:run.artifact",
                    occurred_at=_time(record, "created_at"),
                )


def tell_tasks(place: Place, known: dict[str, list[object]], ctx: AdapterContext) -> Iterator[Draft]:
    """The tasks that agents were given or gave back since the last look.

    Args:
        place: Their runs.
        known: Status and process of each task of the last week, which is kept up.
        ctx: Asks ``ic``.
    """
    since = ctx.now().timestamp() - _RECENT
    records = [one for one in read_objects(ask(["dispatch", "list"], place.project, ctx)) if first_line(one, "id")]
    before = dict(known)
    known.clear()
    for record in sorted(records, key=lambda one: _seconds(one, "created_at")):
        if _seconds(record, "created_at") < since:
            continue
        number, status = str(first_line(record, "id")), first_line(record, "status") or ""
        known[number] = [status, first_count(record, "pid")]
        if number not in before:
            yield _task(record, place, CoordinationAction.CLAIM)
        if status in _FINAL and before.get(number, [""])[0] != status:
            yield _task(record, place, CoordinationAction.RELEASE)


def _task(record: Mapping[str, object], place: Place, action: CoordinationAction) -> Draft:
    """A task that begins, or one that has ended, with what the agent said about it."""
    number, run_id, status = (first_line(record, key) or "" for key in ("id", "scope_id", "status"))
    ended = action is CoordinationAction.RELEASE
    verdict, said = first_line(record, "verdict_status"), first_line(record, "verdict_summary")
    reason = ": ".join(one for one in (status, said) if one) if ended else "a task was handed to an agent"
    agent, output = first_line(record, "agent_type"), _text(record, "output_file")
    is_bad = ended and (status in ("failed", "timeout") or verdict == "fail")
    more = {"status": status, "name": first_line(record, "name"), "verdict_status": verdict if ended else None}
    return Draft(
        payload=compose_task(action, number, agent, place.bead(run_id), run_id or None, reason),
        context_id=place.context(run_id),
        artifact_path=Path(output) if ended and output and os.path.isabs(output) else None,
        severity=Severity.WARN if is_bad else Severity.INFO,
        source_hook="ic:dispatch.status_change",
        occurred_at=_time(record, "completed_at" if ended else "created_at"),
        project_dir=place.project,
        dedupe_key=kernel_key(place.database, *(("dispatch", number, status) if ended else ("spawn", number))),
        extensions={key: value for key, value in more.items() if value},
    )


def _text(record: Mapping[str, object], key: str) -> str:
    """A text as it is, however long: a path that is cut leads elsewhere."""
    value = record.get(key)
    return encodable(value) if isinstance(value, str) else ""


def _seconds(record: Mapping[str, object], key: str) -> int:
    value = record.get(key)
    return value if type(value) is int and 0 < value < 1 << 33 else 0


def _time(record: Mapping[str, object], key: str) -> datetime | None:
    return datetime.fromtimestamp(found, UTC) if (found := _seconds(record, key)) else None
