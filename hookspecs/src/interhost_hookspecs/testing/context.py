"""An adapter's context, of which a test can ask what the adapter wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

from attrs import define, evolve, field, frozen

from interhost_hookspecs.beads import Beads
from interhost_hookspecs.command import Completed
from interhost_hookspecs.context import InDoubtError, Request
from interhost_hookspecs.intent import ADVICE_LIFE, BEAD_ID, Advice, Draft
from interhost_hookspecs.runs import KernelRuns
from interhost_hookspecs.settings import Settings
from interhost_hookspecs.testing.fakes import FakeCursor, FakeGuards, FakeSideband, FakeTail
from interhost_hookspecs.testing.intents import EPOCH
from interhost_hookspecs.testing.manifest import read_manifest, table
from interhost_hookspecs.testing.submissions import FakeSubmissions


@frozen(kw_only=True)
class FakeCommand:
    """A command that an adapter wants to run."""

    argv: tuple[str, ...]
    timeout: float = 10.0
    cwd: Path | None = None
    stdin: str | None = None
    env: Mapping[str, str] = field(factory=dict)
    drop: tuple[str, ...] = ()


Answer = Completed | Callable[[FakeCommand], Completed]


@define
class FakeContext:
    """An adapter's context for tests.

    Attributes:
        home: The user's home; usually pytest's ``tmp_path``.
        of: The adapter's module, whose manifest has its name and declares its settings.
        adapter: Its name.
        declared: Its settings.
        said: What the user says about them in ``config.toml``: the argument ``config``.
        commands: Answer of each program by its name (``argv[0]``); a program that is not listed is "not found".
        ran: Every command that was run.
        drafts: What was published with the outcome.
        advices: What was advised with the outcome.
        requests: Requests written, as (kind, text, details).
        waiting: Requests that are open.
        closed: Answers to requests that were open, by the request's path.
        effects: Effects that earlier attempts have begun; ``once`` answers from it.
    """

    home: Path
    of: ModuleType | None = field(default=None, kw_only=True)
    adapter: str = field()
    said: Mapping[str, object] = field(factory=dict, alias="config")
    projects: tuple[Path, ...] = ()
    root: Path | None = None
    backfill: bool = False
    commands: dict[str, Answer] = field(factory=dict)
    cursor: FakeCursor = field(factory=FakeCursor)
    guards: FakeGuards = field(factory=FakeGuards)
    submit: FakeSubmissions = field(factory=FakeSubmissions)
    sideband: FakeSideband = field(factory=FakeSideband)
    clock: datetime = EPOCH
    new_lines: dict[Path, Sequence[str]] = field(factory=dict)
    changed_files: Sequence[Path] | None = None
    ran: list[tuple[str, ...]] = field(factory=list)
    drafts: list[Draft] = field(factory=list)
    advices: list[Advice] = field(factory=list)
    requests: list[tuple[str, str, Mapping[str, object]]] = field(factory=list)
    waiting: list[Request] = field(factory=list)
    closed: dict[Path, str] = field(factory=dict)
    effects: set[str] = field(factory=set)
    postponed: list[Path] = field(factory=list)
    tails: dict[Path, FakeTail] = field(factory=dict)
    declared: Mapping[str, Mapping[str, object]] = field()

    @adapter.default
    def _name(self) -> str:
        return str(read_manifest(self.of).get("name")) if self.of else "fake"

    @declared.default
    def _declared(self) -> Mapping[str, Mapping[str, object]]:
        return table(table(read_manifest(self.of).get("interbus")).get("settings")) if self.of else {}

    @property
    def config(self) -> Settings:
        """The adapter's settings; a test may say others at any time."""
        return Settings(self.said, self.declared, self.home)

    @config.setter
    def config(self, said: Mapping[str, object]) -> None:
        self.said = said

    @property
    def beads(self) -> Beads:
        """The tracker, by the answers that ``commands`` has for ``bd``."""
        return Beads(self)

    @property
    def runs(self) -> KernelRuns:
        """The kernel's runs, by the answers that ``commands`` has for ``ic``."""
        return KernelRuns(self)

    def now(self) -> datetime:
        """The fake clock."""
        return self.clock

    def sleep(self, seconds: float) -> None:
        """Move the fake clock."""
        self.clock += timedelta(seconds=seconds)

    def module_root(self) -> Path | None:
        """The root a test gave."""
        return self.root

    def find_bead(self, path: Path) -> str | None:
        """The bead of a real file's ``**Bead:**`` line."""
        try:
            text = path.read_text("utf-8", "replace")
        except OSError:
            return None
        found = re.search(rf"^[ \t]*\*{{0,2}}Bead\*{{0,2}}:\*{{0,2}}[ \t]*`?({BEAD_ID})(?![\w-])", text, re.MULTILINE)
        return found.group(1) if found else None

    def tail(self, path: Path, *, whole: bool = False) -> FakeTail:
        """The lines a test put into ``new_lines``."""
        return self.tails.setdefault(path, FakeTail(tuple(self.new_lines.get(path, ()))))

    def changed(self, pattern: str, *, root: Path, settle: float = 2.0) -> tuple[Path, ...]:
        """The files a test named, else every file that matches."""
        matching = sorted(root.glob(pattern))
        return tuple(path for path in matching if self.changed_files is None or path in self.changed_files)

    def look_again(self, path: Path) -> None:
        """Remember what is to be looked at again."""
        self.postponed.append(path)

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
        """Answer from the table."""
        command = FakeCommand(argv=tuple(argv), timeout=timeout, cwd=cwd, stdin=stdin, env=env or {}, drop=tuple(drop))
        self.ran.append(command.argv)
        answer = self.commands.get(argv[0])
        if answer is None:
            return Completed(argv=command.argv, returncode=None, problem=f"{argv[0]}: not found", missing=True)
        return answer if isinstance(answer, Completed) else answer(command)

    def publish(self, draft: Draft) -> None:
        """Keep the draft."""
        self.drafts.append(draft)

    def advise(self, advice: Advice) -> None:
        """Keep the advice, with the time at which it expires."""
        self.advices.append(evolve(advice, expires=advice.expires or self.now() + ADVICE_LIFE))

    def once(self, action: str, happened: Callable[[], bool | None] | None = None) -> bool:
        """Answer as the host would after the effects in ``effects``."""
        if action not in self.effects:
            self.effects.add(action)
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
        """Keep the request."""
        self.requests.append((kind, text, details or {}))
        return self.home / ".interbus" / "requests" / self.adapter / f"{kind}.md"

    def open_requests(self, kind: str) -> tuple[Request, ...]:
        """The requests of ``waiting``, as the fake clock and the answers given leave them open."""
        return tuple(one for one in self._requests(kind) if self.clock < one.expires)

    def expired_requests(self, kind: str) -> tuple[Request, ...]:
        """The requests of ``waiting`` whose time has passed on the fake clock, and that got no answer."""
        return tuple(one for one in self._requests(kind) if self.clock >= one.expires)

    def close_request(self, request: Request, answer: str) -> None:
        """Keep the answer."""
        self.closed[request.path] = answer

    def _requests(self, kind: str) -> list[Request]:
        return [one for one in self.waiting if one.kind == kind and one.path not in self.closed]
