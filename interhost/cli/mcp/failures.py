"""Our errors as those that a model can act on.

=====================  ============  ===========
what went wrong        type          recoverable
=====================  ============  ===========
UnknownIntentError     NOT_FOUND     no
UnknownEventError      NOT_FOUND     no
MissingError           NOT_FOUND     no
InputError, UsageError VALIDATION    no
StateError             PERMISSION    no; INTERNAL unless it is about permission
BusyError              TRANSIENT     yes
anything else          INTERNAL      no
=====================  ============  ===========

Source: interface specification, domain 4.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Mapping
from typing import Any

from interhost.errors import (
    BusyError,
    InputError,
    InterhostError,
    MissingError,
    PayloadError,
    StateError,
    UnknownEventError,
    UnknownIntentError,
    UsageError,
)
from interhost.interbase.toolerror import (
    ERR_INTERNAL,
    ERR_NOT_FOUND,
    ERR_PERMISSION,
    ERR_TRANSIENT,
    ERR_VALIDATION,
    ToolError,
)

_TYPES: tuple[tuple[type[InterhostError], str], ...] = (
    (UnknownIntentError, ERR_NOT_FOUND),
    (UnknownEventError, ERR_NOT_FOUND),
    (MissingError, ERR_NOT_FOUND),
    (InputError, ERR_VALIDATION),
    (UsageError, ERR_VALIDATION),
    (BusyError, ERR_TRANSIENT),
)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def tool_error(error: BaseException) -> ToolError:
    """The structured error of an exception that a tool ended with."""
    if (found := ToolError.from_error(error)) is not None:
        return found
    if isinstance(error, InterhostError):
        return ToolError(_type(error), str(error), **_data(error))
    return ToolError(ERR_INTERNAL, f"{type(error).__name__}: {error}", hint="a fault of interhost, or of an adapter")


def bad_arguments(tool: str, problems: Iterable[Mapping[str, Any]]) -> ToolError:
    """The error of arguments that do not fit.

    Args:
        tool: Its name.
        problems: As pydantic lists them; values are left out.
    """
    found = [{"argument": ".".join(map(str, one["loc"])), "problem": str(one["msg"])} for one in problems]
    text = "; ".join(f"{one['argument']}: {one['problem']}" for one in found)
    return ToolError(ERR_VALIDATION, f"{tool}: {text}", problems=found)


def _type(error: InterhostError) -> str:
    if isinstance(error, StateError) and _is_about_permission(error):
        return ERR_PERMISSION
    return next((name for kind, name in _TYPES if isinstance(error, kind)), ERR_INTERNAL)


def _is_about_permission(error: StateError) -> bool:
    """Whether something is wrong with who may read and write what cannot be used."""
    if isinstance(error.__cause__, OSError) and error.__cause__.errno in _FORBIDDEN:
        return True
    try:
        info = os.stat(error.path)
    except OSError as missing:
        return missing.errno in _FORBIDDEN
    is_open = stat.S_ISDIR(info.st_mode) and bool(info.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    return is_open or info.st_uid != os.geteuid() or not os.access(error.path, os.R_OK | os.W_OK)


def _data(error: InterhostError) -> dict[str, Any]:
    data: dict[str, Any] = {"hint": error.hint} if error.hint else {}
    if isinstance(error, PayloadError):
        data["problems"] = [{"key": key, "expected": to_be, "given": given} for key, to_be, given in error.problems]
    elif isinstance(error, UnknownIntentError):
        data |= {"intent": error.intent, "nearest": error.nearest}
    elif isinstance(error, UnknownEventError):
        data["event_id"] = error.event_id
    elif isinstance(error, StateError):
        data["path"] = error.path
    return data
