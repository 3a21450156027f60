"""The channels that are known by name: what type they carry, how their files are called, how long they stay.

Source: specification "Interband Sideband Protocol (v1)"; reference/modules/_wave2-shared-ground.md section 1.2.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from interhost.errors import InputError
from interhost.interband.paths import sideband_path
from interhost.interband.protocol import safe_key

HOUR = 3600
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Channel(NamedTuple):
    """One channel.

    Attributes:
        namespace: First folder.
        name: Second folder.
        kind: ``type`` of its envelopes; empty for a channel that is not known.
        key: What a file is named after; several parts are joined with ``-``.
        seconds: Default retention.
        files: Default number of files.
    """

    namespace: str
    name: str
    kind: str = ""
    key: tuple[str, ...] = ("key",)
    seconds: int = 24 * HOUR
    files: int = 256

    @property
    def pattern(self) -> str:
        """``interphase/bead/<session_id>.json``."""
        return f"{self.namespace}/{self.name}/{'-'.join(f'<{part}>' for part in self.key)}.json"


CHANNELS = (
    Channel("interphase", "bead", "bead_phase", ("session_id",)),
    Channel("clavain", "dispatch", "dispatch", ("pid",), 6 * HOUR, 128),
    Channel("interlock", "coordination", "coordination_signal", ("project", "agent"), 12 * HOUR),
    Channel("intercheck", "pressure", "context_pressure", ("session_id",), HOUR, 64),
    Channel("intercheck", "checkpoint", "checkpoint_needed", ("session_id",), HOUR, 32),
    Channel("interstat", "budget", "budget_alert", ("session_id",), 6 * HOUR, 64),
)


def find_channel(namespace: str, name: str) -> Channel:
    """A known channel; else one with the defaults."""
    return next((one for one in CHANNELS if one[:2] == (namespace, name)), Channel(namespace, name))


def make_key(channel: Channel, parts: Sequence[str]) -> str:
    """The key of a file from its parts; a key that is already joined is one part, and may be empty.

    Raises:
        InputError: More parts than the channel has, an empty one of several, or a process id that is none.
    """
    if len(parts) not in (1, len(channel.key)):
        raise InputError(f"{channel.namespace}/{channel.name}: expected {' and '.join(channel.key)}, got {len(parts)}")
    if len(parts) > 1 and not all(parts):
        raise InputError(f"{channel.pattern}: an empty part")
    if channel.key == ("pid",) and not re.fullmatch(r"[1-9][0-9]{0,9}", parts[0]):
        raise InputError(f"{channel.pattern}: {parts[0]!r} is no process id")
    return "-".join(parts)


def bead_path(root: Path, session_id: str) -> Path:
    """The file with the bead and phase of a session."""
    return sideband_path(root, "interphase", "bead", make_key(find_channel("interphase", "bead"), [session_id]))


def dispatch_path(root: Path, pid: int) -> Path:
    """The file with what a dispatched agent does now."""
    return sideband_path(root, "clavain", "dispatch", make_key(find_channel("clavain", "dispatch"), [str(pid)]))


def coordination_path(root: Path, project: str, agent: str) -> Path:
    """The file with the last signal of an agent in a project."""
    channel = find_channel("interlock", "coordination")
    return sideband_path(root, "interlock", "coordination", make_key(channel, [project, agent]))


def split_coordination(
    key: str,
    payload: Mapping[str, object] | None = None,
    *,
    projects: Collection[str] = (),
    agents: Collection[str] = (),
) -> tuple[str, str] | None:
    """Project and agent of a coordination file; ``None`` when nobody can tell.

    First hit wins: what our writer put into the payload, the only dash at which the key can be parted, the known
    projects and agents, an agent id that is a UUID.

    Args:
        key: File name without ``.json``.
        payload: Its payload.
        projects: Names of projects that exist.
        agents: Names or ids of agents that exist.
    """
    project, agent = (payload or {}).get("project"), (payload or {}).get("agent")
    if isinstance(project, str) and isinstance(agent, str) and safe_key(f"{project}-{agent}") == key:
        return project, agent
    ways = [(key[:at], key[at + 1 :]) for at, letter in enumerate(key) if letter == "-" and 0 < at < len(key) - 1]
    known = {safe_key(one) for one in projects}, {safe_key(one) for one in agents}
    for part in (0, 1):
        ways = [way for way in ways if way[part] in known[part]] or ways
    ways = [way for way in ways if _UUID.fullmatch(way[1])] or ways if len(ways) > 1 else ways
    return ways[0] if len(ways) == 1 else None


def key_parts(channel: Channel, key: str, payload: Mapping[str, object] | None = None) -> Mapping[str, str]:
    """What a file is named after, by name; empty where that cannot be told."""
    if channel.key == ("project", "agent"):
        parted = split_coordination(key, payload)
        return dict(zip(channel.key, parted, strict=True)) if parted else {}
    return {channel.key[0]: key}
