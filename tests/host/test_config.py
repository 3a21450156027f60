"""What the user's configuration says, and what is said about one that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from interhost.bus.payload import MAX_BYTES
from interhost.errors import InputError
from interhost.host.config import Config, read_overrides


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


def test_retention_is_read_and_what_is_left_out_stays_as_it_is(tmp_path: Path) -> None:
    """Days may be a fraction; the rest keeps its default."""
    default = Config(tmp_path / "absent.toml").retention
    assert config(tmp_path, "[retention]\ndays = 0.5\n").retention == default._replace(days=0.5)
    assert config(tmp_path, "[retention]\nevents = 7\n").retention == default._replace(events=7)


@pytest.mark.parametrize("key", ["days", "events"])
@pytest.mark.parametrize("value", ["0", "-1", "'many'", "true", "[1]"])
def test_retention_of_a_wrong_type_is_named(tmp_path: Path, key: str, value: str) -> None:
    """A limit of what is kept is never guessed: nothing would be deleted by mistake."""
    with pytest.raises(InputError, match=rf"key 'retention\.{key}': expected a number above 0"):
        _ = config(tmp_path, f"[retention]\n{key} = {value}\n").retention


def test_text_can_be_checked_before_it_is_a_file(tmp_path: Path) -> None:
    """Every known key is read, a mistake names the file that it would be, and nothing is written."""
    path = tmp_path / "config.toml"
    good = Config.from_text(path, "[adapters.x]\nenabled = false\n[limits]\npayload_bytes = 5\n")
    good.check()
    assert (good.is_enabled("x"), good.payload_bytes) == (False, 5)
    for text in ("[adapters.x]\nenabled = 1\n", "[limits]\npayload_bytes = 0\n", "[retention]\ndays = 0\n"):
        with pytest.raises(InputError) as caught:
            Config.from_text(path, text).check()
        assert str(caught.value).startswith(f"{path}: key '")
    assert not path.exists()


def test_command_line_counts_more_than_environment_and_that_more_than_the_file(tmp_path: Path) -> None:
    """Each adapter follows whoever says most; what nobody mentions is as the file has it."""
    path = tmp_path / "config.toml"
    path.write_text("[adapters.a]\nenabled = false\n[adapters.b]\nenabled = false\n[adapters.d]\nenabled = false\n")
    said = read_overrides({"INTERHOST_ADAPTERS": "a, b,-c,"}, ["c"], ["a"])
    assert said == {"a": False, "b": True, "c": True}
    given = Config(path, said)
    assert [given.is_enabled(name) for name in "abcde"] == [False, True, True, False, True]
