"""Settings: what the user said, as the manifest declares it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from interhost_hookspecs import Settings
from interhost_hookspecs.settings import TYPES

DECLARED: dict[str, dict[str, object]] = {
    "loud": {"type": "boolean", "default": False},
    "greeting": {"type": "string", "default": "hello"},
    "folder": {"type": "path", "default": "/tmp"},
    "many": {"type": "integer", "default": 3},
    "share": {"type": "number", "default": 0.5},
    "most": {"type": "integer", "minimum": 1, "default": 9},
    "bump": {"type": "string", "enum": ["patch", "minor"], "default": "patch"},
    "command": {"type": "array", "default": ["claude", "-p"]},
    "table": {"type": "object", "default": {}},
}
HOME = Path("/home/ada")
ASK: dict[str, Callable[[Settings], object]] = {
    "loud": lambda config: config.is_on("loud"),
    "greeting": lambda config: config.text("greeting"),
    "folder": lambda config: config.path("folder"),
    "many": lambda config: config.count("many"),
    "share": lambda config: config.number("share"),
    "most": lambda config: config.count("most"),
    "bump": lambda config: config.text("bump"),
    "command": lambda config: config.texts("command"),
    "table": lambda config: config["table"],
}
HOLDS: dict[str, object] = {name: row["default"] for name, row in DECLARED.items()}
HOLDS |= {"folder": Path("/tmp"), "command": ("claude", "-p")}


def settings(**said: object) -> Settings:
    """What the user said about the adapter."""
    return Settings(said, DECLARED, HOME)


@pytest.mark.parametrize("name", DECLARED)
def test_what_is_not_said_is_the_manifests_default(name: str) -> None:
    """Nothing else states a default."""
    assert ASK[name](settings()) == HOLDS[name]


@pytest.mark.parametrize(
    ("name", "said", "holds"),
    [
        ("loud", True, True),
        ("greeting", "", ""),
        ("folder", "~/a b", HOME / "a b"),
        ("folder", "/srv/x", Path("/srv/x")),
        ("many", 0, 0),
        ("share", 2, 2.0),
        ("most", 1, 1),
        ("bump", "minor", "minor"),
        ("command", [], ()),
        ("table", {"a": 1}, {"a": 1}),
    ],
)
def test_what_is_said_holds(name: str, said: object, holds: object) -> None:
    """In the type that it is asked for as."""
    config = settings(**{name: said})
    assert ASK[name](config) == holds
    assert config[name] == said
    assert config.list_problems() == []


WRONG: dict[str, list[object]] = {
    "loud": ["yes", "true", 1, 0, None, []],
    "greeting": [7, True, ["x"]],
    "folder": ["tmp", "", "../x", "~ada/x", 7],
    "many": [-1, True, 1.5, "3"],
    "share": ["0.5", True],
    "most": [0, "9", True],
    "bump": ["major", "", 1, ["patch"]],
    "command": ["claude -p", ["claude", 7], {}],
    "table": ["x", []],
}


@pytest.mark.parametrize(("name", "said"), [(name, value) for name, values in WRONG.items() for value in values])
def test_what_is_said_in_another_type_is_not_said(name: str, said: object) -> None:
    """The default holds, whoever asks and however, and doctor hears of it: no word turns a switch on."""
    config = settings(**{name: said})
    assert ASK[name](config) == HOLDS[name]
    assert config.get(name) == DECLARED[name]["default"]
    wants = {"most": "integer of at least 1", "bump": "one of patch, minor"}.get(name, DECLARED[name]["type"])
    assert config.list_problems() == [(name, f"expected {wants}, got {said!r}")]
    assert config.find_problem(name)


def test_what_nobody_declared_is_named() -> None:
    """A name that was mistyped would otherwise do nothing, silently; ``enabled`` is the host's."""
    config = settings(enabled=False, laud=True)
    assert config.list_problems() == [("laud", "the adapter has no such setting")]
    assert config.find_problem("loud") == ""


def test_it_is_a_mapping_of_what_holds() -> None:
    """Declared names first, each with what holds; others as they were said."""
    config = settings(loud="yes", laud=True)
    assert list(config) == [*DECLARED, "laud"]
    assert len(config) == len(DECLARED) + 1
    assert (config["loud"], config["laud"], config.get("lewd"), "lewd" in config) == (False, True, None, False)


def test_the_source_asks_as_the_manifest_declares() -> None:
    """What is not there, or is something else, is the author's mistake and no user's."""
    with pytest.raises(LookupError, match=r"'lewd' is not in 'interbus\.settings'"):
        settings(lewd=True).is_on("lewd")
    with pytest.raises(LookupError, match="asked for as string, but the manifest says it is a boolean"):
        settings().text("loud")


def test_a_type_that_nobody_knows_takes_everything() -> None:
    """A manifest of a later host is not refused."""
    later = Settings({"x": 1}, {"x": {"type": "colour", "default": "red"}})
    assert (later["x"], later.list_problems(), "colour" in TYPES) == (1, [], False)
