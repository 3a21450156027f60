"""The user's configuration: ``config.toml`` in the state directory.

::

    [adapters.interphase]
    enabled = true
    advance_on_review = false

    [limits]
    payload_bytes = 1048576

    [retention]
    days = 30
    events = 200000

Source: design section 8.
"""

from __future__ import annotations

import os

from interhost.bus.hook_index import read_said
from interhost.errors import InputError

TYPE_CHECKING = False  # who asks for one key only does not pay for what the others are made of
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from interhost.bus.retention import Retention

FILE_NAME = "config.toml"


class Config:
    """What ``config.toml`` says; a missing file says nothing.

    Args:
        path: The file.
        overrides: Adapters that the environment or the command line enables or disables, whatever the file says.

    Raises:
        InputError: Not TOML, or a known key has a wrong type; names file and key.
    """

    def __init__(self, path: str | Path, overrides: Mapping[str, bool] | None = None) -> None:
        """Read the file."""
        self.path = path
        self._tables: dict[str, Any] = {}
        self._overrides: Mapping[str, bool] = overrides or {}
        try:
            with open(path, encoding="utf-8") as file:
                self._tables = _parse(file.read())
        except FileNotFoundError:
            pass
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}", hint="correct its mode, or move it away") from None
        except (ValueError, RecursionError) as error:  # tomllib's error is a ValueError
            raise InputError(f"{path}: {error}", hint="correct the file, or move it away") from None

    @classmethod
    def from_text(cls, path: str | Path, text: str) -> Config:
        """What a file would say if this were its text."""
        config = cls(os.devnull)
        config.path, config._tables = path, _parse(text)
        return config

    def check(self) -> None:
        """Read every key that is otherwise read when it is needed, so that a mistake is known before.

        Raises:
            InputError: A known key has a wrong type; names file and key.
        """
        for name in self._table(self._tables, "adapters", ""):
            self.is_enabled(name)
        _ = self.payload_bytes, self.retention

    def adapter(self, name: str) -> Mapping[str, Any]:
        """The table of one adapter."""
        return self._table(self._table(self._tables, "adapters", ""), name, "adapters.")

    def is_enabled(self, name: str) -> bool:
        """Whether the user wants an adapter; they all are until told otherwise."""
        enabled = self.adapter(name).get("enabled", True)
        if not isinstance(enabled, bool):
            raise InputError(f"{self.path}: key 'adapters.{name}.enabled': expected true or false, got {enabled!r}")
        return self._overrides.get(name, enabled)

    @property
    def payload_bytes(self) -> int:
        """Most bytes of a payload's text."""
        from interhost.bus.payload import MAX_BYTES

        limit = self._table(self._tables, "limits", "").get("payload_bytes", MAX_BYTES)
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            raise InputError(f"{self.path}: key 'limits.payload_bytes': expected a number of bytes, got {limit!r}")
        return limit

    @property
    def retention(self) -> Retention:
        """What is kept, and for how long; ``[retention]`` with ``days`` and ``events``."""
        from interhost.bus.retention import Retention

        table, default = self._table(self._tables, "retention", ""), Retention()
        days, events = table.get("days", default.days), table.get("events", default.events)
        for key, value in (("days", days), ("events", events)):
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                raise InputError(f"{self.path}: key 'retention.{key}': expected a number above 0, got {value!r}")
        return default._replace(days=float(days), events=int(events))

    def _table(self, tables: Mapping[str, Any], name: str, prefix: str) -> Mapping[str, Any]:
        table = tables.get(name, {})
        if not isinstance(table, dict):
            raise InputError(f"{self.path}: key '{prefix}{name}': expected a table, got {table!r}")
        return table


def read_overrides(environ: Mapping[str, str], enabled: Sequence[str], disabled: Sequence[str]) -> dict[str, bool]:
    """What the environment and the command line say about adapters; the command line counts more.

    Args:
        environ: ``INTERHOST_ADAPTERS`` holds names with commas between them; one with ``-`` in front is disabled.
        enabled: Names from ``--adapter``.
        disabled: Names from ``--no-adapter``.
    """
    return {**read_said(environ), **dict.fromkeys(enabled, True), **dict.fromkeys(disabled, False)}


def _parse(text: str) -> dict[str, Any]:
    import tomllib  # 8 ms that most users, who have no such file, need not pay

    return tomllib.loads(text)
