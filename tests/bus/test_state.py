"""The state directory: where it is, and when it is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from interhost.bus import state
from interhost.bus.state import ensure_root, network_file_system, state_root
from interhost.errors import StateError


def test_the_variable_decides(tmp_path: Path) -> None:
    """An absolute INTERBUS_ROOT is the state directory, whether it exists or not."""
    assert state_root({"INTERBUS_ROOT": str(tmp_path / "not there")}) == tmp_path / "not there"


@pytest.mark.parametrize("environ", [{}, {"INTERBUS_ROOT": ""}])
def test_without_the_variable_it_is_in_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    """Unset and empty mean ``~/.interbus``."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_root(environ) == tmp_path / ".interbus"


def test_an_empty_home_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would make the root of the file system the home."""
    monkeypatch.setenv("HOME", "")
    with pytest.raises(StateError, match="HOME is empty"):
        state_root({"HOME": ""})


@pytest.mark.parametrize("given", ["state", "./state", "~/state"])
def test_a_relative_root_is_refused(given: str) -> None:
    """It would mean another directory for every process; the message names variable and value."""
    with pytest.raises(StateError, match=f"INTERBUS_ROOT='{given}'") as caught:
        state_root({"INTERBUS_ROOT": given})
    assert caught.value.exit_code == 69


def test_an_unset_home_falls_back_on_the_user_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without HOME the home is the one the system has for this user."""
    import pwd

    monkeypatch.delenv("HOME", raising=False)
    assert state_root({}) == Path(pwd.getpwuid(os.getuid()).pw_dir, ".interbus")


def test_no_home_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A HOME that is no absolute path leaves nothing to guess; the hint names both variables."""
    monkeypatch.setenv("HOME", "nowhere")
    with pytest.raises(StateError, match="HOME") as caught:
        state_root({})
    assert "INTERBUS_ROOT" in caught.value.hint


def test_a_missing_directory_is_created_for_its_owner_only(tmp_path: Path) -> None:
    """With its parents, and mode 0700."""
    root = tmp_path / "a" / "b"
    assert ensure_root(root) == root
    assert stat.S_IMODE(root.stat().st_mode) == 0o700


def test_a_directory_that_is_private_enough_is_taken_as_it_is(tmp_path: Path) -> None:
    """Others may read it if its owner wants that; its mode is not changed."""
    tmp_path.chmod(0o755)
    assert ensure_root(tmp_path) == tmp_path
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.mark.parametrize("mode", [0o770, 0o720, 0o777, 0o702, 0o1777], ids=oct)
def test_a_directory_others_can_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    """Whoever can write there can make adapters act; the hint is the command that mends it."""
    tmp_path.chmod(mode)
    with pytest.raises(StateError, match=f"{mode:04o}") as caught:
        ensure_root(tmp_path)
    assert (caught.value.path, caught.value.hint) == (str(tmp_path), f"chmod 700 {tmp_path}")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """Even where we could write, it is not ours; the message names both users."""
    os.chown(tmp_path, 12345, -1)
    with pytest.raises(StateError, match="12345") as caught:
        ensure_root(tmp_path)
    assert str(os.geteuid()) in str(caught.value)


def test_a_directory_that_cannot_exist_is_refused(tmp_path: Path) -> None:
    """Below a regular file nobody can create one, root neither; the message says why and the hint what to set."""
    file = tmp_path / "file"
    file.touch()
    for root in (file / "state", file):
        with pytest.raises(StateError, match=f"{root}: ") as caught:
            ensure_root(root)
        assert "INTERBUS_ROOT" in caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write where the mode says no")
def test_a_directory_without_permission_to_write_is_refused(tmp_path: Path) -> None:
    """It is our own, and still not writable."""
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StateError, match="cannot be written"):
            ensure_root(tmp_path)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="the other user's half is tested without root")
def test_an_unprivileged_user_is_told_what_cannot_be_written(tmp_path: Path) -> None:
    """The same promise where the tests run as root: asked by a real process of another user."""
    closed = [one for one in (tmp_path, *tmp_path.parents) if not one.stat().st_mode & 0o001]
    opened = [(directory, directory.stat().st_mode) for directory in closed]
    for directory, mode in opened:
        directory.chmod(mode | 0o011)
    root = tmp_path / "state"
    root.mkdir()
    os.chown(root, 12345, -1)
    root.chmod(0o500)
    report, child = tmp_path / "report", os.fork()
    report.touch()
    report.chmod(0o666)
    if child == 0:
        try:
            os.setuid(12345)
            ensure_root(root)
        except StateError as error:
            report.write_text(str(error))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    for directory, mode in opened:
        directory.chmod(mode)
    assert report.read_text() == f"state directory {root} cannot be written"


# Two lines of /proc/self/mountinfo as the kernel writes them (proc(5)), and one of a mount with an optional field.
MOUNTS = """\
36 27 0:52 / /home/u/nfs rw,relatime shared:1 - nfs4 server:/export rw,vers=4.2
37 27 0:53 / /tmp rw,nosuid - tmpfs tmpfs rw
38 27 0:54 / /mnt/with\\040space rw,relatime master:1 propagate_from:2 - fuse.sshfs host: rw
"""


@pytest.mark.parametrize(
    ("device", "kind"),
    [
        (os.makedev(0, 52), "nfs4"),
        (os.makedev(0, 54), "fuse.sshfs"),
        (os.makedev(0, 53), ""),
        (os.makedev(0, 99), ""),
        (os.makedev(8, 1), ""),
    ],
)
def test_a_network_file_system_is_told_from_a_local_one(tmp_path: Path, device: int, kind: str) -> None:
    """By the kernel's own list; a local disk, a memory file system and an unknown device are no network."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert network_file_system(device, mounts) == kind
    assert network_file_system(device, tmp_path / "missing") == ""


def test_a_root_on_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks and shared memory are not safe there; the message says what it is and where to go."""
    monkeypatch.setattr(state, "network_file_system", lambda device: "nfs4")
    with pytest.raises(StateError, match=r"network file system \(nfs4\)") as caught:
        ensure_root(tmp_path / "state")
    assert "INTERBUS_ROOT" in caught.value.hint
