"""The smaller tools of a fake context: positions, guards, sidebands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import define, field

from interhost_hookspecs.context import SidebandError, SidebandFile


@define
class FakeTail:
    """New lines of a file; see ``interhost_hookspecs.Tail``."""

    lines: tuple[str, ...]
    given_back: int = 0

    def give_back(self, count: int) -> None:
        """Remember how many lines are left for the next look."""
        self.given_back = count


@define
class FakeCursor:
    """Named positions in memory."""

    values: dict[str, str] = field(factory=dict)

    def get(self, name: str) -> str | None:
        """The value, or ``None``."""
        return self.values.get(name)

    def set(self, name: str, value: str) -> None:
        """Store a value."""
        self.values[name] = value


@define
class FakeGuards:
    """Guards that answer from their attributes; everything is absent until a test says otherwise."""

    ic: bool = False
    bd: bool = False
    companions: frozenset[str] = frozenset()
    ecosystem: bool = False
    bead: str = ""
    sprint: bool = False

    def has_ic(self) -> bool:
        """Whether ``ic`` is there."""
        return self.ic

    def has_bd(self) -> bool:
        """Whether ``bd`` is there."""
        return self.bd

    def has_companion(self, name: str) -> bool:
        """Whether the plugin is there."""
        return name in self.companions

    def in_ecosystem(self) -> bool:
        """Whether interbase is there."""
        return self.ecosystem

    def get_bead(self) -> str:
        """The current bead."""
        return self.bead

    def in_sprint(self) -> bool:
        """Whether a sprint is on."""
        return self.sprint


@define
class FakeSideband:
    """Sideband payloads by (namespace, channel, key), and a directory for whoever watches the files.

    Attributes:
        files: What is there, and what was written; no payload is held against any rule.
        root: The directory.
        stale: Keys of ``files`` that are too old to be fresh.
        news: What ``changed`` answers, by (namespace, channel).
        refusal: Raised by ``write`` instead of writing.
    """

    files: dict[tuple[str, str, str], Mapping[str, object]] = field(factory=dict)
    root: Path | None = None
    stale: set[tuple[str, str, str]] = field(factory=set)
    news: dict[tuple[str, str], Sequence[SidebandFile]] = field(factory=dict)
    refusal: SidebandError | None = None

    def read(self, namespace: str, channel: str, key: str, *, fresh: bool = False) -> Mapping[str, object] | None:
        """The payload, or ``None``."""
        place = (namespace, channel, key)
        return None if fresh and place in self.stale else self.files.get(place)

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
        """Keep the payload, which is fresh now."""
        if self.refusal:
            raise self.refusal
        self.files[namespace, channel, key] = payload
        self.stale.discard((namespace, channel, key))
        return (self.root or Path("/")) / namespace / channel / f"{key}.json"

    def changed(self, namespace: str, channel: str) -> tuple[SidebandFile, ...]:
        """The files a test named."""
        return tuple(self.news.get((namespace, channel), ()))
