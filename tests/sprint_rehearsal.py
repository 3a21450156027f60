"""Delivering a recorded log again: to contexts that act on nothing, and are answered what was answered before.

Before a round of deliveries the positions of the adapters, the sidebands and the open requests are kept. Afterwards
every fact of the round is handed to the hook of each of its consumers, with a context that has what was kept. Programs
answer what they answered in the sprint; a command that nobody ran then has no answer.
"""

from __future__ import annotations

import inspect
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from attrs import define, field
from interhost_hookspecs import Completed, Intent, Outcome, Request
from interhost_hookspecs.testing import FakeCommand, FakeContext, FakeCursor, FakeGuards, FakeSideband

from interhost.host.codec import view
from interhost.host.loading import hook_of
from interhost.host.registry import list_adapters
from interhost.host.requests import list_requests
from tests.sprint_kit import Call, Machine
from tests.sprint_programs import MODULES
from tests.sprint_story import Fact

NOT_THEIRS = "not this adapter's business"


@define
class Recorder(FakeContext):
    """A context that remembers; requests are named as the host would name them, and are open from then on."""

    intent: Intent[Any] | None = field(default=None, kw_only=True)

    def request(
        self, kind: str, text: str, details: Mapping[str, object] | None = None, *, expires: datetime | None = None
    ) -> Path:
        """Keep the request."""
        assert self.intent
        super().request(kind, text, details, expires=expires)
        path = self.home / ".interbus" / "requests" / self.adapter / f"{self.intent.event_id}-{kind}.md"
        request = Request(
            path=path,
            kind=kind,
            context_id=self.intent.context_id,
            artifact_path=self.intent.artifact_path,
            project_dir=self.intent.project_dir,
            asked_at=self.now(),
            expires=expires or self.now() + timedelta(days=1),
            details={**(details or {}), "event_id": self.intent.event_id},
        )
        self.waiting.append(request)
        return path


@define
class Planned:
    """What an adapter would have done about a fact: outcome, commands, and facts of its own."""

    fact: Fact
    consumer: str
    outcome: tuple[str, str]
    commands: list[tuple[str, ...]]
    told: list[str]


class Rehearsal:
    """Rehearses each round of a sprint.

    Args:
        machine: Where the sprint is played.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.planned: list[Planned] = []
        self._modules = {one.name: import_module(one.module) for one in list_adapters() if one.name in MODULES}
        self._config = tomllib.loads(machine.config(machine.addresses[1]))["adapters"]
        self._calls = 0

    def begin(self) -> Callable[[list[Fact]], None]:
        """Keep what the adapters know now; the answer rehearses the facts that were told since."""
        contexts = {name: self._context(name, module) for name, module in self._modules.items()}

        def end(facts: list[Fact]) -> None:
            calls = self.machine.list_calls()
            recent, self._calls = calls[self._calls :], len(calls)
            for name, context in contexts.items():
                answers = Answers(recent)
                context.commands.update(dict.fromkeys({call.argv[0] for call in calls}, answers))
                self.planned += [self._ask(fact, name, context) for fact in facts if name in fact.outcomes]

        return end

    def _ask(self, fact: Fact, consumer: str, context: Recorder) -> Planned:
        context.intent, context.clock = view(fact.envelope), datetime.now(UTC)
        context.effects, context.ran, context.drafts = set(), [], []
        hook = getattr(self._modules[consumer], hook_of(fact.envelope.intent))
        known = {"intent": context.intent, "ctx": context}
        answer: Outcome | None = hook(**{name: known[name] for name in inspect.signature(hook).parameters})
        outcome = (str(answer.kind), answer.reason) if answer else ("skipped", NOT_THEIRS)
        return Planned(fact, consumer, outcome, context.ran, [_name(one.intent, one.payload) for one in context.drafts])

    def _context(self, name: str, module: ModuleType) -> Recorder:
        machine = self.machine
        with machine.bus() as bus:
            rows = bus.database.rows("SELECT name, value FROM cursor WHERE adapter = ?", name)
        folder = machine.root / "requests" / name
        kinds = {json.loads(path.read_text())["kind"] for path in folder.glob("*.json")}
        return Recorder(
            machine.home,
            of=module,
            config=self._config.get(name, {}),
            projects=(machine.project,),
            root=machine.plugin(name),
            cursor=FakeCursor({str(key): str(value) for key, value in rows}),
            guards=FakeGuards(ic=True, bd=True, companions=frozenset(MODULES)),
            sideband=FakeSideband(_read_sidebands(machine.home / ".interband"), machine.home / ".interband"),
            waiting=[one for kind in sorted(kinds) for one in list_requests(folder, kind)],
        )


class Answers:
    """Answers each command as it was answered, the first time with the first answer."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self._left = list(calls)

    def __call__(self, command: FakeCommand) -> Completed:
        """The answer that was recorded."""
        found = [call for call in self._left if call.argv == command.argv]
        assert found, f"nobody ran {command.argv}"
        if len(found) > 1:
            self._left.remove(found[0])
        call = found[0]
        return Completed(argv=call.argv, returncode=call.code, stdout=call.out, stderr=call.err)


def _name(intent: str | None, payload: object) -> str:
    return intent or str(getattr(type(payload), "INTENT", ""))


def _read_sidebands(root: Path) -> dict[tuple[str, str, str], Mapping[str, object]]:
    files = root.glob("*/*/*.json")
    return {(one.parts[-3], one.parts[-2], one.stem): json.loads(one.read_text())["payload"] for one in files}
