"""Asking ``tldrs``, and reading what it answers.

Its answers come with an envelope or without one, its errors on standard output. Paths are absolute: of a relative one
it finds no file and does not say so. Commands known to be broken (``find --project``, ``wb capture``, ``wb capsules``,
``distill --format json``, and ``impact`` of the daemon) are never called.

Source: ``reference/modules/tldr-swinton.md`` sections 2.3 and 2.5 (traps 1, 2 and 4 to 7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from attrs import frozen
from interhost_hookspecs import AdapterContext, Completed
from interhost_hookspecs.reading import first_line, plain_line, read_object

PROGRAM = "tldrs"

SECRETS = ("*KEY*", "*TOKEN*", "*SECRET*", "*PASSWORD*")
"""Variables that it does not inherit."""

# It asks git, of which a repository may want programs run; its checkers leave caches in the project.
_ENVIRON: Mapping[str, str] = MappingProxyType(
    {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": "false",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "NO_COLOR": "1",
        "NO_PROGRESS": "1",
        "RUFF_NO_CACHE": "true",
    }
)


class MissingError(Exception):
    """``tldrs`` is not installed."""


class FailedError(Exception):
    """``tldrs`` did not do it. ``str()`` says why in one line."""


@frozen
class Answer:
    """What was answered: a ``result``, or the ``code`` and the ``message`` of an error."""

    result: Mapping[str, Any]
    code: str = ""
    message: str = ""


def read_answer(text: str) -> Answer | None:
    """The answer in an output; ``None`` when it is no JSON object."""
    said = read_object(text)
    if said.get("error") or said.get("success") is False or said.get("status") == "error":
        code, message = plain_line(said.get("code")), first_line(said, "message", "error") or ""
        return Answer({}, code or "TLDRS_ERROR", plain_line(message))
    inner = said.get("result")
    result = inner if isinstance(inner, dict) else said
    if isinstance(result.get("error"), str):  # such as a file that is gone, within a success
        return Answer({}, "TLDRS_ERROR", plain_line(result["error"]))
    return Answer(result) if said else None


def run(words: Sequence[str], project: Path, ctx: AdapterContext, *, timeout: float = 30.0) -> Completed:
    """Run ``tldrs`` in a project.

    Raises:
        MissingError: It is not installed.
    """
    done = ctx.run([PROGRAM, *words], timeout=timeout, cwd=project, env=_ENVIRON, drop=SECRETS)
    if done.missing:
        raise MissingError
    return done


def ask(words: Sequence[str], project: Path, ctx: AdapterContext, *, timeout: float = 30.0) -> Mapping[str, Any]:
    """The result of a command.

    Args:
        words: The command and its arguments; every path absolute.
        project: Root of the project, in which it is run.
        ctx: Runs it.
        timeout: Seconds it may take.

    Raises:
        MissingError: It is not installed.
        FailedError: It ended with an error, not in time, or with something that is no answer.
    """
    done = run(["--machine", *words], project, ctx, timeout=timeout)
    answer = read_answer(done.stdout)
    if answer and answer.code:
        raise FailedError(f"tldrs {words[0]}: {answer.code} {answer.message}".rstrip())
    if answer is None or not done.ok:
        raise FailedError(f"tldrs {words[0]}: {plain_line(done.why)}")
    return answer.result
