"""``interhost list``, ``doctor`` and ``redrive``: what is there, what is wrong with it, and how it goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import OTHERS

if TYPE_CHECKING:
    from tests.conftest import Shell

_RAISING = """
from pathlib import Path
from interhost_hookspecs import Outcome, hookimpl

@hookimpl
def on_notify(intent, ctx):
    if not (Path(__file__).parents[1] / "mended").exists():
        raise ValueError("it is broken")
    return Outcome.done("mended")
"""


def _listed(shell: Shell) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in shell.run("interhost", "list").records}


def test_installed_adapters_are_listed_without_being_imported(shell: Shell) -> None:
    """Name, version, what it consumes, produces and watches; nothing is imported, and no state is created."""
    shell.adapter("loud", ["notify"], "raise RuntimeError('was imported')")
    listed = _listed(shell)
    assert [name for name in listed if name not in OTHERS] == ["interflux", "interphase", "loud"]
    assert listed["loud"] == {
        "name": "loud",
        "distribution": "demo-loud",
        "version": "1.0",
        "state": "enabled",
        "consumes": ["notify@1"],
        "produces": [],
        "observes": {"hooks": [], "files": []},
        "problem": "",
    }
    assert "~/.clavain/telemetry.jsonl" in listed["interphase"]["observes"]["files"]
    assert not shell.root.exists()


def test_a_disabled_adapter_is_shown_as_such(shell: Shell) -> None:
    """``enabled = false`` shows in list and is a note, not a problem, for doctor; it gets nothing."""
    shell.adapter("loud", ["notify"], "raise RuntimeError('was imported')")
    shell.root.mkdir(mode=0o700)
    (shell.root / "config.toml").write_text("[adapters.loud]\nenabled = false\n")
    assert _listed(shell)["loud"]["state"] == "disabled"
    shell.publish()
    assert shell.run("interhost", "run", "--once").out == ""
    (check,) = [one for one in shell.run("interhost", "doctor").records if one["check"] == "adapter loud"]
    assert (check["level"], check["detail"]) == ("note", "disabled")
    assert "adapters.loud.enabled = true" in check["hint"]


BROKEN = {
    "import": ("import a_module_that_nobody_has", "a_module_that_nobody_has"),
    "exit": ("import sys; sys.exit(2)", "SystemExit: 2"),
    "no hook": ("", "on_notify"),
    "wrong argument": (
        "from interhost_hookspecs import hookimpl\n@hookimpl\ndef on_notify(intent, ctx, more):\n    return None",
        "more",
    ),
}


@pytest.mark.parametrize("way", BROKEN)
def test_a_broken_adapter_has_its_reason_shown(shell: Shell, way: str) -> None:
    """Once a host has tried it, list shows it as failed with the reason and ends with 0; doctor says it with 1."""
    hooks, reason = BROKEN[way]
    shell.adapter("broken", ["notify"], hooks)
    shell.run("interhost", "run", "--once")
    entry = _listed(shell)["broken"]
    assert entry["state"] == "failed"
    assert reason in entry["problem"]
    assert reason in shell.run("interhost", "list", "--table").out
    done = shell.run("interhost", "doctor", code=1)
    (check,) = [one for one in done.records if one["check"] == "adapter broken"]
    assert check["level"] == "problem"
    assert reason in check["detail"]
    assert check["hint"]
    assert "1 problem" in done.err


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (None, "No such file"),
        ("{", "not JSON"),
        ("[]", "'interbus'"),
        ('{"interbus": {"api": 99, "consumes": []}}', "API level 99"),
        ('{"interbus": {"api": 1, "consumes": ["notify"]}}', "name@major"),
    ],
)
def test_a_broken_manifest_has_its_reason_shown(shell: Shell, manifest: str | None, reason: str) -> None:
    """A manifest that cannot be used names its file or level; nobody else is affected."""
    shell.adapter("broken", ["notify"], _RAISING)
    path = shell.site / "demo_broken" / "integration.json"
    path.unlink() if manifest is None else path.write_text(manifest)
    shell.publish()
    shell.run("interhost", "run", "--once")
    entry = _listed(shell)["broken"]
    assert (entry["state"], reason in entry["problem"]) == ("failed", True)
    checks = {one["check"]: one for one in shell.run("interhost", "doctor", code=1).records}
    assert reason in checks["adapter broken"]["detail"]
    assert checks["adapter interphase"]["level"] == "ok"


def test_a_healthy_home_has_no_problem(shell: Shell) -> None:
    """In an empty home doctor ends with 0: what is missing there is a note, each with a hint."""
    done = shell.run("interhost", "doctor")
    levels = {one["check"]: one["level"] for one in done.records}
    assert levels["python"] == levels["sqlite"] == levels["state"] == levels["log"] == "ok"
    assert levels["bd"] == "note"
    assert "problem" not in levels.values()
    assert all(one["hint"] for one in done.records if one["level"] != "ok")
    assert done.err == ""
    table = shell.run("interhost", "doctor", "--table").out
    for one in done.records:
        assert f"{one['level']:<8} {one['check']}: {one['detail']}" in table


def _give_up(shell: Shell) -> str:
    """Let the five attempts of one delivery fail; the event's id."""
    event = str(shell.publish()["event_id"])
    for _ in range(5):
        shell.run("interhost", "run", "--once")
        shell.change("UPDATE pending SET due = 0")
    return event


