"""Many shells publish at once, a disk is full, a shell is killed: nothing is lost, and nothing comes twice."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from interhost.bus.bus import Bus
from interhost.bus.log import Query
from interhost.bus.spool import Drained, drain_spool, rejected_files
from interhost.bus.spool_file import UNFINISHED_SECONDS
from interhost.shells.libraries import packaged_file
from tests.hook_kit import BASH
from tests.proof.conftest import until

if TYPE_CHECKING:
    from tests.proof.conftest import Children, Disk

LIBRARY = packaged_file("interbus", "interbus.sh")
SHELLS = 8
EACH = 60
_DRAIN = """
from interhost.bus.spool import drain_spool
with Bus(ROOT) as bus:
    say("ready")
    while True:
        drain_spool(bus, set)
"""
# Who published, in which of its processes, and the how manieth that is: said in the payload, and again when it is done.
_PUBLISH = f"""
note() {{
  interbus_publish mine.thing@1.0 --payload "{{\\"who\\": \\"$1\\", \\"number\\": $2}}" --context iv-1
  echo "$INTERBUS_EVENT_ID $1 $2"
}}
for ((i = 0; i < {EACH}; i++)); do
  note "$1" $i
  if ((i % 10 == 0)); then
    (for n in 0 1 2; do note "$1-$i-a" $n; done) & (for n in 0 1 2; do note "$1-$i-b" $n; done) &
  fi
done
wait
"""


def shell(script: str, *arguments: str) -> list[str]:
    """The command line of a hook."""
    return [BASH, "-c", f"set -eu; source '{LIBRARY}'\n{script}", "hook", *arguments]


def environ(root: Path) -> dict[str, str]:
    return {"PATH": os.defpath, "INTERBUS_ROOT": str(root), "HOME": "/nowhere"}


def test_parallel_shells_lose_nothing(root: Path, children: Children) -> None:
    """Eight shells with subshells, while somebody drains: every event once, in the order of its process."""
    drain = children.start(_DRAIN, root)
    drain.until_said("ready")
    hooks = [
        subprocess.Popen(
            shell(_PUBLISH, f"shell{number}"),
            env=environ(root),
            cwd=root.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(SHELLS)
    ]
    said = []
    for hook in hooks:
        out, err = hook.communicate(timeout=60)
        assert (hook.returncode, err) == (0, "")
        said += [line.split() for line in out.splitlines()]
    until(lambda: os.listdir(root / "spool" / "new") == [])
    drain.end(signal.SIGKILL)
    assert len(said) == SHELLS * (EACH + EACH // 10 * 6)
    assert len({event_id for event_id, _, _ in said}) == len(said)
    with Bus(root) as bus:
        drain_spool(bus, set)
        stored = [one.envelope for one in bus.log.read(Query(), 10_000)]
    payloads = {one.event_id: json.loads(one.payload) for one in stored}
    assert len(stored) == len(payloads) == len(said)
    assert payloads == {event_id: {"who": who, "number": int(number)} for event_id, who, number in said}
    of_process = defaultdict(list)
    for event_id in sorted(payloads):
        of_process[payloads[event_id]["who"]].append(payloads[event_id]["number"])
    assert all(numbers == sorted(numbers) for numbers in of_process.values())
    assert len(of_process) == SHELLS * (1 + EACH // 10 * 2)
    assert rejected_files(root) == []


def test_a_full_disk_costs_a_line_and_no_hook(disk: Disk) -> None:
    """The reason is named, nothing half written is left, and once there is room the next publish goes through."""
    root = disk.path / "state"
    publish = f'interbus_publish mine.thing@1.0 --payload \'{{"x": "{"x" * 9000}"}}\' && echo went on'

    def run() -> subprocess.CompletedProcess[str]:
        argv = shell(publish)
        return subprocess.run(argv, env=environ(root), cwd="/", capture_output=True, text=True, check=False)

    assert run().stderr == ""
    disk.fill()
    done = run()
    assert (done.returncode, done.stdout) == (0, "went on\n")
    assert done.stderr == f"interbus: {root}/spool/new: No space left on device; nothing was published\n"
    assert len(os.listdir(root / "spool" / "new")) == 1
    disk.free()
    assert run().stderr == ""
    with Bus(root) as bus:
        assert drain_spool(bus, set) == Drained(2, 0, 0)


def test_a_disk_that_cannot_be_written_costs_a_line(disk: Disk) -> None:
    """With a spool and without one."""
    root = disk.path / "state"
    argv = shell("interbus_publish notify && echo went on")
    subprocess.run(argv, env=environ(root), check=True)
    disk.make_read_only()
    for place in (root, disk.path / "other"):
        done = subprocess.run(argv, env=environ(place), capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "went on\n")
        assert done.stderr == f"interbus: {place}/spool/new: Read-only file system; nothing was published\n"


def test_a_shell_that_is_killed_leaves_whole_files_or_one_that_says_why(root: Path) -> None:
    """At any moment of a large publish: what is complete is stored, what is not waits a minute and is set aside."""
    text = "x" * 900_000
    script = f"p=$(<'{root.parent}/payload'); while :; do interbus_publish mine.thing@1.0 --payload \"$p\"; done"
    (root.parent / "payload").write_text(f'{{"x": "{text}"}}')
    new = root / "spool" / "new"
    new.mkdir(parents=True, mode=0o700)
    for turn in range(6):
        before = len(os.listdir(new))
        hook = subprocess.Popen(shell(script), env=environ(root))
        until(lambda count=before: len(os.listdir(new)) > count)  # type: ignore[misc]
        time.sleep(0.003 * turn)
        hook.kill()
        hook.wait()
    files = len(os.listdir(new))
    with Bus(root) as bus:
        first = drain_spool(bus, set)
        assert first.rejected == 0
        assert first.stored + first.waiting == files
        for path in new.iterdir():
            then = time.time() - UNFINISHED_SECONDS - 1
            os.utime(path, (then, then))
        assert drain_spool(bus, set) == Drained(0, first.waiting, 0)
        assert all(len(one.envelope.payload) == len(text) + 9 for one in bus.log.read(Query(), 10_000))
    assert all(re.search("unfinished for more than 60 s", why) for _, why in rejected_files(root))
