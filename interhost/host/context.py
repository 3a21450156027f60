"""The adapter's context, for one call.

What an adapter publishes, advises or moves is collected here and stored by the caller together with the outcome of
the call, in one transaction. Effects outside (commands, request files) happen at once. Source: design section 7.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import evolve
from interhost_hookspecs import (
    Advice,
    Beads,
    Completed,
    Draft,
    HookEvent,
    InDoubtError,
    Intent,
    KernelRuns,
    Request,
    Settings,
    SubmissionError,
    Submissions,
)
from interhost_hookspecs.intent import ADVICE_LIFE

from interhost.bus.bus import Bus
from interhost.bus.envelope import Envelope
from interhost.bus.project import project_root
from interhost.bus.resolve import find_bead
from interhost.bus.spool import set_aside
from interhost.host.config import Config
from interhost.host.drafting import foreign_environ, make_envelope
from interhost.host.files import ChangedFiles, FileTail
from interhost.host.providers import HostGuards, Providers
from interhost.host.requests import close_request, list_requests, write_request
from interhost.host.sideband import HostSideband
from interhost.manifests.plugins import find_plugin
from interhost.process import run_process


class CursorMovedError(Exception):
    """Somebody else moved a position that this call has read: what it made of it is not stored."""


class HostCursor:
    """See :class:`interhost_hookspecs.Cursor`: reads what is stored, keeps what is to be stored."""

    def __init__(self, bus: Bus, adapter: str) -> None:
        """Positions of one adapter."""
        self._bus = bus
        self._adapter = adapter
        self._moves: dict[str, str] = {}
        self._read: dict[str, str | None] = {}

    def get(self, name: str) -> str | None:
        """The value as this call sees it."""
        if name in self._moves:
            return self._moves[name]
        if name not in self._read:
            self._read[name] = self._bus.store.cursor(self._adapter, name)
        return self._read[name]

    def set(self, name: str, value: str) -> None:
        """Store it with the result of this call."""
        self._moves[name] = value

    def store(self) -> None:
        """Store what was moved, unless what it was read from has changed meanwhile.

        Raises:
            CursorMovedError: It has.
        """
        for name, value in self._moves.items():
            stored = self._bus.store.cursor(self._adapter, name)
            if name in self._read and stored != self._read[name]:
                raise CursorMovedError(f"cursor {name!r} was moved by another host")
            if stored != value:
                self._bus.store.move_cursor(self._adapter, name, value)


class HostContext:
    """See :class:`interhost_hookspecs.AdapterContext`.

    Args:
        adapter: Name of the adapter that is called.
        bus: The bus.
        config: The user's configuration.
        providers: Who answers guards and submissions.
        settings: What its manifest declares.
        cause: The envelope that is delivered, or ``None`` while observing.
        intent: Its view.
        event: The hook event that is observed, or ``None``.
        bead: The bead that the hook's own session had.
        backfill: The user wants history from sources that are looked at for the first time.
        keep_lease: Called before something that may take so many seconds.
    """

    def __init__(
        self,
        adapter: str,
        bus: Bus,
        config: Config,
        providers: Providers,
        *,
        settings: Mapping[str, Mapping[str, object]] | None = None,
        cause: Envelope | None = None,
        intent: Intent[Any] | None = None,
        event: HookEvent | None = None,
        bead: str | None = None,
        backfill: bool = False,
        keep_lease: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """Begin a call."""
        self.adapter = adapter
        self.home = Path.home()
        self.config = Settings(config.adapter(adapter), settings or {}, self.home)
        self.cursor = HostCursor(bus, adapter)
        self.guards = HostGuards(providers)
        self.sideband = HostSideband(self.home, self.cursor, backfill=backfill)
        self.beads = Beads(self)
        self.runs = KernelRuns(self)
        self.envelopes: list[Envelope] = []
        self.advices: list[Advice] = []
        self.refused: list[tuple[str, str]] = []
        self._bus = bus
        self._limit = config.payload_bytes
        self.intent = intent
        self._event = event
        self._bead = bead
        self._cause = cause
        self.backfill = backfill
        self._keep_lease = keep_lease
        self._tails: dict[Path, FileTail] = {}
        self._changed: dict[tuple[Path, str], ChangedFiles] = {}
        self._providers = providers

    @property
    def wants_more(self) -> bool:
        """Whether something this call looked at will be ready soon."""
        return any(tail.wants_more for tail in self._tails.values()) or any(
            changed.wants_more for changed in self._changed.values()
        )

    def store(self) -> int:
        """Store everything that was collected, inside the transaction that ends the call; how many facts were new.

        Raises:
            CursorMovedError: Another host looked at the same, and was first.
        """
        for path, tail in self._tails.items():
            self.cursor.set(f"tail:{path}", tail.position)
        for (root, pattern), changed in self._changed.items():
            self.cursor.set(f"changed:{pattern}:{root}", changed.position)
        self.cursor.store()
        published = [self._bus.publish(envelope) for envelope in self.envelopes]
        for text, why in self.refused:
            set_aside(self._bus.root, text, why)
        for advice in self.advices:
            self._bus.store.add_advice(
                self.adapter,
                advice.text,
                session_id=advice.session_id,
                context_id=advice.context_id,
                expires=int(advice.expires.timestamp() * 1_000_000) if advice.expires else None,
            )
        return sum(not one.duplicate for one in published)

    def refuse(self, draft: Draft, why: str) -> None:
        """Set a draft aside that can never be published, where doctor names it; nothing is ever thrown away."""
        record = {"adapter": self.adapter, "draft": repr(draft)}
        self.refused.append((json.dumps(record), f"{self.adapter}: {why}"))

    # What the adapter may use -----------------------------------------------------------------------------------------

    @property
    def projects(self) -> tuple[Path, ...]:
        """Roots of known projects, most recent first."""
        return self._bus.store.projects()

    @cached_property
    def submit(self) -> Submissions:
        """The policy-governing writes: of the intent or the event, never of the session that started the host."""
        from interhost.host.submitting import HostSubmissions  # 15 ms, for few
        from interhost.host.writing import Origin

        origin = Origin(
            by=self.adapter,
            environ=foreign_environ(),
            project=self._project(),
            cause=self._cause,
            session_id=(self._event.session_id if self._event else None) or None,
            door="hook" if self._event else "adapter",
            limit=self._limit,
        )
        return HostSubmissions(self._providers, self._bus, origin, keep_lease=self._keep_lease)

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.now(UTC)

    def module_root(self) -> Path | None:
        """Where the module is installed."""
        name = self.adapter.upper().replace("-", "_")
        for variable in (f"INTERHOST_{name}_ROOT", f"{name}_ROOT"):
            if (given := os.environ.get(variable)) and Path(given).is_dir():
                return Path(given)
        return find_plugin(self.adapter, os.environ, self.home, self._project())

    def find_bead(self, path: Path) -> str | None:
        """The bead of a ``**Bead:**`` line."""
        return find_bead(path)

    def tail(self, path: Path, *, whole: bool = False) -> FileTail:
        """New lines of a file; within one call always the same ones."""
        if path not in self._tails:
            stored = self.cursor.get(f"tail:{path}")
            self._tails[path] = FileTail(path, stored, backfill=whole or self.backfill)
        return self._tails[path]

    def changed(self, pattern: str, *, root: Path, settle: float = 2.0) -> tuple[Path, ...]:
        """New or different files; within one call always the same ones."""
        key = (root, pattern)
        if key not in self._changed:
            stored = self.cursor.get(f"changed:{pattern}:{root}")
            # A root that was never there has an empty baseline; one that is gone may come back as it was.
            if stored and not root.is_dir():
                return ()
            self._changed[key] = ChangedFiles(
                root,
                pattern,
                stored,
                now=self.now().timestamp(),
                settle=settle,
                backfill=self.backfill,
            )
        return tuple(self._changed[key].paths)

    def look_again(self, path: Path) -> None:
        """Report this path once more, soon."""
        for changed in self._changed.values():
            changed.look_again(path, self.now().timestamp())

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 10.0,
        cwd: Path | None = None,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        drop: Sequence[str] = (),
    ) -> Completed:
        """Run a command in the project of the intent."""
        self._keep_lease(timeout)
        environ = {**foreign_environ(drop), **(env or {})}
        try:
            named = _name_program(argv, os.environ)
        except SubmissionError as error:
            return Completed(argv=tuple(argv), returncode=None, problem=error.message)
        result = run_process(named, timeout=timeout, cwd=cwd or self._project(), stdin=stdin, env=environ)
        return Completed(
            argv=tuple(argv),
            returncode=result.returncode,
            stdout=result.stdout,
            stderr=result.stderr,
            problem=result.problem,
            missing=result.missing,
        )

    def publish(self, draft: Draft) -> None:
        """Check a fact now, store it with the outcome."""
        environ = foreign_environ()
        if self._event:
            draft = _of_event(draft, self._event)
            environ |= {"CLAVAIN_BEAD_ID": self._bead} if self._bead else {}
        envelope = make_envelope(
            draft,
            self.adapter,
            cause=self._cause,
            limit=self._limit,
            environ=environ,
            home=self.home,
            door="hook" if self._event else "adapter",
        )
        self.envelopes.append(envelope)

    def advise(self, advice: Advice) -> None:
        """Store advice with the outcome. Of a hook event, it is for the event's session unless it says for whom."""
        if self._event and self._event.session_id and advice.session_id is None and advice.context_id is None:
            advice = evolve(advice, session_id=self._event.session_id)
        self.advices.append(evolve(advice, expires=advice.expires or self.now() + ADVICE_LIFE))

    def once(self, action: str, happened: Callable[[], bool | None] | None = None) -> bool:
        """Guard one outside effect."""
        if self.intent is None:
            raise RuntimeError("ctx.once guards the effects of a delivery; observing has none")
        if self._bus.store.begin_effect(self.intent.event_id, self.adapter, action):
            return True
        took_place = happened() if happened else None
        if took_place is None:
            raise InDoubtError(action)
        return not took_place

    def request(
        self,
        kind: str,
        text: str,
        details: Mapping[str, object] | None = None,
        *,
        expires: datetime | None = None,
    ) -> Path:
        """Write request files."""
        if self.intent is None:
            raise RuntimeError("ctx.request belongs to a delivery")
        return write_request(self._requests, self.intent, kind, text, details or {}, expires)

    def open_requests(self, kind: str) -> tuple[Request, ...]:
        """What still waits for an answer."""
        return tuple(one for one in list_requests(self._requests, kind) if self.now() < one.expires)

    def expired_requests(self, kind: str) -> tuple[Request, ...]:
        """What waited in vain."""
        return tuple(one for one in list_requests(self._requests, kind) if self.now() >= one.expires)

    def close_request(self, request: Request, answer: str) -> None:
        """Note an answer."""
        close_request(request, answer)

    @property
    def _requests(self) -> Path:
        return self._bus.root / "requests" / self.adapter

    def _project(self) -> Path | None:
        """Root of the project that this call is about."""
        if self._event and self._event.cwd:
            return project_root(self._event.cwd)
        return self.intent.project_dir if self.intent else None


def _name_program(argv: Sequence[str], environ: Mapping[str, str]) -> Sequence[str]:
    """A command with the program that the user has named for it: an adapter asks the same ``ic`` that we submit to.

    Raises:
        SubmissionError: The user has named one that is not there.
    """
    variable = f"INTERHOST_{argv[0].upper().replace('-', '_')}" if argv else ""
    if not environ.get(variable):
        return argv
    from interhost.submission.programs import VARIABLES, find_program  # 10 ms, for few

    named = find_program(argv[0], environ) if argv[0] in VARIABLES else None
    return [named, *argv[1:]] if named else argv


def _of_event(draft: Draft, event: HookEvent) -> Draft:
    """What a draft about a hook event leaves out, the event knows."""
    known = {"prompt_id": event.prompt_id, "tool_use_id": event.tool_use_id}
    return evolve(
        draft,
        session_id=draft.session_id or event.session_id or None,
        project_dir=draft.project_dir or (project_root(event.cwd) if event.cwd else None),
        source_hook=draft.source_hook or f"{event.name}:{event.tool_name}".removesuffix(":None"),
        extensions={**{key: value for key, value in known.items() if value}, **draft.extensions},
    )
