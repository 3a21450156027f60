"""``interbus consume`` and ``interbus emit``: the bus for scripts."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Shell

MODULE = ("consume", "--module", "my-script")


def script(shell: Shell, text: str) -> str:
    """A command that keeps what it is given, and then does as told."""
    path = shell.base / "script.sh"
    path.write_text(f"#!/bin/sh\ncat >> {shell.base}/given\n{text}\n")
    path.chmod(0o700)
    return str(path)


def given(shell: Shell) -> list[str]:
    """What the command was given, line by line."""
    path = shell.base / "given"
    return path.read_text().splitlines() if path.exists() else []


def known(shell: Shell) -> None:
    """Make the consumer known; it begins at the log's end."""
    assert shell.run("interbus", *MODULE, code=1).out == ""


def say(shell: Shell, *texts: str) -> list[str]:
    return [shell.publish("notify", json.dumps({"text": text}))["event_id"] for text in texts]


def texts(lines: list[str]) -> list[str]:
    return [json.loads(line)["payload"]["text"] for line in lines]


def attempts(shell: Shell, event_id: str) -> list[tuple[int, str, str]]:
    with shell.bus() as bus:
        stored = bus.log.get(event_id)
        assert stored is not None
        return [(one.n, one.outcome, one.reason) for one in bus.store.attempts(stored.seq)]


# consume -------------------------------------------------------------------------------------------------------------


def test_a_new_module_begins_at_the_end(shell: Shell) -> None:
    """History is not its business; exit code 1 and one line on stderr say that nothing was due."""
    say(shell, "before")
    done = shell.run("interbus", *MODULE, code=1)
    assert (done.out, done.err) == ("", "nothing is due for my-script\n")
    say(shell, "after")
    assert texts(shell.run("interbus", *MODULE).out.splitlines()) == ["after"]
    assert shell.run("interbus", *MODULE, code=1).out == ""


def test_the_command_gets_each_fact_as_one_line(shell: Shell) -> None:
    """The whole envelope as JSON on its standard input, in order; what it succeeds at is acknowledged for good."""
    known(shell)
    command = script(shell, "echo taken")
    first, second = say(shell, "one", "zwei \u2028 Zeilen, ünïcode")
    done = shell.run("interbus", *MODULE, "--", command)
    assert done.out == "taken\ntaken\n"
    lines = given(shell)
    assert [json.loads(line)["event_id"] for line in lines] == [first, second]
    assert json.loads(lines[1])["payload"] == {"text": "zwei \u2028 Zeilen, ünïcode"}
    assert {"seq", "intent", "context_id", "producer", "extensions"} <= json.loads(lines[0]).keys()
    assert [attempts(shell, one) for one in (first, second)] == [[(1, "done", "taken by interbus consume")]] * 2
    assert shell.run("interbus", *MODULE, "--", command, code=1).out == ""
    assert len(given(shell)) == 2


def test_a_locale_without_unicode_changes_nothing(shell: Shell) -> None:
    """The command is given UTF-8 whatever the terminal can show."""
    known(shell)
    say(shell, "ünïcode ✓")
    shell.run("interbus", *MODULE, "--", script(shell, ""), env={"LANG": "C", "LC_ALL": "POSIX", "PYTHONUTF8": "0"})
    assert texts(given(shell)) == ["ünïcode ✓"]


def test_a_command_that_fails_gets_the_fact_again(shell: Shell) -> None:
    """Exit code 1, the reason on stderr, not before its time, and not in the way of other facts."""
    known(shell)
    command = script(shell, "[ -e ok ] || exit 3")
    one, two = say(shell, "one", "two")
    done = shell.run("interbus", *MODULE, "--", command, code=1)
    assert done.err.splitlines() == [f"{event}: {command}: exit status 3 (attempt 1)" for event in (one, two)]
    assert texts(given(shell)) == ["one", "two"]
    (shell.project / "ok").touch()
    assert shell.change("UPDATE pending SET due = due + 60000000") == 2
    assert "nothing is due" in shell.run("interbus", *MODULE, "--", command, code=1).err
    shell.change("UPDATE pending SET due = 0")
    shell.run("interbus", *MODULE, "--", command)
    assert texts(given(shell)) == ["one", "two", "one", "two"]
    assert [attempt[:2] for attempt in attempts(shell, one)] == [(1, "error"), (2, "done")]


