"""An error of an MCP tool that a model can act on: what kind it is, and whether trying again may help.

Source: interface specification, domain 4.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Self

from interhost.interbase.plain import to_plain, to_text

ERR_NOT_FOUND = "NOT_FOUND"
ERR_CONFLICT = "CONFLICT"
ERR_VALIDATION = "VALIDATION"
ERR_PERMISSION = "PERMISSION"
ERR_TRANSIENT = "TRANSIENT"
ERR_INTERNAL = "INTERNAL"
ERROR_TYPES = (ERR_NOT_FOUND, ERR_CONFLICT, ERR_VALIDATION, ERR_PERMISSION, ERR_TRANSIENT, ERR_INTERNAL)


class ToolError(Exception):
    """A structured error.

    Args:
        err_type: One of the six types. Another one becomes ``INTERNAL``, and ``data`` says which it was.
        message: What is wrong.
        data: Whatever helps; anything is taken.

    Attributes:
        type: One of :data:`ERROR_TYPES`.
        message: What is wrong.
        recoverable: Whether trying again may help; of a ``TRANSIENT`` error that is assumed.
        data: Whatever helps, as it was given.
    """

    type: str
    message: str
    recoverable: bool
    data: dict[str, Any]

    def __init__(self, /, err_type: str, message: str, **data: Any) -> None:
        """Never raises for what it is given."""
        if err_type not in ERROR_TYPES:
            data = {"stated_type": err_type, **data}
            err_type = ERR_INTERNAL
        super().__init__(err_type, message)
        self.type = err_type
        self.message = message
        self.recoverable = err_type == ERR_TRANSIENT
        self.data = data

    def with_recoverable(self, recoverable: bool) -> Self:
        """Say whether trying again may help; the error itself, for what comes next in the same line."""
        self.recoverable = bool(recoverable)
        return self

    def with_data(self, /, **data: Any) -> Self:
        """Add to the data, or replace in it; the error itself."""
        self.data.update(data)
        return self

    def as_dict(self) -> dict[str, Any]:
        """The wire format as an object of its own, in nothing but what JSON has."""
        return {
            "type": self.type,
            "message": to_text(self.message),
            "recoverable": self.recoverable,
            "data": to_plain(self.data),
        }

    def json(self) -> str:
        """The wire format: compact JSON, valid whatever the data holds."""
        return json.dumps(self.as_dict(), ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    def __str__(self) -> str:
        """``[TYPE] message``."""
        return f"[{self.type}] {to_text(self.message)}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles carry everything, and copies have data of their own."""
        state = {**self.__dict__, "data": dict(self.data)}
        return _rebuild, (self.__class__, self.args), state

    @classmethod
    def from_error(cls, exc: BaseException | None) -> ToolError | None:
        """The first structured error in an exception, what caused it, and what it happened in; else ``None``.

        What was raised ``from None`` hides what it happened in, here too. Groups are searched.
        """
        return next((one for one in _chain(exc) if isinstance(one, ToolError)), None)

    @classmethod
    def wrap(cls, exc: BaseException | None) -> ToolError:
        """The structured error in an exception, else an ``INTERNAL`` one that says what the exception says."""
        if (found := cls.from_error(exc)) is not None:
            return found
        error = ToolError(ERR_INTERNAL, (to_text(exc).strip() or type(exc).__name__) if exc is not None else "no error")
        error.__cause__ = exc if isinstance(exc, BaseException) else None
        return error


def _rebuild(kind: type[ToolError], args: tuple[Any, ...]) -> ToolError:
    """An error whose fields come next; its class may take other arguments than ours."""
    return kind.__new__(kind, *args)


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    waiting, seen = [exc], set[int]()
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        # The last is the next: its cause, then its context, then the members of a group.
        waiting += reversed(one.exceptions) if isinstance(one, BaseExceptionGroup) else ()
        waiting.append(None if one.__suppress_context__ else one.__context__)
        waiting.append(one.__cause__)
