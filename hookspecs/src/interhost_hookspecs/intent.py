"""What travels: the intent a consumer receives, and the draft a producer offers.

Source: design sections 2 and 4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Generic, TypeVar

from attrs import Factory, field, frozen

from interhost_hookspecs.catalogue import Payload
from interhost_hookspecs.plain import plain_text

P_co = TypeVar("P_co", covariant=True)

BEAD_ID = r"[A-Za-z][A-Za-z0-9_]*-[A-Za-z0-9]+(?:\.[0-9]+)*"
"""Pattern of a bead id, dots of child beads included (design section 4)."""


class Severity(StrEnum):
    """How much attention an intent deserves."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"


@frozen(kw_only=True)
class Intent(Generic[P_co]):
    """One intent as its consumer sees it: the envelope with its typed payload.

    Attributes:
        event_id: ULID; the same on every attempt, so it is the key for effects that must happen once.
        name: Canonical name, or ``module.name`` for a module's own intent.
        version: ``major.minor``.
        context_id: What the fact is about: a bead id, else ``project:<slug>``.
        payload: The typed view. ``on_intent`` receives the decoded JSON object itself.
        payload_text: The producer's JSON text, unchanged.
        severity: How much attention it deserves.
        producer: Adapter name, or ``shell``, or ``cli``.
        artifact_path: Absolute path of the file the fact is about.
        consumers: Adapters it is addressed to; empty means whoever consumes it.
        source_hook: What the producer saw, such as ``telemetry:phase_advance``.
        occurred_at: When it happened, with time zone; the producer's clock.
        project_dir: Root of the project it happened in, when known.
        extensions: The open map of the envelope (``session_id``, ``caused_by``, ``depth``, …).
    """

    event_id: str
    name: str
    version: str
    context_id: str
    payload: P_co
    payload_text: str
    severity: Severity
    producer: str
    artifact_path: Path | None
    consumers: tuple[str, ...]
    source_hook: str | None
    occurred_at: datetime
    project_dir: Path | None
    extensions: Mapping[str, object]

    @property
    def bead(self) -> str | None:
        """The bead that the fact is about, if it is about one."""
        return self.context_id if re.fullmatch(BEAD_ID, self.context_id) else None


@frozen(kw_only=True)
class Draft:
    """An envelope before the host has given it an id and a producer.

    Attributes:
        payload: A payload of the catalogue, or a plain mapping together with ``intent``.
        intent: ``module.name@major.minor`` for a module's own intent; taken from the payload's class otherwise.
        context_id: What the fact is about when the source itself says so (a bead id). Left out, the host resolves it.
        artifact_path: File the fact is about; a relative path is taken from ``project_dir``.
        severity: How much attention it deserves.
        consumers: Adapters it is addressed to; empty means whoever consumes this intent.
        source_hook: What was seen, such as ``file:findings.json``.
        occurred_at: When it happened; left out, the time of publishing. Must carry a time zone.
        project_dir: Root of the project it happened in.
        session_id: The agent session it happened in. Only then may the session's bead stand in for a missing context.
        dedupe_key: Natural key of the fact, unique across producers. A key the log knows is dropped.
        extensions: Further keys for the envelope's open map.
    """

    payload: Payload | Mapping[str, object]
    intent: str | None = None
    context_id: str | None = None
    artifact_path: Path | None = None
    severity: Severity = Severity.INFO
    consumers: tuple[str, ...] = ()
    source_hook: str | None = None
    occurred_at: datetime | None = None
    project_dir: Path | None = None
    session_id: str | None = None
    dedupe_key: str | None = None
    extensions: Mapping[str, object] = field(default=Factory(dict))


ADVICE_LIFE = timedelta(days=1)
"""How long advice is worth saying that does not say so itself."""


@frozen(kw_only=True)
class Advice:
    """Text stored for a session or context and handed to the agent once, by the next hook that can.

    Attributes:
        text: Facts, not orders; at most 10,000 characters reach the agent. Control characters but line ends and tabs
            become blanks. What others wrote belongs into one line (``reading.plain_line``), or it could begin another.
        context_id: Context it is for; ``None`` with a session id means that session only.
        session_id: Session it is for.
        expires: After this time it is no longer worth saying; left out, a day after it was said.
    """

    text: str = field(converter=plain_text)
    context_id: str | None = None
    session_id: str | None = None
    expires: datetime | None = None


@frozen(kw_only=True)
class Observation:
    """What an adapter saw. Drafts, advice and the cursors moved while looking are stored together, or not at all.

    Attributes:
        drafts: Facts to publish, in the order they happened.
        advice: Text for the agent.
    """

    drafts: tuple[Draft, ...] = ()
    advice: tuple[Advice, ...] = ()


@frozen(kw_only=True)
class HookEvent:
    """One Claude Code hook event, as it was recorded.

    Attributes:
        name: Event name, such as ``PostToolUse``; unknown names are passed on.
        session_id: The session it happened in.
        cwd: Working directory of the session at that moment.
        tool_name: Tool of a tool event.
        tool_use_id: Identifier of the tool call.
        prompt_id: Identifier of the user prompt being worked on.
        raw: The whole document from standard input, unknown fields included.

    Source: ``reference/claude-code.md`` sections 1.2 and 1.3.
    """

    name: str
    session_id: str
    cwd: Path | None
    tool_name: str | None = None
    tool_use_id: str | None = None
    prompt_id: str | None = None
    raw: Mapping[str, object] = field(default=Factory(dict))

    @property
    def command(self) -> str:
        """The shell command of a tool event; empty when there is none."""
        given = self.raw.get("tool_input")
        command = given.get("command") if isinstance(given, Mapping) else None
        return command if isinstance(command, str) else ""
