"""The adapter's context, for one call.

What an adapter publishes, advises or moves is collected here and stored by the caller together with the outcome of
the call, in one transaction. Effects outside (commands, request files) happen at once. Source: design section 7.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from interhost_hookspecs import Advice, Completed, Draft, InDoubtError, Intent

from interhost.bus.bus import Bus
from interhost.bus.envelope import Envelope
from interhost.bus.resolve import find_bead
from interhost.bus.spool import set_aside
from interhost.host.config import Config
from interhost.host.drafting import foreign_environ, make_envelope
from interhost.host.files import ChangedFiles, FileTail
from interhost.host.providers import HostGuards, HostSubmissions, Providers
from interhost.host.requests import write_request
from interhost.interband.read import read_payload, sideband_root
from interhost.manifests.plugins import find_plugin
from interhost.process import run_process

"""Extensions that the host alone writes."""


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


class HostSideband:
    """See :class:`interhost_hookspecs.Sideband`."""

    def __init__(self, home: Path) -> None:
        """Files of one user."""
        self._root = sideband_root(os.environ, home)

    def read(self, namespace: str, channel: str, key: str) -> Mapping[str, object] | None:
        """The payload of one file, or ``None``."""
        return read_payload(self._root, namespace, channel, key) if self._root else None


class HostContext:
    """See :class:`interhost_hookspecs.AdapterContext`.

    Args:
        adapter: Name of the adapter that is called.
        bus: The bus.
        config: The user's configuration.
        providers: Who answers guards and submissions.
        cause: The envelope that is delivered, or ``None`` while observing.
        intent: Its view.
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
        cause: Envelope | None = None,
        intent: Intent[Any] | None = None,
        backfill: bool = False,
        keep_lease: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """Begin a call."""
        self.adapter = adapter
        self.home = Path.home()
        self.config: Mapping[str, object] = config.adapter(adapter)
        self.cursor = HostCursor(bus, adapter)
        self.guards = HostGuards(providers)
        self.submit = HostSubmissions(providers)
        self.sideband = HostSideband(self.home)
        self.envelopes: list[Envelope] = []
        self.advices: list[Advice] = []
        self.refused: list[tuple[str, str]] = []
        self._bus = bus
        self._limit = config.payload_bytes
        self.intent = intent
        self._cause = cause
        self._backfill = backfill
        self._keep_lease = keep_lease
        self._tails: dict[Path, FileTail] = {}
        self._changed: dict[tuple[Path, str], ChangedFiles] = {}

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

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.now(UTC)

    def module_root(self) -> Path | None:
        """Where the module is installed."""
        name = self.adapter.upper().replace("-", "_")
        for variable in (f"INTERHOST_{name}_ROOT", f"{name}_ROOT"):
            if (given := os.environ.get(variable)) and Path(given).is_dir():
                return Path(given)
        project = self.intent.project_dir if self.intent else None
        return find_plugin(self.adapter, os.environ, self.home, project)

    def find_bead(self, path: Path) -> str | None:
        """The bead of a ``**Bead:**`` line."""
        return find_bead(path)

    def tail(self, path: Path) -> FileTail:
        """New lines of a file; within one call always the same ones."""
        if path not in self._tails:
            self._tails[path] = FileTail(path, self.cursor.get(f"tail:{path}"), backfill=self._backfill)
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
                backfill=self._backfill,
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
    ) -> Completed:
        """Run a command in the project of the intent."""
        project = self.intent.project_dir if self.intent else None
        self._keep_lease(timeout)
        result = run_process(
            argv, timeout=timeout, cwd=cwd or project, stdin=stdin, env={**foreign_environ(), **(env or {})}
        )
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
        envelope = make_envelope(
            draft, self.adapter, cause=self._cause, limit=self._limit, environ=foreign_environ(), home=self.home
        )
        self.envelopes.append(envelope)

    def advise(self, advice: Advice) -> None:
        """Store advice with the outcome."""
        self.advices.append(advice)

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

    def request(self, kind: str, text: str, details: Mapping[str, object] | None = None) -> Path:
        """Write request files."""
        if self.intent is None:
            raise RuntimeError("ctx.request belongs to a delivery")
        return write_request(self._bus.root / "requests" / self.adapter, self.intent, kind, text, details or {})
