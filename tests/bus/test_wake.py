"""Waiting for the next publish."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from interhost.bus import wake
from interhost.bus.bus import Bus
from interhost.bus.wake import Waker

PUBLISH_WHEN_TOLD = """
import sys
from pathlib import Path
from interhost.bus.bus import Bus
from interhost.bus.compose import compose
with Bus(Path(sys.argv[1])) as bus:
    print("ready", flush=True)
    sys.stdin.readline()
    bus.publish(compose(intent="notify", payload='{"text": "x"}', context_id="iv-a1", producer="cli", door="cli"))
"""


@pytest.fixture(params=["watching", "polling"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to notice: the kernel's, and looking where the kernel has none."""
    if request.param == "polling":
        monkeypatch.setattr(wake, "_inotify", lambda *paths: None)
    elif not sys.platform.startswith("linux"):
        pytest.skip("inotify is Linux's")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    Bus(tmp_path / "state").close()
    return tmp_path / "state"


def touch(root: Path) -> None:
    time.sleep(0.02)  # file times move with the kernel's tick
    os.utime(root / "wake")


@pytest.mark.usefixtures("way")
def test_a_publish_of_another_process_ends_the_wait(root: Path) -> None:
    """It ends long before its time, and the event is there to be read."""
    with (
        subprocess.Popen(
            [sys.executable, "-c", PUBLISH_WHEN_TOLD, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as publisher,
        Bus(root) as bus,
    ):
        assert publisher.stdin is not None
        assert publisher.stdout is not None
        assert publisher.stdout.readline() == "ready\n"
        time.sleep(0.02)
        with Waker(root) as waker:
            time.sleep(0.02)
            publisher.stdin.write("go\n")
            publisher.stdin.flush()
            started = time.monotonic()
            assert waker.wait(20)
            assert time.monotonic() - started < 10
            assert bus.log.end() == 1


@pytest.mark.usefixtures("way")
def test_a_publish_before_the_wait_is_not_missed(root: Path) -> None:
    """What happens between the last look and the wait ends the wait at once; one wait takes all of it."""
    with Waker(root) as waker:
        touch(root)
        touch(root)
        assert waker.wait(10)
        assert not waker.wait(0.05)


@pytest.mark.usefixtures("way")
def test_nothing_published_waits_the_whole_time(root: Path) -> None:
    """The caller is told that nobody published, and not before the time is over."""
    with Waker(root) as waker:
        started = time.monotonic()
        assert not waker.wait(0.1)
        assert time.monotonic() - started >= 0.1


@pytest.mark.usefixtures("way")
def test_a_signal_ends_the_wait(root: Path) -> None:
    """What comes in on the interrupt descriptor ends it at once, and is no publish."""
    reading, writing = os.pipe()
    try:
        with Waker(root, interrupt=reading) as waker:
            os.write(writing, b"\x0f")
            started = time.monotonic()
            assert not waker.wait(20)
            assert time.monotonic() - started < 10
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.usefixtures("way")
def test_several_wait_for_one_publish(root: Path) -> None:
    """Everybody who watches is told, not only the first."""
    with Waker(root) as one, Waker(root) as other:
        touch(root)
        assert one.wait(10)
        assert other.wait(10)


def test_closing_gives_the_descriptor_back(root: Path) -> None:
    """A resident host that watches anew does not run out of them."""
    before = len(os.listdir("/dev/fd"))
    for _ in range(3):
        Waker(root).close()
    assert len(os.listdir("/dev/fd")) == before
