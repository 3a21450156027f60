"""Run cases against implementations, each call in a process of its own, and say what does not hold.

Of every call, whatever the case, this holds: nothing is raised and nothing fails, the environment is what it was,
standard input can still be read from its beginning, and the answer is of the function's own kind.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from interhost.errors import InputError, MissingError
from interhost.interbase.conformance.cases import Case, Given, Step
from interhost.interbase.conformance.judge import differences, left_behind
from interhost.interbase.conformance.stage import Stage, make_tools
from interhost.process import Result, run_process

GUARDS = ("has_ic", "has_bd", "has_companion", "in_ecosystem", "in_sprint")
TEXTS = ("get_bead", "plugin_cache_path", "ecosystem_root", "session_status")
_GUARD_SECONDS, _ACTION_SECONDS, _SLACK_SECONDS = 2.0, 10.0, 3.0
"""What a question and an action may take; and what a busy machine may need on top to start processes."""
_QUICK = (*GUARDS, "get_bead", "plugin_cache_path", "ecosystem_root")
_LOAD = "load"
"""No function: the implementation is only loaded."""
_STDIN = '{"hook_event_name": "PostToolUse"}\n'
_BASH = """
set -euo pipefail
library=$1 report=$2 kind=$3 function=$4
shift 4
trap 'printf "%s\\0" trap >|"$report"; exit 97' ERR
source "$library"
before=$(export -p)
code=0
if [[ $kind == guard ]]; then
  if "$function" "$@"; then code=0; else code=$?; fi
else
  "$function" "$@"
