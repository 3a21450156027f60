"""Many hooks at once: the limits hold to the letter, and neither a killed nor a foreign writer does harm.

That no update of Python or shell is lost is shown in ``test_nudge_mixed.py``.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.hook_kit import Nudges
from tests.sdk_kit import Sdk

PROCESSES = 12
WAIT_PYTHON = "import os, time\nwhile not os.path.exists({go!r}): time.sleep(0.001)\n"
WAIT_SHELL = "until [[ -e {go!r} ]]; do :; done\n"


@pytest.fixture
def sdk(tmp_path: Path) -> Sdk:
    """A home that many share."""
    return Sdk(tmp_path)


def run_together(sdk: Sdk, commands: Sequence[list[str]], go: Path) -> list[str]:
    """Run commands side by side, let them begin at once, and answer every line that one of them says."""
    running = [sdk.begin(argv) for argv in commands]
    time.sleep(0.3)  # for those that are slow to start; whoever is later begins at once
    go.touch()
    said: list[str] = []
    for process in running:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out) == (0, b"")
        said += err.decode().splitlines()
    assert all(line.startswith("[interverse] Tip: run /plugin install ") and line.endswith(" for x.") for line in said)
    return said


def hooks(sdk: Sdk, go: Path, shells: int, companion: str) -> list[list[str]]:
    """Twelve hooks of as many plugins, some of them in shell."""
    names = [companion.format(number=number) for number in range(PROCESSES)]
    asks = [f"ib_nudge_companion {name} x plugin{number}" for number, name in enumerate(names)]
    calls = [f"nudge_companion({name!r}, 'x', 'plugin{number}')" for number, name in enumerate(names)]
    return [sdk.argv(WAIT_SHELL.format(go=str(go)) + ask) for ask in asks[:shells]] + [
        sdk.argv_python(WAIT_PYTHON.format(go=str(go)) + call) for call in calls[shells:]
    ]


@pytest.mark.parametrize("shells", [0, 6])
def test_two_tips_a_session_hold_under_twelve_parallel_hooks(sdk: Sdk, shells: int) -> None:
    """Twelve hooks with twelve companions: exactly two are heard, and exactly those are recorded."""
    state, go = Nudges(sdk.home), sdk.base / "go"
    said = run_together(sdk, hooks(sdk, go, shells, "companion{number}"), go)
    assert len(said) == 2
    assert state.count() == 2
    heard = sorted(line.split()[5] for line in said)
    assert sorted(pair.partition(":")[2] for pair in state.pairs()) == heard
    assert [name for name in state.names() if "flag" in name] == [f"nudge-flag-s1-{name}" for name in heard]


@pytest.mark.parametrize("shells", [0, 6])
def test_one_companion_is_suggested_once_under_twelve_parallel_hooks(sdk: Sdk, shells: int) -> None:
    """Twelve plugins that miss the same companion: one of them is heard."""
    state, go = Nudges(sdk.home), sdk.base / "go"
    assert len(run_together(sdk, hooks(sdk, go, shells, "interline"), go)) == 1
    assert (state.count(), [one["ignores"] for one in state.pairs().values()]) == (1, [1])


def test_twelve_hooks_of_python_lose_nothing(sdk: Sdk) -> None:
    """Three processes on each pair: every tip that was heard is counted once. The mixed test has fifty rounds."""
    state, go = Nudges(sdk.home), sdk.base / "go"
    body = (
        "for n in range(20):\n    os.environ['CLAUDE_SESSION_ID'] = 's{number}-%d' % (n // 2)\n"
        "    nudge_companion('c%d' % ({first} + n), 'x', 'shared')"
    )
    commands = [
        sdk.argv_python(WAIT_PYTHON.format(go=str(go)) + body.format(number=number, first=number % 4 * 20))
        for number in range(PROCESSES)
    ]
    said = run_together(sdk, commands, go)
    heard = Counter(f"shared:{line.split()[5]}" for line in said)
    assert {pair: entry["ignores"] for pair, entry in state.pairs().items()} == heard
    assert sum(state.count(f"s{number}-{half}") for number in range(PROCESSES) for half in range(10)) == len(said)
    assert len(said) > 200  # of 240; on a machine that stands still for a second, some get no lock and say nothing


def test_a_holder_that_is_killed_leaves_no_lock(sdk: Sdk) -> None:
    """The kernel releases it; nobody has to judge how old a lock is."""
    state = Nudges(sdk.home)
    code = (
        "from interhost.interbase.nudge_files import NudgeFiles\nimport os, time\n"
        "with NudgeFiles(os.environ['HOME']).lock(1):\n    open('locked', 'w').close(); time.sleep(60)"
    )
    process = sdk.start(code)
    try:
        until = time.monotonic() + 20
        while not (sdk.project / "locked").exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        ran = sdk.run_python("nudge_companion('interline', 'x')")
        assert (ran.code, ran.err) == (0, "")
        assert 0.9 < ran.seconds < 10
        assert state.names() == ["nudge-state.json.lock"]
    finally:
        process.kill()
        process.communicate()
    assert "Tip" in sdk.run_python("nudge_companion('interline', 'x')").err


def test_a_writer_that_takes_no_lock_never_makes_the_state_invalid(sdk: Sdk) -> None:
    """Another implementation that replaces the file as it likes, in its own spelling: each tip of ours is shown."""
    state, go = Nudges(sdk.home), sdk.base / "go"
    foreign = (
        f"path = {str(state.state)!r}\nos.makedirs(os.path.dirname(path), exist_ok=True)\nimport json\n"
        "for n in range(100):\n"
        "    try: pairs = json.load(open(path))\n"
        "    except FileNotFoundError: pairs = {}\n"
        "    pairs[f'foreign:c{n}'] = {'ignores': '1', 'dismissed': 'false'}\n"
        "    new = f'{path}.{os.getpid()}'\n    open(new, 'w').write(json.dumps(pairs)); os.replace(new, path)"
    )
    ours = "for n in range(100):\n    os.environ['CLAUDE_SESSION_ID'] = f's{n}'; nudge_companion(f'd{n}', 'x', 'ours')"
    commands = [sdk.argv_python(WAIT_PYTHON.format(go=str(go)) + body) for body in (foreign, ours)]
    assert len(run_together(sdk, commands, go)) == 100
    assert {pair.partition(":")[0] for pair in state.pairs()} <= {"foreign", "ours"}
    assert [name for name in os.listdir(state.folder) if "corrupt" in name] == []
