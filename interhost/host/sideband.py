"""The sideband files of an adapter's context, for one call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from interhost_hookspecs import Cursor, SidebandError, SidebandFile

from interhost.errors import InterhostError, StateError
from interhost.interband.find import read_payload
from interhost.interband.paths import channel_dir, sideband_root
from interhost.interband.retention import retention


class HostSideband:
    """See :class:`interhost_hookspecs.Sideband`.

    Args:
        home: The user's home.
        cursor: Keeps what was seen of each channel that an adapter asks about, as ``sideband:<namespace>/<channel>``.
        backfill: The user wants what is there at the first look, too.
    """

    def __init__(self, home: Path, cursor: Cursor, *, backfill: bool = False) -> None:
        """Files of one user."""
        self._home = home
        self._cursor = cursor
        self._backfill = backfill
        self._changed: dict[tuple[str, str], tuple[SidebandFile, ...]] = {}
        try:
            self.root: Path | None = sideband_root(os.environ, home)
        except StateError:
            self.root = None

    def read(self, namespace: str, channel: str, key: str, *, fresh: bool = False) -> Mapping[str, object] | None:
        """The payload of one file, or ``None``."""
        if self.root is None:
            return None
        kept = retention(os.environ, namespace, channel).seconds if fresh else None
        return read_payload(self.root, namespace, channel, key, max_age=kept)

    def write(
        self,
        namespace: str,
        channel: str,
        key: str,
        payload: Mapping[str, object],
        *,
        kind: str = "",
        session_id: str = "",
    ) -> Path:
        """Write one file at once, and prune its channel if that is due."""
        from interhost.interband.write import write_sideband  # for few

        try:
            root = self.root or sideband_root(os.environ, self._home)  # which says why there is none
            return write_sideband(root, namespace, channel, key, payload, kind=kind, session_id=session_id).path
        except InterhostError as error:
            raise SidebandError(str(error)) from error

    def changed(self, namespace: str, channel: str) -> tuple[SidebandFile, ...]:
        """Files with a new content; within one call always the same ones."""
        place = (namespace, channel)
        if place not in self._changed:
            self._changed[place] = self._look(namespace, channel)
        return self._changed[place]

    def _look(self, namespace: str, channel: str) -> tuple[SidebandFile, ...]:
        from interhost.interband.watch import Watcher

        name = f"sideband:{namespace}/{channel}"
        stored = self._cursor.get(name)
        # A channel that was never there has an empty baseline; one that is gone may come back as it was.
        if self.root is None or (stored and not channel_dir(self.root, namespace, channel).is_dir()):
            return ()
        watcher = Watcher(self.root, namespace, channel, position=stored)
        changes = watcher.look()
        self._cursor.set(name, watcher.position)
        if stored is None and not self._backfill:
            return ()
        return tuple(
            SidebandFile(
                path=place.path,
                key=place.key,
                kind=envelope.type,
                session_id=envelope.session_id,
                payload=envelope.payload,
            )
            for place, envelope, _ in changes
            if envelope
        )
