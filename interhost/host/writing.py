"""How a submission is made: asked of the providers, once for its key, recorded and told.

Source: design section 6; issue "Submissions".
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from attrs import evolve
from interhost_hookspecs import HookCaller, SubmissionCode, SubmissionError, Submitted

from interhost.bus.bus import Bus
from interhost.bus.envelope import Envelope
from interhost.bus.payload import MAX_BYTES
from interhost.bus.resolve import session_of
from interhost.bus.spool import set_aside
from interhost.bus.store import StoredSubmission
from interhost.errors import BusyError, InputError, StateError
from interhost.host.drafting import make_envelope
from interhost.host.providers import Providers
from interhost.submission.facts import OWNER, list_facts
from interhost.submission.ledger import WAIT_SECONDS, Ledger, Once, in_doubt, leave, publish
from interhost.submission.programs import SECONDS, Desk

R = TypeVar("R", bound=Submitted)


def say(line: str) -> None:
    """Tell a person, where no command has another way."""
    print(line, file=sys.stderr, flush=True)


class Origin(NamedTuple):
    """Who submits, from where.

    Attributes:
        by: The adapter, or ``cli``.
        environ: Environment of the programs that are run.
        project: Root of the project, where the caller names none.
        cause: Envelope that is reacted to.
        session_id: Session it happens in.
        door: How the facts come in.
        limit: Most bytes of a payload's text.
    """

    by: str
    environ: Mapping[str, str]
    project: Path | None = None
    cause: Envelope | None = None
    session_id: str | None = None
    door: str = "adapter"
    limit: int = MAX_BYTES


class Write(NamedTuple):
    """One write.

    Attributes:
        kind: Name of its hook.
        request: What is asked for, in JSON.
        desk: Where it is made.
        question: Asks one provider.
    """

    kind: str
    request: Mapping[str, object]
    desk: Desk
    question: Callable[[HookCaller], Sequence[Submitted]]


class Writer:
    """Makes submissions.

    Args:
        providers: The adapters that may answer.
        bus: Where it is recorded and told.
        origin: Who submits.
        keep_lease: Called before something that may take so many seconds.
        warn: Takes a line for a person.
        wait: Seconds that a repeat waits for the one under way.
    """

    def __init__(
        self,
        providers: Providers,
        bus: Bus,
        origin: Origin,
        *,
        keep_lease: Callable[[float], None] = lambda seconds: None,
        warn: Callable[[str], None] = say,
        wait: float = WAIT_SECONDS,
    ) -> None:
        """Ask these providers."""
        self._providers = providers
        self._bus = bus
        self._origin = origin
        self._keep_lease = keep_lease
        self._warn = warn
        self._wait = wait
        self.ledger = Ledger(bus, wait=wait)

    def once(
        self,
        write: Write,
        answer: type[R],
        key: str | None,
        automatic: str | None = None,
        *,
        settle: Callable[[StoredSubmission], R | None] | None = None,
        stands: Callable[[R, float], bool] = lambda first, age: True,
    ) -> R | None:
        """Make a write: once when it has a key, and told in any case.

        Args:
            write: The write.
            answer: Class of its result.
            key: Key that was given.
            automatic: Key that it has by itself, when none was given.
            settle: What an earlier one without a result came to; left out, it stays in doubt.
            stands: Whether a result of so many seconds ago is still the answer to the automatic key.
        """
        self._keep_lease(SECONDS + self._wait)
        chosen = key or automatic
        if chosen is None:
            return self._warned(write, self._make(write, answer))
        name = f"{write.kind}:{chosen}"

        def in_general(earlier: StoredSubmission) -> None:
            raise in_doubt(name, write.kind.replace("_", " "))

        once = Once(
            key=name,
            kind=write.kind,
            request=json.dumps(write.request, ensure_ascii=False, sort_keys=True),
            is_explicit=key is not None,
            answer=answer,
            make=lambda held: self._answer(write, answer, held),
            stands=stands if key is None else lambda first, age: True,
            settle=settle or in_general,
            tell=lambda outcome: self.tell(write, outcome),
        )
        return self._warned(write, self.ledger.carry_out(once))

    def _make(self, write: Write, answer: type[R]) -> R | None:
        """Without a key: nothing is recorded but the facts."""
        try:
            result = self._answer(write, answer, ())
        except SubmissionError as error:
            self._publish(self.tell(write, error))
            raise
        if result is not None:
            self._publish(self.tell(write, result))
        return result

    def _answer(self, write: Write, answer: type[R], held: tuple[int, ...]) -> R | None:
        found = self.ask(write.question, write.kind, write.desk.begin(held))
        if found is not None and not isinstance(found, answer):
            said = f"a provider of {write.kind} answered {type(found).__name__}, expected {answer.__name__}"
            raise SubmissionError(SubmissionCode.INTERNAL, said, in_doubt=True)
        return found

    def ask(self, question: Callable[[HookCaller], Sequence[R]], hook: str, desk: Desk) -> R | None:
        """The first answer of a provider."""
        return self._providers.ask_for_submission(question, hook, desk)

    def tell(self, write: Write, outcome: Submitted | SubmissionError) -> list[Envelope]:
        """The facts of an outcome. One that cannot be a fact is set aside, and takes nothing from the outcome."""
        envelopes = []
        for fact in list_facts(outcome, write.request, write.desk.project):
            draft = evolve(
                fact,
                project_dir=write.desk.project,
                source_hook=f"submit:{write.kind}",
                session_id=self._origin.session_id,
                extensions={"submitted_by": self._origin.by, **_about(outcome)},
            )
            try:
                envelope = make_envelope(
                    draft,
                    OWNER,
                    cause=self._origin.cause,
                    limit=self._origin.limit,
                    environ={},
                    home=Path.home(),
                    door=self._origin.door,
                )
            except InputError as error:
                with contextlib.suppress(OSError):
                    set_aside(self._bus.root, repr(draft), f"{write.kind}: {error}")
                continue
            envelopes.append(envelope)
        return envelopes

    def _publish(self, envelopes: Sequence[Envelope]) -> None:
        try:
            publish(self._bus, envelopes)
        except (BusyError, StateError):
            leave(self._bus, envelopes)

    def _warned(self, write: Write, result: R | None) -> R | None:
        """Say once per session that policy was not asked."""
        if result is None or result.policy_enforced or result.repeated or result.via != "ic":
            return result
        session = session_of(self._origin.environ) or self._origin.session_id
        mark = f"session:{session or time.strftime('%Y-%m-%d', time.gmtime())}"
        with contextlib.suppress(BusyError, StateError):  # what was made is made, warned or not
            if self._bus.store.begin_effect(mark, "interhost", "warn-without-policy"):
                self._warn(f"{write.kind}: {result.note}")
        return result

    def desk(self, given: Path | None) -> Desk:
        """Where a submission is made.

        Raises:
            SubmissionError: No project is known.
        """
        project = given or self._origin.project
        if project is None or not project.is_dir():
            raise SubmissionError(
                SubmissionCode.INVALID,
                f"project {project}: no such folder" if project else "no project is known",
                remediation="name the root of the project",
            )
        return Desk(project=project.resolve(), environ=self._origin.environ)


def _about(outcome: Submitted | SubmissionError) -> dict[str, object]:
    if isinstance(outcome, SubmissionError):
        return {}
    return {"via": outcome.via, "policy_enforced": outcome.policy_enforced}