def test_five_failures_are_a_dead_letter(shell: Shell) -> None:
    """Which ``redrive`` lists and delivers again, to the same script."""
    known(shell)
    command = script(shell, "[ -e ok ] || exit 1")
    (event,) = say(shell, "one")
    for number in range(5):
        done = shell.run("interbus", *MODULE, "--", command, code=1)
        assert f"(attempt {number + 1})" in done.err
        shell.change("UPDATE pending SET due = 0")
    assert "nothing is due" in shell.run("interbus", *MODULE, "--", command, code=1).err
    (letter,) = shell.run("interhost", "redrive").records
    assert (letter["event_id"], letter["consumer"], letter["attempts"]) == (event, "my-script", 5)
    (shell.project / "ok").touch()
    shell.run("interhost", "redrive", event)
    shell.run("interbus", *MODULE, "--", command)
    assert texts(given(shell)) == ["one"] * 6
    assert shell.run("interhost", "redrive").out == ""


@pytest.mark.parametrize("name", ["no-such-command", "not-executable"])
def test_a_command_that_cannot_be_run_is_a_failed_attempt(shell: Shell, name: str) -> None:
    """It may be there the next time; the fact is not lost."""
    known(shell)
    (event,) = say(shell, "one")
    (shell.base / "not-executable").write_text("")
    command = str(shell.base / name)
    done = shell.run("interbus", *MODULE, "--", command, code=1)
    assert done.err.startswith(f"{event}: {command}: ")
    assert [attempt[:2] for attempt in attempts(shell, event)] == [(1, "error")]


def test_a_command_that_hangs_is_ended(shell: Shell) -> None:
    """After --timeout seconds, as a failed attempt."""
    known(shell)
    (event,) = say(shell, "one")
    began = time.monotonic()
    shell.run("interbus", *MODULE, "--timeout", "0.3", "--", "sleep", "30", code=1)
    assert time.monotonic() - began < 20
    assert attempts(shell, event) == [(1, "error", "sleep: timed out after 0.3 s")]


def test_a_command_that_does_not_read_is_fine(shell: Shell) -> None:
    """Its exit code counts, also when a fact is larger than a pipe."""
    known(shell)
    (event,) = say(shell, "x" * 100_000)
    shell.run("interbus", *MODULE, "--", "true")
    assert [attempt[:2] for attempt in attempts(shell, event)] == [(1, "done")]


def test_a_consumer_that_is_killed_loses_nothing(shell: Shell) -> None:
    """The lease runs out, and the fact comes again as the second attempt."""
    known(shell)
    (event,) = say(shell, "one")
    running = shell.start("interbus", *MODULE, "--", script(shell, "sleep 20"))
    shell.until(lambda: given(shell))
    running.end(signal.SIGKILL)
    assert "nothing is due" in shell.run("interbus", *MODULE, "--", "true", code=1).err
    assert shell.change("UPDATE pending SET due = 0") == 1
    shell.run("interbus", *MODULE, "--", "true")
    assert attempts(shell, event) == [
        (1, "error", "the worker went away"),
        (2, "done", "taken by interbus consume"),
    ]


def test_ctrl_c_gives_the_fact_back(shell: Shell) -> None:
    """What was in hand is due again at once, is not counted as an attempt, and comes before what followed it."""
    known(shell)
    events = say(shell, "one", "two")
    command = script(
        shell, f"echo $$ > {shell.base}/pid.new && mv {shell.base}/pid.new {shell.base}/pid; exec sleep 20"
    )
    running = shell.start("interbus", *MODULE, "--", command)
    shell.until((shell.base / "pid").exists)
    running.process.send_signal(signal.SIGINT)
    with suppress(ProcessLookupError):
        os.kill(int((shell.base / "pid").read_text()), signal.SIGINT)  # a terminal sends it to both
    done = running.end()
    assert (done.code, done.err) == (130, "")
    with shell.bus() as bus:
        assert bus.log.leased() == []
        assert [one[:2] for one in bus.log.waiting(1)] == [("my-script", 0)]
    assert [one["event_id"] for one in shell.run("interbus", *MODULE).records] == events
    assert attempts(shell, events[0]) == [(1, "done", "taken by interbus consume")]


