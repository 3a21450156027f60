"""Changing one key of the user's file."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from interhost.errors import InputError
from interhost.host.config_file import change_key, find_key, read_value, split_key, write_config

WRITTEN = """\
# What I like
[adapters.interphase]
advance_on_review = true   # since May

[limits]   # bytes
payload_bytes = 1048576

[other]
"""


def test_a_value_is_replaced_in_its_line() -> None:
    """Comments, order and everything else stay as the user wrote them."""
    changed = change_key(WRITTEN, ("adapters", "interphase", "advance_on_review"), False)
    assert changed.text == WRITTEN.replace("true   # since May", "false   # since May")
    assert not changed.comments_lost


def test_a_key_is_added_to_its_table() -> None:
    """Behind the last line of the table, not behind the empty line after it."""
    changed = change_key(WRITTEN, ("limits", "more"), 2)
    assert changed.text == WRITTEN.replace("1048576\n", "1048576\nmore = 2\n")


def test_a_table_is_added_at_the_end() -> None:
    """With an empty line in front; in an empty file without one."""
    assert change_key(WRITTEN, ("retention", "days"), 7).text == WRITTEN + "\n[retention]\ndays = 7\n"
    assert change_key("", ("retention", "days"), 7).text == "[retention]\ndays = 7\n"


@pytest.mark.parametrize(
    "text",
    [
        "# mine\nadapters = {interphase = {enabled = true}}\n",
        "# mine\nadapters.interphase.enabled = true\n",
        '# mine\n[adapters."interphase"]\nenabled = true\n',
        "# mine\n[adapters.interphase]\nenabled = [\n  1,\n]\n",
    ],
)
def test_a_file_written_another_way_is_written_anew(text: str) -> None:
    """The result means what was wanted, and that the comments are gone is said."""
    changed = change_key(text, ("adapters", "interphase", "enabled"), False)
    assert tomllib.loads(changed.text) == {"adapters": {"interphase": {"enabled": False}}}
    assert changed.comments_lost == ("#" not in changed.text)


def test_a_value_in_the_way_is_not_overwritten() -> None:
    """A table is never put in the place of a value."""
    with pytest.raises(InputError, match="'limits' is a value"):
        change_key("limits = 3\n", ("limits", "payload_bytes"), 1)


_NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,5}", fullmatch=True)
_VALUES = st.one_of(st.booleans(), st.integers(-(2**40), 2**40), st.text(max_size=12), st.lists(st.integers(0, 9)))
_TABLES = st.dictionaries(_NAMES, st.one_of(_VALUES, st.dictionaries(_NAMES, _VALUES, max_size=3)), max_size=4)


@given(_TABLES, st.lists(_NAMES, min_size=1, max_size=3), _VALUES)
def test_only_the_key_that_was_meant_changes(tables: dict[str, object], key: list[str], value: object) -> None:
    """Whatever else stands in the file reads the same afterwards."""
    text = tomli_w.dumps(tables)
    try:
        changed = tomllib.loads(change_key(text, key, value).text)
    except InputError:
        assert any(not isinstance(find_key(tables, key[:end]), dict | None) for end in range(1, len(key)))
        return
    assert find_key(changed, key) == value
    table = tables
    for part in key[:-1]:
        table = table.setdefault(part, {})  # type: ignore[assignment]
    table[key[-1]] = value
    assert changed == tables


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("30", 30), ("1.5", 1.5), ('["a"]', ["a"]), ("plain", "plain"), ("a b", "a b")]
)
def test_a_value_is_toml_or_text(text: str, value: object) -> None:
    """What is no TOML is taken as it stands."""
    assert read_value(text) == value


@pytest.mark.parametrize("key", ["", ".", "a..b", 'a."b c"', "a b"])
def test_a_key_that_would_need_quotes_is_refused(key: str) -> None:
    """Names with dots between them, nothing else."""
    with pytest.raises(InputError, match="with dots between them"):
        split_key(key)


def test_the_file_is_private_and_replaced_as_a_whole(tmp_path: Path) -> None:
    """Mode 0600, in a folder of mode 0700, and nothing else beside it."""
    path = tmp_path / "state" / "config.toml"
    write_config(path, "a = 1\n")
    write_config(path, "a = 2\n")
    assert path.read_text() == "a = 2\n"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(path.parent.iterdir()) == [path]


def test_a_key_is_found_where_it_is_and_nowhere_else() -> None:
    """Its parts are those between the dots; a key below a value, or of nothing, has no value."""
    tables = {"limits": {"payload_bytes": 5}}
    assert split_key("limits.payload_bytes") == ("limits", "payload_bytes")
    assert find_key(tables, ("limits", "payload_bytes")) == 5
    assert find_key(tables, ("limits", "payload_bytes", "more")) is None
    assert find_key(tables, ("nothing",)) is None


def test_a_file_that_cannot_be_replaced_is_left_as_it_is(tmp_path: Path) -> None:
    """What was written for it meanwhile is removed, and the error is the system's."""
    path = tmp_path / "config.toml"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        write_config(path, "a = 1\n")
    assert list(tmp_path.iterdir()) == [path]
