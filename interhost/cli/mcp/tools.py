"""The tools: what the commands do, for an agent. Each opens the bus for itself, so that calls may run side by side.

The docstring of a tool is what the model reads about it, so it is short; results are in ``docs/mcp.md``.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from interhost_hookspecs import CheckLevel
from pydantic import Field

from interhost.bus.catalogue import canonical_intents
from interhost.bus.ids import is_id
from interhost.bus.log import Query, Stored
from interhost.bus.trace import trace_event
from interhost.cli import catalog as catalog_command
from interhost.cli import companions as companions_command
from interhost.cli import doctor as doctor_command
from interhost.cli import trace as trace_command
from interhost.cli.mcp.sizes import USUAL, compact, fit
from interhost.cli.opening import open_drained, working_directory
from interhost.cli.publish import Given, find_config, publish_given
from interhost.cli.query import format_line, read_position
from interhost.cli.times import read_moment
from interhost.errors import InputError, UnknownEventError
from interhost.host.registry import list_adapters
from interhost.manifests.companions import read_companions

Result = dict[str, Any]
_HEAD_CHARS = 6_000
"""Of an event, all but its payload."""
_one_doctor = threading.Lock()
"""Adapters are called one at a time."""


def publish(
    intent: Annotated[str, Field(description="Name, or name@major.minor; the tool catalog lists them")],
    payload: Annotated[dict[str, Any], Field(description="Keys as the catalog says")] = {},  # noqa: B006 - never changed
    context: Annotated[str | None, Field(description="Bead or project:NAME; found out when left out")] = None,
    artifact: Annotated[str | None, Field(description="Path of the file the fact is about")] = None,
    severity: Literal["info", "warn", "error"] = "info",
    consumers: Annotated[list[str], Field(description="Only for these adapters")] = [],  # noqa: B006
    dedupe_key: Annotated[str | None, Field(description="Natural key; a known one is not stored again")] = None,
    source_hook: Annotated[str, Field(description="What was seen")] = "mcp:publish",
    allow_unknown: Annotated[bool, Field(description="Store an intent that the catalog lacks")] = False,
) -> Result:
    """Put one fact on the Interbus, durably; adapters of other modules receive it. Returns its event_id."""
    warnings: list[str] = []
    given = Given(
        intent=intent,
        payload=json.dumps(payload, ensure_ascii=False),
        artifact=artifact,
        context=context,
        severity=severity,
        source_hook=source_hook,
        consumers=consumers,
        dedupe_key=dedupe_key,
        # Not the session of our environment: a server keeps the id it was started with, which is wrong after /clear.
        session=None,
        allow_unknown=allow_unknown,
    )
    record = publish_given(given, find_config(warnings.append), warnings.append)
    return {"spooled": False, **record, "warnings": warnings}


def replay(
    intents: Annotated[list[str], Field(description="Names or globs such as review_*; all when left out")] = [],  # noqa: B006
    context: Annotated[str | None, Field(description="Exactly this bead or project:NAME")] = None,
    producer: Annotated[str | None, Field(description="Only what this adapter said")] = None,
    since: Annotated[str | None, Field(description="RFC 3339, or how long ago: 30m, 2h, 7d")] = None,
    until: Annotated[str | None, Field(description="Likewise")] = None,
    after: Annotated[
        int | str | None, Field(description="`next` of an earlier call, an event id, a time, or start; else the newest")
    ] = None,
    limit: Annotated[int, Field(description="Most events", ge=1, le=200)] = 20,
    payload_chars: Annotated[int, Field(description="Longer payloads are cut", ge=0, le=40_000)] = 2_000,
) -> Result:
    """Read facts from the Interbus: the newest, or with `after` those that follow it. Oldest first."""
    warnings: list[str] = []
    with open_drained(say=warnings.append) as bus:
        query = Query(
            after=0 if after is None else read_position(bus, str(after)),
            intents=tuple(intents),
            context_id=context,
            producer=producer,
            since=read_moment(since) if since else None,
            until=read_moment(until) if until else None,
            last=limit + 1 if after is None else None,
        )
        found = bus.log.read(query, limit + 1)
    records, rest = _page(found if after is not None else found[::-1], limit, payload_chars)
    if after is None:
        records.reverse()
    return {
        "events": records,
        # Where to go on: also from an empty page, for whoever asks again later.
        "next": str(records[-1]["seq"] if records else query.after),
        "more": rest and after is not None,
        "earlier": rest and after is None,
        "warnings": warnings,
    }


def trace(event_id: Annotated[str, Field(description="As publish and replay give it")]) -> Result:
    """Show what became of one fact: who got it, what each did and why, and what was published in reaction."""
    wanted = event_id.strip().upper()
    if not is_id(wanted):
        raise InputError(f"event id {event_id!r}: expected a ULID, 26 letters and digits")
    warnings: list[str] = []
    with open_drained(say=warnings.append) as bus:
        node = trace_event(bus, wanted)
    if node is None:
        raise UnknownEventError(wanted)
    return {"trace": fit(trace_command.to_record(node), USUAL), "warnings": warnings}


def catalog(
    intent: Annotated[str | None, Field(description="Explain this one, with all its payload keys")] = None,
) -> Result:
    """List the intents that can be published, or explain one: payload keys, who produces it, who consumes it."""
    adapters = list_adapters()
    if intent is not None:
        return {"intents": [catalog_command.explain_intent(catalog_command.find_intent(intent), adapters)]}
    records = [catalog_command.explain_intent(one, adapters) for one in canonical_intents().values()]
    return {"intents": [{key: one[key] for key in one if key != "keys"} for one in records]}


def companions(
    installed_only: Annotated[bool, Field(description="Only what installed modules gain or could gain")] = True,
) -> Result:
    """Show which plugin modules are installed here, and which of them would gain what from which other."""
    found = read_companions(dict(os.environ), Path.home(), working_directory())
    shown = [one for one in found.modules.values() if one.state == "installed" or not installed_only]
    records = [companions_command.to_record(one, found) for one in shown]
    return {"modules": fit(records, USUAL), "warnings": list(found.problems)}


def doctor(
    all_checks: Annotated[bool, Field(description="Also what is in order")] = False,
) -> Result:
    """Check the host, its log, every adapter and the hooks; say what is wrong and what to do about it."""
    with _one_doctor:
        checks = doctor_command.check_everything()
    counts = Counter(check.level for check in checks)
    order = (CheckLevel.PROBLEM, CheckLevel.NOTE, *([CheckLevel.OK] if all_checks else ()))
    shown = [doctor_command.to_record(check) for level in order for check in checks if check.level is level]
    return {"counts": {level.value: counts[level] for level in CheckLevel}, "checks": fit(shown, USUAL)}


TOOLS = (publish, replay, trace, catalog, companions, doctor)
"""In the order in which a client lists them."""


def _page(found: list[Stored], limit: int, payload_chars: int) -> tuple[list[Result], bool]:
    """As many events from the front as a result has room for, at least one; and whether some are left."""
    records: list[Result] = []
    room = USUAL
    for stored in found[:limit]:
        record = _record(stored, payload_chars)
        room -= len(compact(record))
        if records and room < 0:
            break
        records.append(record)
    return records, len(found) > len(records)


def _record(stored: Stored, payload_chars: int) -> Result:
    """One event; of a payload that is too long, the beginning of its text."""
    record: Result = json.loads(format_line(stored, "ndjson"))
    payload, text = record.pop("payload"), stored.envelope.payload
    record = fit(record, _HEAD_CHARS)
    if len(text) <= payload_chars:
        return {**record, "payload": payload}
    return {**record, "payload": None, "payload_start": text[:payload_chars], "payload_chars": len(text)}
