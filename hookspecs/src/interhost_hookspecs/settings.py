"""What the user says about an adapter in ``config.toml``, as the adapter's manifest declares it.

The manifest alone says what a setting is and what holds when the user says nothing. What is said in another type counts
as not said, and ``interhost doctor`` names it: so a switch that is off stays off until the user writes ``true``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import cast

TYPES: Mapping[str, Callable[[object], bool]] = MappingProxyType(
    {
        "boolean": lambda value: isinstance(value, bool),
        "string": lambda value: isinstance(value, str),
        "path": lambda value: isinstance(value, str) and value.startswith(("/", "~/")),
        "integer": lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
        "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
        "array": lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
        "object": lambda value: isinstance(value, dict),
    }
)
"""What ``type`` may say in a manifest: a path is absolute or begins with ``~/``, an integer counts something and is not
below 0, an array holds texts."""


class Settings(Mapping[str, object]):
    """The settings of one adapter, each of the type and with the default of its manifest.

    Args:
        said: The table ``[adapters.<name>]`` of the user's ``config.toml``.
        declared: ``interbus.settings`` of the manifest: ``type``, ``default`` and ``doc`` by name.
        home: The user's home, which ``~`` stands for.
    """

    def __init__(
        self, said: Mapping[str, object], declared: Mapping[str, Mapping[str, object]], home: Path = Path("~")
    ) -> None:
        """Keep both."""
        self._said = said
        self._declared = declared
        self._home = home

    def is_on(self, name: str) -> bool:
        """Whether a ``boolean`` is true."""
        return cast(bool, self._ask(name, "boolean"))

    def text(self, name: str) -> str:
        """A ``string``."""
        return cast(str, self._ask(name, "string"))

    def path(self, name: str) -> Path:
        """A ``path``."""
        path = cast(str, self._ask(name, "path"))
        return self._home / path[2:] if path.startswith("~/") else Path(path)

    def count(self, name: str) -> int:
        """An ``integer``, 0 or more."""
        return cast(int, self._ask(name, "integer"))

    def number(self, name: str) -> float:
        """A ``number``."""
        return float(cast(float, self._ask(name, "number")))

    def texts(self, name: str) -> tuple[str, ...]:
        """An ``array`` of texts."""
        return tuple(cast(list[str], self._ask(name, "array")))

    def find_problem(self, name: str) -> str:
        """What is wrong with what the user said, in one line; empty when nothing is.

        For what should rather not happen than happen by the default, such as running another command than was meant.
        """
        row = self._declared.get(name)
        if name not in self._said or name == "enabled":  # the host's own
            return ""
        if row is None:
            return "the adapter has no such setting"
        return "" if fits(self._said[name], row) else f"expected {describe(row)}, got {self._said[name]!r:.60}"

    def list_problems(self) -> list[tuple[str, str]]:
        """Everything that the user said in vain: the setting, and what is wrong with it."""
        return [(name, problem) for name in self._said if (problem := self.find_problem(name))]

    def __getitem__(self, name: str) -> object:
        """What holds: what was said in the declared type, else the default; what is not declared, as it was said."""
        row = self._declared.get(name)
        if row is None:
            return self._said[name]
        return self._said[name] if name in self._said and fits(self._said[name], row) else row["default"]

    def __iter__(self) -> Iterator[str]:
        """Every name that is declared or was said."""
        return iter({**self._declared, **self._said})

    def __len__(self) -> int:
        """How many these are."""
        return len({**self._declared, **self._said})

    def _ask(self, name: str, kind: str) -> object:
        if name not in self._declared:
            hint = "a FakeContext reads that of the adapter it is given as 'of'"
            raise LookupError(f"setting {name!r} is not in 'interbus.settings' of the manifest; {hint}")
        if (stated := self._declared[name].get("type")) != kind:
            raise LookupError(f"setting {name!r} is asked for as {kind}, but the manifest says it is a {stated}")
        return self[name]


def fits(value: object, row: Mapping[str, object]) -> bool:
    """Whether a value is what a manifest's row declares: of its ``type``, in its ``enum``, at least its ``minimum``.

    Of a type that is not in :data:`TYPES`, everything is.
    """
    test, least, known = TYPES.get(str(row.get("type"))), row.get("minimum"), row.get("enum")
    if (test is not None and not test(value)) or (isinstance(known, list) and value not in known):
        return False
    return not isinstance(value, int | float) or not isinstance(least, int | float) or value >= least


def describe(row: Mapping[str, object]) -> str:
    """What a row declares, in words."""
    known = row.get("enum")
    if isinstance(known, list):
        return f"one of {', '.join(map(str, known))}"
    least = f" of at least {row['minimum']}" if "minimum" in row else ""
    return f"{row.get('type')}{least}"
