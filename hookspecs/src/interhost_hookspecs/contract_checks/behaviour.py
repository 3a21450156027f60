"""Checks that call the adapter: on an empty machine, with every hook event, with every intent."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from interhost_hookspecs.catalogue import CATALOGUE
from interhost_hookspecs.contract_checks.manifest import hook_of
from interhost_hookspecs.contract_checks.payloads import list_misfits
from interhost_hookspecs.contract_checks.samples import list_documents, list_intents
from interhost_hookspecs.contract_checks.subject import Subject
from interhost_hookspecs.intent import Intent, Observation
from interhost_hookspecs.outcome import Outcome
from interhost_hookspecs.specs.adapter import CheckLevel
from interhost_hookspecs.testing.context import FakeContext
from interhost_hookspecs.testing.hook_events import view_hook_event


def checks_an_empty_machine(subject: Subject) -> Iterator[str]:
    """``check_adapter`` finds no fault where nothing is installed, and says what to do about what is not there."""
    if "check_adapter" not in subject.hooks:
        yield "check_adapter is not implemented; interhost doctor shows what it finds, interhost_hookspecs.checks helps"
        return
    for ctx in list_machines(subject):
        found, problem = call(subject, "check_adapter", ctx=ctx)
        if problem:
            yield f"check_adapter raised on an empty machine: {problem}"
        for check in (one for checks in found if isinstance(checks, list) for one in checks):
            if check.level is CheckLevel.PROBLEM:
                yield f"check {check.name!r} names a problem where nothing is installed; that is a note: {check.detail}"
            if check.level is CheckLevel.NOTE and not check.hint:
                yield f"check {check.name!r} notes {check.detail!r} without a hint; say what to do about it"


def tells_nothing_of_an_empty_machine(subject: Subject) -> Iterator[str]:
    """``observe`` neither raises nor tells anything where there is nothing to see."""
    if "observe" not in subject.hooks:
        return
    for ctx in list_machines(subject):
        seen, problem = call(subject, "observe", ctx=ctx)
        if problem:
            yield f"observe raised on an empty machine: {problem}; what is missing is an empty observation"
        if wrong := _find_wrong(seen, Observation):
            yield f"observe {wrong}"
        for one in seen:
            if isinstance(one, Observation) and (told := (*one.drafts, *one.advice)):
                yield f"observe told something on an empty machine: {told[0]!r}"


def survives_every_hook_event(subject: Subject) -> Iterator[str]:
    """``observe_hook`` takes every event, also with keys missing and of wrong types, and answers an observation."""
    if "observe_hook" not in subject.hooks:
        return
    failed = set[str]()
    for ctx in list_machines(subject):
        for label, document in list_documents():
            event = view_hook_event(document)
            seen, problem = call(subject, "observe_hook", event=event, ctx=ctx)
            problem = problem or _find_wrong(seen, Observation)
            problem = problem or next(
                list_misfits(draft for one in seen if isinstance(one, Observation) for draft in one.drafts), ""
            )
            if problem and event.name not in failed:  # one line per event is enough to work on
                failed.add(event.name)
                yield f"observe_hook of {label}: {problem}"


def survives_every_intent(subject: Subject) -> Iterator[str]:
    """Each ``on_`` hook ends with an outcome or ``None`` on an empty machine, whatever the payload leaves out."""
    hooks = {f"on_{name}": cls for name, cls in CATALOGUE.items()}
    for hook in sorted(one for one in subject.hooks if one.startswith("on_")):
        own = [name for name in subject.list_names("consumes") if name != "*" and hook_of(name) == hook]
        for ctx in list_machines(subject):
            for label, intent in list_intents(hooks.get(hook), own, ctx.home):
                problem = _react(subject, hook, intent, ctx)
                if problem:
                    yield f"{hook} of {label}: {problem}"
                    break


def list_machines(subject: Subject) -> Iterator[FakeContext]:
    """Machines with nothing on them: without a project, with an empty one, and with settings of wrong types."""
    with tempfile.TemporaryDirectory(prefix="interhost-contract-") as place:
        home = Path(place)
        project = home / "project"
        project.mkdir()
        config = _move_paths(subject, home)
        wrong = {name: 7 if isinstance(row.get("default"), list) else ["x"] for name, row in subject.settings.items()}
        for said, projects in ((config, ()), (config, (project,)), ({**wrong, **config}, (project,))):
            yield FakeContext(home, of=subject.adapter, config=said, projects=projects)


def call(subject: Subject, hook: str, **arguments: object) -> tuple[list[object], str]:
    """What a hook answers, and what it raised instead, in one line."""
    try:
        return list(getattr(subject.manager.hook, hook)(**arguments)), ""
    except Exception as error:  # whatever it is, it is what the check is about
        place = _find_line(error)
        return [], f"raised {type(error).__name__}: {' '.join(str(error).split())}{place}"


def _find_line(error: BaseException) -> str:
    """Where it was raised: the last line of the traceback."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})" if trace else ""


def _react(subject: Subject, hook: str, intent: Intent[object], ctx: FakeContext) -> str:
    fresh = FakeContext(ctx.home, of=ctx.of, config=ctx.said, projects=ctx.projects)
    answers, problem = call(subject, hook, intent=intent, ctx=fresh)
    return problem or _find_wrong(answers, Outcome) or next(list_misfits(fresh.drafts), "")


def _find_wrong(answers: list[object], expected: type) -> str:
    """The first answer of a wrong type; empty when all are right."""
    wrong = [answer for answer in answers if not isinstance(answer, expected)]
    return f"answered {wrong[0]!r}; expected {expected.__name__} or None" if wrong else ""


def _move_paths(subject: Subject, home: Path) -> Mapping[str, object]:
    """Settings that name a place of the machine name one below the empty home."""
    defaults = {name: row.get("default") for name, row in subject.settings.items()}
    return {
        name: str(home / value.lstrip("~/"))
        for name, value in defaults.items()
        if isinstance(value, str) and value.startswith(("/", "~/"))
    }