def test_only_what_was_asked_for(shell: Shell) -> None:
    """--intent is repeatable; other intents, and what the module said itself, are left out."""
    wanted = ("--intent", "notify", "--intent", "my_script.own@1.0")
    shell.run("interbus", *MODULE, *wanted, code=1)
    say(shell, "one")
    shell.publish("health_signal", '{"signal": "s", "level": "green"}')
    shell.publish("my_script.own@1.0", "{}", "--allow-unknown")
    found = shell.run("interbus", *MODULE, *wanted).records
    assert [one["intent"] for one in found] == ["notify@1.0", "my_script.own@1.0"]


def test_what_waited_in_the_spool_is_taken(shell: Shell) -> None:
    """Shells need no host for their facts to arrive."""
    known(shell)
    (shell.root / "spool" / "new").mkdir(parents=True)
    event = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    (shell.root / "spool" / "new" / event).write_text(
        '{"intent": "notify@1.0", "context_id": "iv-1"}\n{"text": "spooled"}\n'
    )
    assert texts(shell.run("interbus", *MODULE).out.splitlines()) == ["spooled"]


def test_the_users_limit_counts_for_what_waited(shell: Shell) -> None:
    """A payload that the configuration allows is taken from the spool; while that cannot be read, it waits there."""
    known(shell)
    spooled = shell.root / "spool" / "new" / "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    spooled.parent.mkdir(parents=True)
    spooled.write_text(f'{{"intent": "notify@1.0", "context_id": "iv-1"}}\n{{"text": "{"x" * 2_000_000}"}}\n')
    config = shell.root / "config.toml"
    config.write_text("[limits\n")
    assert "not shown" in shell.run("interbus", *MODULE, code=1).err
    assert spooled.exists()
    config.write_text("[limits]\npayload_bytes = 3000000\n")
    assert [len(text) for text in texts(shell.run("interbus", *MODULE).out.splitlines())] == [2_000_000]


def test_an_adapters_name_is_refused(shell: Shell) -> None:
    """What a script took would be missing there: 64, and nothing is taken."""
    hooks = "from interhost_hookspecs import Outcome, hookimpl\n@hookimpl\ndef on_notify(intent, ctx):\n"
    shell.adapter("board", ["notify"], f"{hooks}    return Outcome.done('heard')\n")
    say(shell, "one")
    done = shell.run("interbus", "consume", "--module", "board", code=64)
    assert (done.out, "--module board: an adapter" in done.err) == ("", True)
    assert [one["outcome"] for one in shell.run("interhost", "run", "--once").records] == ["done"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 64),
        (("--module", "m", "--intent", "nonsense"), 65),
        (("--module", "m", "--timeout", "soon"), 64),
        (("--module", "m", "--timeout", "-1"), 64),
        (("--module", "m", "--timeout", "0"), 64),
        (("--module", "m", "--timeout", "nan"), 64),
        (("--module", "m", "--timeout", "inf"), 64),
        (("--module", "\udcff"), 65),
    ],
)
def test_what_makes_no_sense_is_refused(shell: Shell, arguments: tuple[str, ...], code: int) -> None:
    """With the exit code for it, and never with a fault of ours."""
    done = shell.run("interbus", "consume", *arguments, code=code)
    assert done.out == ""
    assert done.err.startswith("interbus: ")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--timeout", "abc"), 64, ["--timeout", "expected seconds above 0", "'abc'"]),
        (("--timeout", "3601"), 64, ["--timeout", "at most 3600", "'3601'"]),
        (("--intent", "nope"), 65, ["unknown intent 'nope'", "interbus catalog", "needs its version"]),
        (("--intent", "notfy"), 65, ["unknown intent 'notfy'; did you mean notify?", "needs its version"]),
        (("--intent", "No-Name"), 65, ["intent 'No-Name'", "review_pass@1.0"]),
    ],
)
def test_a_mistake_is_answered_with_what_helps(
    shell: Shell, arguments: tuple[str, ...], code: int, said: list[str]
) -> None:
    """What is wrong and what is expected; no option that this command does not have."""
    done = shell.run("interbus", *MODULE, *arguments, code=code)
    assert [text for text in said if text not in done.err] == []
    assert "--allow-unknown" not in done.err
    assert "_seconds" not in done.err


