"""What the user's configuration says, and what is said about one that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from interhost.bus.payload import MAX_BYTES
from interhost.errors import InputError
from interhost.host.config import Config


def config(tmp_path: Path, text: str | bytes) -> Config:
    """A configuration with this text."""
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return Config(path)


def test_missing_file_says_nothing(tmp_path: Path) -> None:
    """Without a file every adapter is enabled, has no settings, and limits are the defaults."""
    empty = Config(tmp_path / "config.toml")
    assert empty.is_enabled("interphase")
    assert empty.adapter("interphase") == {}
    assert empty.payload_bytes == MAX_BYTES
    assert list(tmp_path.iterdir()) == []


def test_tables_are_read(tmp_path: Path) -> None:
    """An adapter's table, its switch, and the limits."""
    given = config(tmp_path, "[adapters.interphase]\nenabled = false\nadvance = true\n[limits]\npayload_bytes = 100\n")
    assert given.adapter("interphase") == {"enabled": False, "advance": True}
    assert (given.is_enabled("interphase"), given.is_enabled("interflux")) == (False, True)
    assert given.payload_bytes == 100


@pytest.mark.parametrize(
    "text", ["adapters = [", b"\xff\xfe", "a = 1\na = 2\n", "x = " + "[" * 5000], ids=["torn", "bytes", "twice", "deep"]
)
def test_file_that_is_no_toml_is_named(tmp_path: Path, text: str | bytes) -> None:
    """A broken file is an input error in one line with its path and what to do."""
    with pytest.raises(InputError) as caught:
        config(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'config.toml'}: ")
    assert "\n" not in str(caught.value)
    assert caught.value.hint == "correct the file, or move it away"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("adapters = 1", "key 'adapters': expected a table, got 1"),
        ("[adapters]\nx = true", "key 'adapters.x': expected a table, got True"),
        ("[adapters.x]\nenabled = 'no'", "key 'adapters.x.enabled': expected true or false, got 'no'"),
        ("[adapters.x]\nenabled = 0", "key 'adapters.x.enabled': expected true or false, got 0"),
    ],
)
def test_switch_of_a_wrong_type_is_named(tmp_path: Path, text: str, problem: str) -> None:
    """A switch is never guessed: file, key and value are named."""
    given = config(tmp_path, text)
    with pytest.raises(InputError) as caught:
        given.is_enabled("x")
    assert str(caught.value) == f"{tmp_path / 'config.toml'}: {problem}"


@pytest.mark.parametrize("value", ["0", "-1", "'many'", "true", "1.5", "[1]"])
def test_limit_of_a_wrong_type_is_named(tmp_path: Path, value: str) -> None:
    """A limit must be a positive whole number."""
    with pytest.raises(InputError, match=r"key 'limits\.payload_bytes': expected a number of bytes"):
        _ = config(tmp_path, f"[limits]\npayload_bytes = {value}\n").payload_bytes


def test_directory_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    """Anything else that cannot be read is an input error as well."""
    with pytest.raises(InputError, match="Is a directory"):
        Config(tmp_path)
