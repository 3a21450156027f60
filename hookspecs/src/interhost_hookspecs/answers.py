"""The answers of modules that review and ship no program: knowing a report again, and telling what it says.

The same review may be seen as an agent's answer, as a file that this agent wrote, and as the report beside a request.
It is told once: a file by its state, an answer to a request by the request and the verdict.

Source: ``reference/modules/intercraft.md`` sections 8.3 and 8.5; ``reference/modules/interform.md`` section 9.4.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from interhost_hookspecs.agents import AgentAnswer, read_agent_answer
from interhost_hookspecs.catalogue import Verdict
from interhost_hookspecs.context import AdapterContext, Request
from interhost_hookspecs.files import find_inside, modified, read_text, signature
from interhost_hookspecs.intent import Draft, HookEvent, Severity
from interhost_hookspecs.positions import keep, list_new, recall
from interhost_hookspecs.reading import fact_key
from interhost_hookspecs.reports import SIZE, Report
from interhost_hookspecs.reviewers import LIFETIME, Reviewer, report_of

HALF_WRITTEN = 60.0
"""Seconds for which a report that cannot be read may still be on its way."""

SEVERITIES = {
    Verdict.SAFE: Severity.INFO,
    Verdict.NEEDS_CHANGES: Severity.WARN,
    Verdict.RISKY: Severity.ERROR,
    Verdict.ERROR: Severity.ERROR,
    None: Severity.WARN,
}
"""How much attention a verdict deserves; findings of the gravest kind make an error of it."""

_WRITTEN = re.compile(r"\b(?:written|saved) (?:in)?to:? +[`\"'*(<]*([^\s`\"'*()<>]{1,1000}\.md)\b", re.IGNORECASE)
_EXCERPT = 500
_REMEMBERED = 256


def tell_answers(reviewer: Reviewer, ctx: AdapterContext) -> Iterator[Draft]:
    """The reports that answer requests, and the requests that nobody answered, each once.

    A request is closed one look after its answer was told: only then is it certain that the fact was stored.
    """
    known, reports = recall(ctx, "answers"), dict[str, Path]()
    for request in (*ctx.open_requests(reviewer.kind), *ctx.expired_requests(reviewer.kind)):
        event_id, report = _event_of(request), report_of(request.path)
        if event_id in known:
            ctx.close_request(request, known[event_id])
        elif request.expires <= ctx.now():
            yield _tell_late(reviewer, request, ctx)
        elif _is_file(report) and not is_half_written(reviewer, report, ctx):
            reports[event_id] = report
    for event_id in list_new(ctx, "reports", {name: signature(path) for name, path in reports.items()}):
        yield from tell_report(reviewer, reports[event_id], ctx, asked=event_id)


def tell_file(reviewer: Reviewer, path: Path, root: Path, ctx: AdapterContext) -> Iterator[Draft]:
    """What a report in a project says that ``changed`` reported; one that may be half written is looked at again."""
    if is_half_written(reviewer, path, ctx):
        ctx.look_again(path)
    else:
        yield from tell_report(reviewer, path, ctx, root=root)


def tell_agent(reviewer: Reviewer, event: HookEvent, ctx: AdapterContext) -> Iterator[Draft]:
    """What the reviewing agent answered, or any other agent that a request was handed to.

    When it says where it has written its report, that is read instead, if it lies where reports may lie.
    """
    if (answer := read_agent_answer(event)) is None:
        return
    asked, is_own = find_asked(reviewer, answer.prompt, answer.text), answer.name == (reviewer.agent or None)
    reports = _list_reports(reviewer, answer, asked, event, ctx) if asked or is_own else []
    readable = [path for path in reports if reviewer.read(read_text(path, SIZE)).verdict]
    if readable or (is_own and reports and not reviewer.read(answer.text).verdict):
        yield from tell_report(reviewer, (readable or reports)[0], ctx, asked=asked)
    elif is_own or (asked and reviewer.read(answer.text).verdict):
        key = fact_key(reviewer.module, "answer", event.session_id, answer.text)
        yield compose_review(reviewer, answer.text, ctx, key=key, asked=asked)


def tell_report(
    reviewer: Reviewer, path: Path, ctx: AdapterContext, *, root: Path | None = None, asked: str | None = None
) -> Iterator[Draft]:
    """What a report in a file says; each state of the file once, whoever saw it.

    Args:
        reviewer: The module.
        path: The file.
        ctx: Knows the requests.
        root: Root of the project, if the file lies in one.
        asked: The event whose request it answers; left out, the one that it names.
    """
    text = read_text(path, SIZE)
    key = fact_key(reviewer.module, "report", os.path.realpath(path), signature(path))
    yield compose_review(reviewer, text, ctx, key=key, asked=asked or find_asked(reviewer, text), path=path, root=root)


def find_asked(reviewer: Reviewer, *texts: str) -> str | None:
    """The event whose request one of these texts names."""
    pattern = re.compile(rf"(?<![0-9A-Za-z])([0-9A-HJKMNP-TV-Z]{{26}})-{re.escape(reviewer.kind)}(?![\w-])")
    return next((found[1] for text in texts if (found := pattern.search(text))), None)


def is_half_written(reviewer: Reviewer, path: Path, ctx: AdapterContext) -> bool:
    """Whether a report that cannot be read may soon be."""
    is_young = abs(ctx.now().timestamp() - (modified(path) or 0.0)) < HALF_WRITTEN
    return is_young and reviewer.read(read_text(path, SIZE)).verdict is None


def compose_review(
    reviewer: Reviewer,
    said: str | Report,
    ctx: AdapterContext,
    *,
    key: str,
    asked: str | None = None,
    path: Path | None = None,
    root: Path | None = None,
) -> Draft:
    """The fact that a review finished. It is about one side of its subject, so it never names that as its artifact.

    Args:
        reviewer: The module.
        said: The report, as a text or read.
        ctx: Knows the requests.
        key: What makes it this review, unless it answers a request with a verdict: then that does.
        asked: The event whose request it answers.
        path: The file with the report.
        root: Root of the project, if it lies in one.
    """
    report = reviewer.read(said) if isinstance(said, str) else said
    waiting = (one for one in ctx.open_requests(reviewer.kind) if _event_of(one) == asked)
    request = next(waiting, None)
    if asked and report.verdict:
        key = fact_key(reviewer.module, "asked", asked, report.verdict)
        _remember(asked, f"{report.verdict}: {path or 'the answer of an agent'}", ctx)
    subject, written = request.details.get("subject") if request else None, modified(path) if path else None
    return Draft(
        payload=reviewer.review(
            verdict=report.verdict,
            counts=report.counts,
            verdict_source=report.verdict_source,
            stated_verdict=report.stated,
            top=report.top or None,
            inputs=(str(subject),) if subject else None,
            report=str(path) if path else None,
            **({"mode": report.mode} if report.mode else {}),
        ),
        context_id=request.context_id if request else None,
        artifact_path=path,
        severity=Severity.ERROR if report.is_grave else SEVERITIES[report.verdict],
        source_hook=f"file:{path.name}" if path else None,
        occurred_at=datetime.fromtimestamp(written, UTC) if written else None,
        project_dir=root or (request.project_dir if request else None),
        dedupe_key=key,
        extensions={**report.details, **_remark(said, report, asked)},
    )


def _remark(said: str | Report, report: Report, asked: str | None) -> dict[str, object]:
    """For which event a review was made, and how a report begins that nobody can read."""
    text = said[:_EXCERPT] if isinstance(said, str) and not report.verdict else ""
    begin = "".join(one if one.isprintable() else " " for one in text).strip()
    return {**({"for_event_id": asked} if asked else {}), **({"excerpt": begin} if begin else {})}


def _tell_late(reviewer: Reviewer, request: Request, ctx: AdapterContext) -> Draft:
    event_id, hours = _event_of(request), int(LIFETIME.total_seconds()) // 3600
    _remember(event_id, "nobody answered in time", ctx)
    return Draft(
        payload=reviewer.notice(
            text=f"Nobody made the {reviewer.kind} review of {request.details.get('subject')} within {hours} hours.",
            link=str(request.path),
        ),
        context_id=request.context_id,
        severity=Severity.WARN,
        source_hook="request:expired",
        project_dir=request.project_dir,
        dedupe_key=fact_key(reviewer.module, "expired", event_id),
        extensions={"for_event_id": event_id},
    )


def _list_reports(
    reviewer: Reviewer, answer: AgentAnswer, asked: str | None, event: HookEvent, ctx: AdapterContext
) -> list[Path]:
    """The reports that an agent was asked for, or says it has written: below its project, and nowhere else."""
    places = [report_of(one.path) for one in ctx.open_requests(reviewer.kind) if _event_of(one) == asked]
    found = _WRITTEN.search(answer.text)
    stated = find_inside(found[1], event.cwd, (event.cwd, *ctx.projects)) if found and event.cwd else None
    return [path for path in (*places, stated) if path and _is_file(path)]


def _is_file(path: Path) -> bool:
    return os.path.isfile(path) and not os.path.islink(path)


def _event_of(request: Request) -> str:
    return str(request.details.get("event_id"))


def _remember(event_id: str, answer: str, ctx: AdapterContext) -> None:
    """Close its request at the next look."""
    keep(ctx, "answers", {**recall(ctx, "answers"), event_id: answer}, most=_REMEMBERED)