# emit ----------------------------------------------------------------------------------------------------------------


def test_emit_takes_everything_else_from_the_environment(shell: Shell) -> None:
    """Context, session and project; the answer is that of ``publish``."""
    env = {"CLAVAIN_BEAD_ID": "iv-abc1", "CLAUDE_SESSION_ID": "s-1"}
    (said,) = shell.run("interbus", "emit", "notify", '{"text": "build is green"}', env=env).records
    assert (said["intent"], said["context_id"], said["duplicate"]) == ("notify@1.0", "iv-abc1", False)
    (stored,) = shell.run("interbus", "replay").records
    assert stored["event_id"] == said["event_id"]
    assert (stored["payload"], stored["producer"]) == ({"text": "build is green"}, "cli")
    assert stored["extensions"]["session_id"] == "s-1"
    assert stored["extensions"]["project_dir"] == str(shell.project)
    assert (stored["severity"], stored["consumers"], stored["artifact_path"]) == ("info", [], None)


def test_emit_takes_an_artifact(shell: Shell) -> None:
    """A path as the third word, taken from the working directory, and its bead."""
    (shell.project / "plan.md").write_text("**Bead:** iv-b2\n")
    shell.run("interbus", "emit", "artifact_ready", '{"kind": "plan"}', "plan.md")
    (stored,) = shell.run("interbus", "replay").records
    assert (stored["artifact_path"], stored["context_id"]) == (str(shell.project / "plan.md"), "iv-b2")


def test_emit_reads_a_payload_from_elsewhere(shell: Shell) -> None:
    """From standard input or a file, as ``publish`` does."""
    (shell.project / "p.json").write_text('{"text": "from a file"}')
    shell.run("interbus", "emit", "notify", "-", stdin='{"text": "from stdin"}')
    shell.run("interbus", "emit", "notify", "@p.json")
    assert [one["payload"]["text"] for one in shell.run("interbus", "replay").records] == ["from stdin", "from a file"]


def test_emit_believes_an_adapters_name(shell: Shell) -> None:
    """INTERBUS_PRODUCER names an installed adapter, or is said to be nobody's."""
    shell.adapter("board", [], "")
    shell.run("interbus", "emit", "notify", '{"text": "a"}', env={"INTERBUS_PRODUCER": "board"})
    done = shell.run("interbus", "emit", "notify", '{"text": "b"}', env={"INTERBUS_PRODUCER": "stranger"})
    assert "stranger" in done.err
    assert [one["producer"] for one in shell.run("interbus", "replay").records] == ["board", "cli"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 64, "intent"),
        (("notify",), 65, "text"),
        (("notify", "nonsense"), 65, "not JSON"),
        (("notfy", '{"text": "x"}'), 65, "notify"),
        (("notify", '{"text": "x"}', "a", "b"), 64, "b"),
        (("notify", "@no-such-file"), 65, "no-such-file"),
    ],
)
def test_emit_refuses_as_publish_does(shell: Shell, arguments: tuple[str, ...], code: int, words: str) -> None:
    """The same exit codes, one clear line, and nothing stored."""
    done = shell.run("interbus", "emit", *arguments, code=code)
    assert (done.out, words in done.err) == ("", True)
    assert not Path(shell.root, "bus.db").exists() or shell.run("interbus", "replay", code=1).out == ""


def test_emit_prints_a_line_for_people(shell: Shell) -> None:
    """--table, as everywhere."""
    out = shell.run("interbus", "emit", "notify", '{"text": "x"}', "--table").out
    assert out.startswith("published ")
    assert "notify@1.0" in out
