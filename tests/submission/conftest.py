"""A project with stand-ins, and the writes on a bus of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from interhost_hookspecs import SubmissionError

from interhost.bus.bus import Bus
from interhost.bus.log import Query
from interhost.host.providers import Providers
from interhost.host.submitting import HostSubmissions
from interhost.host.writing import Origin
from interhost.submission import clavain, kernel, programs
from interhost.submission.ledger import WAIT_SECONDS
from tests.submission_kit import World


class Office:
    """The writes as ``interhost submit`` and adapters have them, and what they leave on the bus."""

    def __init__(self, base: Path) -> None:
        self.world = World(base)
        self.root = base / "state"
        self.bus = Bus(self.root)
        self.warned: list[str] = []
        self.wait = WAIT_SECONDS
        self.problems: list[tuple[str, str, str]] = []

    def submit(self, **environ: str) -> HostSubmissions:
        """The writes, with these variables added to the environment."""
        return HostSubmissions(
            Providers([], lambda *one: self.problems.append(one)),
            self.bus,
            Origin("cli", {**self.world.environ, **environ}, self.world.project, door="cli"),
            warn=self.warned.append,
            wait=self.wait,
        )

    def refused(self, act: Callable[[HostSubmissions], object], **environ: str) -> SubmissionError:
        """The refusal of a write."""
        with pytest.raises(SubmissionError) as caught:
            act(self.submit(**environ))
        return caught.value

    def facts(self) -> list[tuple[str, str, dict[str, Any]]]:
        """What is on the bus, as (intent, context, payload)."""
        found = (stored.envelope for stored in self.bus.log.read(Query()))
        return [(one.name, one.context_id, json.loads(one.payload)) for one in found]


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """A fresh project; nothing is known of its programs, and nobody waits long."""
    monkeypatch.setattr(kernel, "_healthy", set())
    monkeypatch.setattr(clavain, "_known", {})
    monkeypatch.setattr(programs, "_LOCKED_PAUSES", (0.01, 0.01))
    office = Office(tmp_path)
    yield office
    office.bus.close()
    assert [one for one in office.problems if one[2]] == []


@pytest.fixture
def world(office: Office) -> World:
    """Its programs."""
    return office.world
