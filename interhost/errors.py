"""Every error that interhost raises on purpose.

::

    InterhostError              str() is one line: what is wrong, where, and what to do
    ├── UsageError              64  the command line does not fit
    ├── InputError              65  what was given is not valid
    │   ├── PayloadError            a payload does not fit its intent (carries each problem)
    │   ├── UnknownIntentError      a name or version that the catalogue does not have
    │   └── UnknownEventError       an event id that the log does not have
    ├── StateError              69  the state directory or the log cannot be used
    ├── AdapterError            70  an adapter could not be loaded, or broke its contract
    ├── MissingError            69  something that a command needs is not installed
    └── BusyError               75  try again: a lock or the disk

``exit_code`` is what a command ends with (design section 9). It is never 2, which Claude Code reads as "block".
"""

from __future__ import annotations


class InterhostError(Exception):
    """The family.

    Attributes:
        exit_code: Exit status of a command that ends with this error.
        hint: What to do about it; empty when the message says it all.
    """

    exit_code = 70

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep the hint apart, so that a terminal can show it on a line of its own."""
        super().__init__(message)
        self.hint = hint


class UsageError(InterhostError):
    """The command line does not fit the command."""

    exit_code = 64


class InputError(InterhostError):
    """What was given is not valid."""

    exit_code = 65


class PayloadError(InputError):
    """A payload does not fit its intent.

    Attributes:
        problems: Each as (key, expected, given).
    """

    def __init__(self, message: str, problems: list[tuple[str, str, str]], *, hint: str = "") -> None:
        """Keep each problem as data."""
        super().__init__(message, hint=hint)
        self.problems = problems


class UnknownIntentError(InputError):
    """An intent that the catalogue does not have.

    Attributes:
        intent: What was asked for.
        nearest: The name it may have meant, or an empty string.
    """

    def __init__(self, message: str, intent: str, nearest: str, *, hint: str) -> None:
        """Keep the names as data."""
        super().__init__(message, hint=hint)
        self.intent = intent
        self.nearest = nearest


class UnknownEventError(InputError):
    """An event that the log does not have.

    Attributes:
        event_id: What was asked for.
    """

    def __init__(self, event_id: str) -> None:
        """Keep the id as data."""
        super().__init__(f"event {event_id}: not in the log", hint="'interbus replay --last 20' shows the newest")
        self.event_id = event_id


class StateError(InterhostError):
    """The state directory or the log cannot be used as it is. Nothing was changed.

    Attributes:
        path: What cannot be used.
    """

    exit_code = 69

    def __init__(self, message: str, path: str, *, hint: str = "") -> None:
        """Keep the path as data."""
        super().__init__(message, hint=hint)
        self.path = path


class MissingError(InterhostError):
    """Something that a command needs is not installed."""

    exit_code = 69


class AdapterError(InterhostError):
    """An adapter could not be loaded, or broke its contract.

    Attributes:
        adapter: Its name.
    """

    def __init__(self, message: str, adapter: str, *, hint: str = "") -> None:
        """Keep the name as data."""
        super().__init__(message, hint=hint)
        self.adapter = adapter


class BusyError(InterhostError):
    """Not now: a lock is held or the disk is full. Trying again later may work."""

    exit_code = 75