fi
after=$(export -p) same=no
if [[ $before == "$after" ]]; then same=yes; fi
IFS= read -r -d '' rest || :
printf '%s\\0' "$code" "$same" "$rest" >|"$report"
"""


class Implementation(NamedTuple):
    """What is tested.

    Attributes:
        language: ``bash`` or ``python``.
        name: A file, or the dotted name of a module.
    """

    language: str
    name: str


class Observed(NamedTuple):
    """One call, as it was seen.

    Attributes:
        answer: What it answered, as a list of one; empty when it did not.
        stderr: Standard error.
        fault: What must never happen and did; else empty.
    """

    answer: tuple[Any, ...]
    stderr: str
    fault: str = ""


class Outcome(NamedTuple):
    """How a case ended: ``pass``, ``fail`` or ``skip``; why not; and how long it took."""

    case: Case
    implementation: Implementation
    result: str
    why: str
    seconds: float


def run_cases(cases: list[Case], implementations: list[Implementation], workers: int = 8) -> Iterator[Outcome]:
    """Run every case against every implementation, several at once; outcomes come in the order of the cases.

    Raises:
        InputError: An implementation is not there, or cannot even be loaded.
        MissingError: There is no bash.
    """
    for implementation in implementations:
        check_loads(implementation)
    jobs = [(case, one) for case in cases for one in implementations]
    with tempfile.TemporaryDirectory(prefix="interbase-") as tools, ThreadPoolExecutor(workers) as pool:
        make_tools(Path(tools))
        # Those that wait longest begin first.
        ended = {
            (case.name, one): pool.submit(_run_case, case, one, Path(tools))
            for case, one in sorted(jobs, key=lambda job: -_patience(job[0]))
        }
        for case, one in jobs:
            yield ended[case.name, one].result()


def check_loads(implementation: Implementation) -> None:
    """Insist that an implementation can be used at all.

    Raises:
        InputError: It cannot.
        MissingError: There is no bash.
    """
    if implementation.language == "bash":
        _bash()
        if not os.path.isfile(implementation.name):
            raise InputError(f"{implementation.name}: no such file", hint="--bash takes the file that is sourced")
    with tempfile.TemporaryDirectory(prefix="interbase-") as base:
        seen = _call(Stage(Path(base), Given(), Path("/bin")), implementation, Step(_LOAD))
    if seen.fault:
        raise InputError(f"{implementation.language} {implementation.name}: {seen.fault}")


def _patience(case: Case) -> float:
    return sum(_limit(step) for step in case.steps)


def _limit(step: Step) -> float:
    own = _GUARD_SECONDS if step.call in _QUICK else _ACTION_SECONDS
    return (own if step.seconds is None else step.seconds) + _SLACK_SECONDS


def _run_case(case: Case, implementation: Implementation, tools: Path) -> Outcome:
    begun = time.monotonic()
    if implementation.language not in case.only:
        return Outcome(case, implementation, "skip", f"for {', '.join(case.only)} only", 0.0)
    with tempfile.TemporaryDirectory(prefix="interbase-", ignore_cleanup_errors=True) as base:
        why = next(_problems(Stage(Path(base), case.given, tools), case, implementation), "")
    return Outcome(case, implementation, "fail" if why else "pass", why, time.monotonic() - begun)


def _problems(stage: Stage, case: Case, implementation: Implementation) -> Iterator[str]:
    for number, step in enumerate(case.steps, 1):
        with ThreadPoolExecutor(step.copies) as pool:
            futures = [pool.submit(_call, stage, implementation, step, case) for _ in range(step.copies)]
            seen = [future.result() for future in futures]
        where = f"step {number}, {step.call}: " if len(case.steps) > 1 else ""
        yield from (f"{where}{one.fault}" for one in seen if one.fault)
        answers, stderr = [one.answer for one in seen], "".join(one.stderr for one in seen)
        yield from (f"{where}{one}" for one in differences(stage, step, answers, stderr, stage.take_calls()))
    yield from left_behind(stage, case.files)


def _call(stage: Stage, implementation: Implementation, step: Step, case: Case | None = None) -> Observed:
    report = stage.new_report()
    make = _bash_argv if implementation.language == "bash" else _python_argv
    argv = make(stage, implementation.name, step, str(report))
    if case is not None and case.given.remove_cwd:
        argv = ["/bin/sh", "-c", 'rmdir "$PWD" 2>/dev/null; exec "$@"', "sh", *argv]
    stage.cwd.mkdir(parents=True, exist_ok=True)
    environ, limit = stage.environ(step.env), _limit(step)
    done = run_process(argv, timeout=limit, env=environ, cwd=stage.cwd, stdin=_STDIN)
    if done.returncode is None:
        return Observed((), done.stderr, f"no answer within {limit - _SLACK_SECONDS:g} s")
    return (_bash_seen if implementation.language == "bash" else _python_seen)(step, done, _read(report))


def _read(report: Path) -> bytes:
    return report.read_bytes() if report.exists() else b""


def _bash() -> str:
    if (bash := shutil.which("bash")) is None:
        raise MissingError("bash is not on PATH", hint="--python tests an implementation that needs none")
    return bash


def _bash_argv(stage: Stage, name: str, step: Step, report: str) -> list[str]:
    arguments = ["" if one is None else str(stage.fill(one)) for one in step.args]
    while arguments and step.args[len(arguments) - 1] is None:
        arguments.pop()
    function = ":" if step.call == _LOAD else f"ib_{step.call}"
    kind = "guard" if step.call in GUARDS else "other"
    return [_bash(), "-c", _BASH, "bash", os.path.abspath(name), report, kind, function, *arguments]


def _bash_seen(step: Step, done: Result, report: bytes) -> Observed:
    words = report.decode("utf-8", "surrogateescape").split("\0")
    if len(words) != 4:
        how = (
            "it failed, which ran the hook's error trap"
            if words[0] == "trap"
            else f"the hook ended with {done.returncode}"
        )
        return Observed((), done.stderr, f"{how}: {done.stderr.strip()[-300:]}")
    code, same, rest, _ = words
    fault = _never(rest, "" if same == "yes" else "something")
    if step.call in GUARDS:
        fault = fault or ("" if code in ("0", "1") else f"exit code {code}")
        return Observed((code == "0",), done.stderr, fault or _silent(done))
    if step.call == "session_status":  # which a shell prints there
        return Observed((done.stderr.removesuffix("\n"),), "", fault or _silent(done))
    if step.call in TEXTS:
        return Observed((done.stdout.removesuffix("\n"),), done.stderr, fault)
    return Observed((None,), done.stderr, fault or _silent(done))


def _python_argv(stage: Stage, name: str, step: Step, report: str) -> list[str]:
    call = json.dumps({"function": step.call, "args": [stage.fill(one) for one in step.args]})
    driver = str(Path(__file__).with_name("driver.py"))
    path = json.dumps([os.getcwd(), *sys.path])
    return [sys.executable, "-I", driver, report, name, call, path]


def _python_seen(step: Step, done: Result, report: bytes) -> Observed:
    if not report:
        return Observed((), done.stderr, f"the process ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    outcome = json.loads(report)
    if "raised" in outcome:
        return Observed((), done.stderr, f"raised {outcome['raised']}")
    answer = outcome["answer"]
    fault = _never(outcome["rest"], ", ".join(outcome["env"])) or _silent(done)
    kind = bool if step.call in GUARDS else str if step.call in TEXTS else None
    if kind is not None and type(answer) is not kind:
        fault = fault or f"answered {answer!r}, which is no {kind.__name__}"
    return Observed((answer,), done.stderr, fault)


def _never(rest: str, changed: str) -> str:
    if rest != _STDIN:
        return "the hook's standard input was read"
    return f"the environment was changed: {changed}" if changed else ""


def _silent(done: Result) -> str:
    return f"it wrote to standard output: {done.stdout[:200]!r}" if done.stdout else ""
