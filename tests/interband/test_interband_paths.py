"""Where sideband files are: roots, names, keys; and where the shell library is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from interhost.errors import InputError, StateError
from interhost.interband.loader import OURS, find_library
from interhost.interband.paths import channel_dir, sideband_path, sideband_root
from interhost.interband.protocol import safe_key


def test_the_root_is_below_home_unless_the_variable_says_otherwise() -> None:
    """An empty variable says nothing; a home that is given wins over HOME."""
    assert sideband_root({"HOME": "/h"}) == Path("/h/.interband")
    assert sideband_root({"HOME": "/h", "INTERBAND_ROOT": ""}) == Path("/h/.interband")
    assert sideband_root({"HOME": "/h", "INTERBAND_ROOT": "/elsewhere"}) == Path("/elsewhere")
    assert sideband_root({"HOME": "/h"}, Path("/other")) == Path("/other/.interband")
    assert sideband_root({"HOME": "/"}) == Path("/.interband")


@pytest.mark.parametrize(
    "environ",
    [{}, {"HOME": ""}, {"HOME": "h"}, {"HOME": "/h", "INTERBAND_ROOT": "x"}, {"HOME": "/h", "INTERBAND_ROOT": "~/x"},
     {"HOME": "/h", "INTERBAND_ROOT": "/"}, {"HOME": "/h", "INTERBAND_ROOT": "///"},
     {"HOME": "/h", "INTERBAND_ROOT": "./x"}, {"HOME": "/h", "INTERBAND_ROOT": "/."},
     {"HOME": "/h", "INTERBAND_ROOT": "/.././"}],
)  # fmt: skip
def test_a_root_that_is_none_is_refused(environ: dict[str, str]) -> None:
    """Neither the current directory nor the root of the file system is ever taken for it; the error names the cause."""
    with pytest.raises(StateError, match=r"HOME|INTERBAND_ROOT"):
        sideband_root(environ)


def test_a_link_to_the_root_of_the_file_system_is_refused(tmp_path: Path) -> None:
    """Whatever it is called."""
    (tmp_path / "link").symlink_to("/")
    with pytest.raises(StateError, match="the root of the file system"):
        sideband_root({"INTERBAND_ROOT": str(tmp_path / "link")})


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/a", ".hidden", "-rf", "a b", "a\n", "ä", "a\0b", "a\\b"]
)
def test_namespace_and_channel_are_plain_names(name: str) -> None:
    """Nothing leads out of the root, nothing is hidden or looks like an option."""
    for namespace, channel in ((name, "bead"), ("interphase", name)):
        with pytest.raises(InputError, match="expected a plain name"):
            channel_dir(Path("/r"), namespace, channel)
    assert channel_dir(Path("/r"), "a.b-c_1", "X") == Path("/r/a.b-c_1/X")


@settings(deadline=None)
@given(st.text())
@example("")
@example("../../etc/passwd")
@example("a b\tc\nd/e")
@example("\u00e4\U0001f512\ud800")
def test_a_key_becomes_a_file_name(key: str) -> None:
    """One ``_`` for each odd character, ``default`` for none; it stays in its folder; twice is once."""
    safe = safe_key(key)
    assert re.fullmatch(r"[A-Za-z0-9._-]+", safe, re.ASCII)
    assert len(safe) == len(key) if key else safe == "default"
    assert safe_key(safe) == safe
    assert sideband_path(Path("/r"), "a", "b", key).parent == Path("/r/a/b")


# The published library -----------------------------------------------------------------------------------------------


def library(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("# a library\n")
    return path


def test_the_published_library_is_found_in_the_order_of_the_protocol(tmp_path: Path) -> None:
    """The override, the repository around, the checkout beside, the shared place: the first that is there."""
    start, home = tmp_path / "repo" / "plugins" / "one", tmp_path / "home"
    start.mkdir(parents=True)
    environ = {"HOME": str(home), "INTERBAND_LIB": str(tmp_path / "given.sh")}
    assert find_library(environ, start) is None
    places = [
        home / ".local/share/interband/lib/interband.sh",
        tmp_path / "interband/lib/interband.sh",
        tmp_path / "repo/plugins/interband/lib/interband.sh",
        tmp_path / "repo/core/interband/lib/interband.sh",
    ]
    for place in places:
        library(place)
        assert find_library(environ, start) == place
    (tmp_path / "given.sh").write_text("")
    assert find_library(environ, start) == tmp_path / "given.sh"


def test_a_library_that_others_could_have_written_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is going to be run: not from a relative path, not when anybody may write it, not when it is a folder."""
    monkeypatch.chdir(tmp_path)
    path = library(tmp_path / "interband/lib/interband.sh")
    start = tmp_path / "plugin"
    start.mkdir()
    assert find_library({}, start) == path
    path.chmod(0o646)
    assert find_library({}, start) is None
    given = library(tmp_path / "given" / "x.sh")
    assert find_library({"INTERBAND_LIB": "given/x.sh"}, start) is None
    assert find_library({"INTERBAND_LIB": str(given.parent)}, start) is None
    assert find_library({"INTERBAND_LIB": str(given)}, start) == given


def test_our_own_library_is_where_it_is_said_to_be() -> None:
    """The path that ``interband lib --ours`` prints is a file with the functions of the published library."""
    assert "interband_write()" in OURS.read_text()
