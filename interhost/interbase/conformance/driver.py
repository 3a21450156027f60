"""Makes one call of a Python implementation, in a process of its own.

    python -I driver.py REPORT MODULE CALL PATH

``CALL`` is ``{"function": ..., "args": [...]}`` and ``PATH`` where modules are looked for first, both as JSON. The
report is a JSON object: ``answer`` or ``raised``, ``rest`` (what was left on standard input), ``env`` (variables that
changed).
"""

import copy
import itertools
import json
import os
import pickle
import sys
from collections.abc import Callable, Mapping
from typing import Any


def main() -> None:
    """Call, and report."""
    report, module, call, path = sys.argv[1:]
    sys.path[:] = dict.fromkeys([*json.loads(path), *sys.path])
    before = dict(os.environ)
    outcome: dict[str, Any] = {}
    try:
        # Not importlib, which an implementation may have reasons not to want loaded.
        __import__(module)
        request = json.loads(call)
        name = request["function"]
        special = SPECIAL.get(name)
        arguments = [_value(one) for one in request["args"]]
        api = sys.modules[module]
        outcome["answer"] = special(api, *arguments) if special else getattr(api, name)(*arguments)
    except BaseException as error:
        outcome["raised"] = f"{type(error).__name__}: {error}"
    outcome["env"] = sorted(name for name in {*before, *os.environ} if before.get(name) != os.environ.get(name))
    outcome["rest"] = sys.stdin.read()
    with open(report, "w", encoding="ascii") as file:
        json.dump(outcome, file)


def _value(value: Any) -> Any:
    """What JSON has no word for: ``{"$float": "nan"}``, ``{"$object": ...}``."""
    if isinstance(value, dict):
        if "$float" in value:
            return float(value["$float"])
        if "$object" in value:
            return object()
        return {key: _value(one) for key, one in value.items()}
    return [_value(one) for one in value] if isinstance(value, list) else value


def load(api: Any) -> None:
    """Nothing more."""


def tool_error(api: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Make an error as told, and show it in both of its forms."""
    error = api.ToolError(given["type"], given["message"], **given.get("data", {}))
    if "recoverable" in given:
        error = error.with_recoverable(given["recoverable"])
    if "more" in given:
        error = error.with_data(**given["more"])
    if given.get("through") == "pickle":
        error = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    elif given.get("through") == "copy":
        error = copy.copy(error)
    return _shown(error)


def from_error(api: Any, chain: list[Any], link: str = "cause") -> dict[str, Any] | None:
    """Look for a structured error in a chain of exceptions."""
    found = api.ToolError.from_error(_chain(api, chain, link))
    return None if found is None else _shown(found)


def wrap(api: Any, chain: list[Any], link: str = "cause") -> dict[str, Any]:
    """Make a structured error of a chain of exceptions."""
    return _shown(api.ToolError.wrap(_chain(api, chain, link)))


def instrument(api: Any, style: str, does: str) -> dict[str, Any]:
    """Call a handler that is watched, and show what comes out of it."""

    def plain(value: int) -> object:
        """The handler's own words."""
        return _do(api, does, value)

    async def coroutine(value: int) -> object:
        """The handler's own words."""
        return _do(api, does, value)

    handler: Callable[[int], Any] = coroutine if style.startswith("async") else plain
    metrics = api.McpMetrics()
    if style.endswith("named"):
        watched = metrics.instrument("named", handler)
    else:
        watched = metrics.instrument()(handler) if style.endswith("called") else metrics.instrument(handler)
    kept = watched.__name__ == handler.__name__ and watched.__doc__ == handler.__doc__
    try:
        answer = watched(7)
        if style.startswith("async"):
            import asyncio

            answer = asyncio.run(answer)
    except api.ToolError as error:
        return {"kept": kept, **_shown(error)}
    return {"kept": kept, "answer": answer}


SPECIAL: Mapping[str, Callable[..., object]] = {
    "load": load,
    "tool_error": tool_error,
    "from_error": from_error,
    "wrap": wrap,
    "instrument": instrument,
}


def _do(api: Any, what: str, value: int) -> object:
    if what == "raise":
        raise ValueError(f"no {value}")
    if what == "raise ToolError":
        raise api.ToolError("CONFLICT", f"no {value}")
    return {"value": value, "isError": what == "say isError"}


def _chain(api: Any, chain: list[Any], link: str) -> BaseException:
    """Exceptions, outermost first: a text is a ``ValueError``, a pair a structured one."""
    made = [api.ToolError(*one) if isinstance(one, list) else ValueError(one) for one in chain]
    for outer, inner in itertools.pairwise(made):
        setattr(outer, f"__{link}__", inner)
    return made[0]


def _shown(error: Any) -> dict[str, Any]:
    wire = error.json()
    return {"wire": json.loads(wire, parse_constant=_refuse), "text": str(error), "is_one_line": "\n" not in wire}


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


if __name__ == "__main__":
    main()