def test_a_dead_letter_is_a_problem_until_it_is_redriven(shell: Shell) -> None:
    """After five attempts doctor ends with 1 and prints the very command that mends it; after that, with 0."""
    shell.adapter("raising", ["notify"], _RAISING)
    event = _give_up(shell)
    (letter,) = [one for one in shell.run("interhost", "doctor", code=1).records if one["level"] == "problem"]
    assert letter["check"] == f"dead letter {event}"
    assert "raising gave up after 5 attempts: ValueError: it is broken" in letter["detail"]
    (delivery,) = shell.run("interbus", "trace", event).records[0]["deliveries"]
    assert (delivery["state"], len(delivery["attempts"])) == ("dead", 5)

    (listed,) = shell.run("interhost", "redrive").records
    assert (listed["event_id"], listed["consumer"], listed["attempts"]) == (event, "raising", 5)
    assert listed["envelope"]["payload"] == {"text": "hello"}
    assert event in shell.run("interhost", "redrive", "--table").out

    (shell.site / "mended").touch()
    program, *arguments = letter["hint"].partition("then: ")[2].split()
    (redriven,) = shell.run(program, *arguments).records
    assert (redriven["event_id"], redriven["consumer"]) == (event, "raising")
    (done,) = shell.run("interhost", "run", "--once").records
    assert (done["attempt"], done["outcome"]) == (1, "done")
    shell.run("interhost", "doctor")
    assert shell.run("interhost", "redrive").out == ""


def test_redriving_needs_a_dead_letter(shell: Shell) -> None:
    """Nothing that matches is 1; each filter leaves the others alone; --table tells it to people."""
    shell.adapter("raising", ["notify"], _RAISING)
    event = _give_up(shell)
    for arguments in (["01K9ZQ3V9T6J1W0E4T5N8R2X7C"], ["--consumer", "interflux"], [event, "--consumer", "interflux"]):
        done = shell.run("interhost", "redrive", *arguments, code=1)
        assert (done.out, "no dead letter matches" in done.err) == ("", True)
    assert len(shell.run("interhost", "redrive").records) == 1
    assert shell.run("interhost", "redrive", "--all", "--table").out == f"{event}  → raising  is due again\n"
    done = shell.run("interhost", "redrive", "--all", code=1)
    assert "no dead letter matches" in done.err


def test_redriving_for_nobody_says_so(shell: Shell) -> None:
    """A dead letter of a consumer that is not on the bus stays one: named, not called redriven, and 1 if it was all."""
    shell.adapter("raising", ["notify"], _RAISING)
    event = _give_up(shell)
    with shell.bus() as bus:
        assert "raising" in bus.log.release_consumers(2**62)
    for form in ([], ["--table"]):
        done = shell.run("interhost", "redrive", event, *form, code=1)
        assert (done.out, f"{event}: raising is not on the bus" in done.err) == ("", True)
    assert len(shell.run("interhost", "redrive").records) == 1
    (shell.site / "mended").touch()
    shell.run("interhost", "run", "--once")  # which makes it known again
    assert [one["event_id"] for one in shell.run("interhost", "redrive", "--all").records] == [event]
    assert [one["outcome"] for one in shell.run("interhost", "run", "--once").records] == ["done"]


def test_a_worker_that_went_away_is_noticed(shell: Shell) -> None:
    """A delivery whose lease ran out long ago is a problem; its hint is the command that takes it up again."""
    shell.adapter("raising", ["notify"], _RAISING)
    shell.publish()
    shell.run("interhost", "run", "--once")
    shell.change("UPDATE pending SET token = 1, due = 1")
    (stuck,) = [one for one in shell.run("interhost", "doctor", code=1).records if one["level"] == "problem"]
    assert "raising" in stuck["detail"]
    (shell.site / "mended").touch()
    program, *arguments = stuck["hint"].split()
    shell.run(program, *arguments)
    shell.run("interhost", "doctor")


def test_an_adapters_own_checks_are_asked(shell: Shell) -> None:
    """What check_adapter answers stands under its name; one that raises is a problem and hides nobody else's."""
    hooks = "from interhost_hookspecs import Check, CheckLevel, hookimpl\n@hookimpl\ndef check_adapter(ctx):\n    "
    shell.adapter("checking", [], hooks + "return [Check(name='disk', level=CheckLevel.NOTE, detail='d', hint='h')]")
    shell.adapter("failing", [], hooks + "print('noise'); raise OSError('no disk')")
    done = shell.run("interhost", "doctor", code=1)
    checks = {one["check"]: one for one in done.records}
    assert checks["checking: disk"] == {"check": "checking: disk", "level": "note", "detail": "d", "hint": "h"}
    assert checks["failing: check"]["detail"] == "OSError: no disk"
    assert json.loads(done.out.splitlines()[-1])
