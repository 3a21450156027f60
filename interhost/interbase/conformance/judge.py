"""Compare what was seen with what a case expects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from interhost.interbase.conformance.cases import Step
from interhost.interbase.conformance.stage import Stage


def differences(
    stage: Stage, step: Step, answers: list[tuple[Any, ...]], stderr: str, calls: list[list[str]]
) -> Iterator[str]:
    """What is not as expected, in words.

    Args:
        stage: Where it happened.
        step: What was expected.
        answers: One of each copy.
        stderr: Of all copies.
        calls: Of the stand-ins.
    """
    for answer in answers:
        if step.answer and not matches(stage, step.answer[0], answer[0]):
            yield f"answered {answer[0]!r}, expected {stage.fill(step.answer[0])!r}"
    lines = sorted(stderr.splitlines())
    if step.stderr is not None and not step.says and lines != sorted(stage.fill(one) for one in step.stderr):
        yield f"said {lines}, expected {sorted(step.stderr)}"
    if step.says and not re.search(step.says, stderr):
        yield f"said {lines}, expected something with {step.says!r}"
    if step.first_call is not None:
        if not calls or not matches(stage, step.first_call, calls[0]):
            yield f"called {calls[:1]} first, expected {list(step.first_call)}"
    elif step.calls is not None and not matches(stage, step.calls, calls):
        yield f"called {calls}, expected {[list(one) for one in step.calls]}"


def matches(stage: Stage, expected: Any, seen: Any) -> bool:
    """Whether a value is as expected: equal, or as ``{"matches": PATTERN}`` says; of a map, the keys that are named."""
    if isinstance(expected, Mapping):
        if set(expected) == {"matches"}:
            return isinstance(seen, str) and re.fullmatch(stage.fill(expected["matches"]), seen, re.DOTALL) is not None
        return isinstance(seen, Mapping) and all(
            key in seen and matches(stage, value, seen[key]) for key, value in expected.items()
        )
    if isinstance(expected, list | tuple):
        return (
            isinstance(seen, list | tuple)
            and len(seen) == len(expected)
            and all(matches(stage, one, other) for one, other in zip(expected, seen, strict=True))
        )
    return type(expected) is type(seen) and bool(stage.fill(expected) == seen)


def left_behind(stage: Stage, files: Mapping[str, Any]) -> Iterator[str]:
    """What is not as expected among the files afterwards."""
    for name, expected in files.items():
        path = Path(stage.fill(name))
        if expected is None:
            if path.exists():
                yield f"{name} is there, expected nothing"
        elif not path.exists():
            yield f"{name} is missing"
        elif "text" in expected:
            if (text := path.read_text("utf-8", "replace")) != expected["text"]:
                yield f"{name} holds {text[:200]!r}"
        elif "json" in expected:
            yield from _json(stage, name, path, expected["json"])


def _json(stage: Stage, name: str, path: Path, expected: Any) -> Iterator[str]:
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        yield f"{name} is not JSON: {error}"
        return
    if not matches(stage, expected, document):
        yield f"{name} holds {json.dumps(document)[:200]}, expected {json.dumps(expected)[:200]}"
