"""What ``interhost doctor`` says about hooks, about tools that hang, and about a state directory others can read."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from interhost_hookspecs import Check

from interhost.claude.checks import examine_hooks
from interhost.claude.registration import read_registrations
from interhost.host.doctor import TOOL_SECONDS, examine

if TYPE_CHECKING:
    from tests.claude_kit import Claude
    from tests.conftest import Stage

HOOK = str(Path(__file__).parents[2] / "interhost" / "claude" / "hook.py")
LOOKS = "@hookimpl\ndef observe_hook(event, ctx):\n    return None\n"
DAY = 24 * 3600


def _handler(command: str = sys.executable, args: list[str] | None = None) -> dict[str, Any]:
    return {"type": "command", "command": command, "args": ["-I", "-S", HOOK] if args is None else args, "timeout": 5}


def _hooks(*events: str, handler: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"hooks": {event: [{"hooks": [handler or _handler()]}] for event in events}}


def _settings(stage: Stage, document: object, where: str = "home") -> Path:
    base = {"home": stage.home, "project": stage.project}.get(where, stage.project)
    path = base / ".claude" / ("settings.local.json" if where == "local" else "settings.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def _plugin(stage: Stage, document: object, *, enabled: bool = True, name: str = "interhost") -> Path:
    """A plugin as Claude Code records it, with its hooks."""
    root = stage.home / ".claude" / "plugins"
    folder = root / "cache" / "market" / name / "1.0.0"
    (folder / "hooks").mkdir(parents=True)
    (folder / "hooks" / "hooks.json").write_text(json.dumps(document))
    record = {"version": 2, "plugins": {f"{name}@market": [{"scope": "user", "installPath": str(folder)}]}}
    (root / "installed_plugins.json").write_text(json.dumps(record))
    _settings(stage, {"enabledPlugins": {f"{name}@market": enabled}})
    return folder / "hooks" / "hooks.json"


def _checks(stage: Stage, **environ: str) -> list[Check]:
    return list(
        examine_hooks(
            stage.bus, stage.entries(), stage.config(), {"PATH": os.defpath, **environ}, stage.home, stage.project
        )
    )


def _problems(checks: list[Check]) -> list[str]:
    for one in checks:
        assert one.level == "ok" or one.hint, one
    return [one.detail for one in checks if one.level == "problem"]


def _observer(stage: Stage, *hooks: str) -> None:
    stage.adapter("board", [], LOOKS, {"observes": {"hooks": list(hooks)}})


def test_hooks_that_are_not_registered_are_a_note(stage: Stage) -> None:
    """Whoever uses the bus from shells alone has no problem; the note says what is missed."""
    _observer(stage, "Stop", "PreToolUse:Bash", "PreToolUse:Edit")
    (check,) = _checks(stage)
    assert (check.level, check.name) == ("note", "hooks")
    assert check.detail == "not registered with Claude Code; 2 observed events; never called yet"
    assert "interhost claude-plugin" in check.hint


def test_registered_hooks_are_well(stage: Stage) -> None:
    """For how many events, and when they were last called."""
    _observer(stage, "Stop", "PreToolUse:Bash")
    _settings(stage, _hooks("Stop", "PreToolUse", "SessionEnd"))
    (check,) = _checks(stage)
    assert (check.level, check.detail) == ("ok", "registered for 3 events; never called yet")
    for age, text in ((3, "3 s"), (90, "2 min"), (2 * 3600, "2 h"), (3 * DAY, "3 d")):
        (stage.root / "hook-seen").touch()
        os.utime(stage.root / "hook-seen", (time.time() - age, time.time() - age))
        (check,) = _checks(stage)
        assert check.detail == f"registered for 3 events; last called {text} ago"


WAYS: dict[str, dict[str, Any]] = {
    "our script": _handler(),
    "the command": _handler("interhost", ["hook"]),
    "the command by its path": _handler("/usr/local/bin/interhost", ["hook"]),
    "a line for a shell": {"type": "command", "command": f'"{sys.executable}" -I -S "{HOOK}"'},
    "a line with the command": {"type": "command", "command": "exec interhost hook 2>/dev/null"},
    "a line with a variable": {"type": "command", "command": "INTERHOST_ADAPTERS=-x interhost hook"},
    "within the plugin": _handler("${CLAUDE_PLUGIN_ROOT}/bin/python", ["-I", "-S", "/x/interhost/claude/hook.py"]),
    "through a tool": _handler("uv", ["run", "--no-project", "interhost", "hook"]),
}


@pytest.mark.parametrize("way", WAYS)
def test_our_hook_is_recognised(stage: Stage, way: str) -> None:
    """However it is written: with arguments, as a line for a shell, by name or by path."""
    _settings(stage, _hooks("Stop", handler=WAYS[way]))
    found = read_registrations({}, stage.home, stage.project)
    assert [one.event for one in found.registrations] == ["Stop"]


@pytest.mark.parametrize(
    "handler",
    [
        {"type": "command", "command": "echo hook"},
        {"type": "command", "command": "interhost list"},
        {"type": "command", "command": "my-interhost hook"},
        _handler("python3", ["/x/other/claude/hook.py"]),
        {"type": "prompt", "prompt": "interhost hook"},
        {"type": "command", "command": 7},
        "interhost hook",
        None,
    ],
)
def test_other_hooks_are_not_ours(stage: Stage, handler: object) -> None:
    """Whatever else is registered, in whatever shape, is left alone."""
    _settings(stage, {"hooks": {"Stop": [{"hooks": [handler]}]}})
    assert read_registrations({}, stage.home, stage.project).registrations == ()


@pytest.mark.parametrize(
    "hooks", [None, [], "x", {"Stop": None}, {"Stop": ["x"]}, {"Stop": [{"hooks": {}}]}, {"Stop": [{}]}]
)
def test_odd_settings_register_nothing(stage: Stage, hooks: object) -> None:
    """And break nothing."""
    _settings(stage, {"hooks": hooks})
    found = read_registrations({}, stage.home, stage.project)
    assert (found.registrations, found.problems) == ((), ())


def test_a_second_registration_is_a_problem(stage: Stage) -> None:
    """In the settings and as a plugin: both files are named, with the events they share."""
    plugin = _plugin(stage, _hooks("Stop", "PreToolUse", "Notification"))
    (stage.home / ".claude" / "settings.json").unlink()
    settings = _settings(stage, _hooks("Stop", "PreToolUse", "SessionEnd"))
    (problem,) = _problems(_checks(stage))
    assert "registered twice for PreToolUse, Stop: " in problem
    assert str(plugin) in problem
    assert str(settings) in problem


def test_several_matchers_in_one_file_are_one_registration(stage: Stage) -> None:
    """That is how different timeouts for different tools are written."""
    groups = [{"matcher": "Bash", "hooks": [_handler()]}, {"matcher": "Edit|Write", "hooks": [_handler()]}]
    _settings(stage, {"hooks": {"PreToolUse": groups}})
    assert _problems(_checks(stage)) == []


def test_a_disabled_plugin_registers_nothing(stage: Stage) -> None:
    """Its hooks do not run: nothing is registered twice, and alone it is not registered."""
    _plugin(stage, _hooks("Stop"), enabled=False)
    (check,) = _checks(stage)
    assert "not registered" in check.detail


def test_an_observed_event_that_is_not_registered_is_a_problem(stage: Stage) -> None:
    """By name, and by tool where it is registered for others; ``*`` asks for what there is."""
    _observer(stage, "Stop", "PreToolUse:Bash", "PostToolUse:Edit|Write", "PermissionDenied", "*")
    hooks = _hooks("Stop", "PostToolUse", "PermissionDenied")
    hooks["hooks"]["PostToolUse"][0]["matcher"] = "Write, Read"
    hooks["hooks"]["PermissionDenied"][0]["matcher"] = "Bash"
    hooks["hooks"]["Stop"][0]["matcher"] = "ignored"
    _settings(stage, hooks)
    (problem,) = _problems(_checks(stage))
    assert problem == "not registered for PreToolUse:Bash, PostToolUse:Edit, PermissionDenied, which adapters observe"
    hooks["hooks"]["PostToolUse"].append({"matcher": "^E.*t$", "hooks": [_handler()]})
    hooks["hooks"]["PermissionDenied"][0]["matcher"] = "*"
    hooks["hooks"] |= _hooks("PreToolUse")["hooks"]
    _settings(stage, hooks)
    assert _problems(_checks(stage)) == []


def test_a_disabled_adapter_misses_nothing(stage: Stage) -> None:
    """What it would observe need not be registered."""
    _observer(stage, "PreToolUse")
    stage.config("[adapters.board]\nenabled = false\n")
    _settings(stage, _hooks("Stop"))
    assert _problems(_checks(stage)) == []


@pytest.mark.parametrize("where", ["home", "project", "local"])
def test_switched_off_hooks_are_a_problem(stage: Stage, where: str) -> None:
    """``disableAllHooks`` in whichever file counts here; the file is named."""
    _settings(stage, {**_hooks("Stop"), "disableAllHooks": where == "home"})
    path = _settings(stage, {"disableAllHooks": True, **(_hooks("Stop") if where == "home" else {})}, where)
    (problem,) = _problems(_checks(stage))
    assert problem == f"{path} switches all hooks off"


def test_what_is_to_be_run_must_exist(stage: Stage) -> None:
    """An interpreter or a script that moved away makes every hook fail: both are named."""
    gone = str(stage.home / "venv" / "bin" / "python")
    _settings(
        stage, _hooks("Stop", "PreToolUse", handler=_handler(gone, ["-I", "-S", "/gone/interhost/claude/hook.py"]))
    )
    problems = _problems(_checks(stage))
    assert sorted(problems) == [
        "/gone/interhost/claude/hook.py, which Claude Code is to run, does not exist",
        f"{gone}, which Claude Code is to run, does not exist",
    ]


@pytest.mark.parametrize(
    "line",
    [
        f"INTERHOST_ADAPTERS=-x A=1 {sys.executable} -I -S {HOOK}",
        f"exec {sys.executable} -I -S {HOOK}",
        f"[ -x {sys.executable} ] && {sys.executable} -I -S {HOOK}",
        f"$HOME/bin/python -I -S {HOOK}",
        f"~/bin/python -I -S {HOOK}",
        f"cd /tmp; {sys.executable} {HOOK}",
    ],
)
def test_a_line_for_a_shell_is_not_misunderstood(stage: Stage, line: str) -> None:
    """Variables, built-in commands and paths that the shell expands are no missing programs."""
    (stage.home / "bin").mkdir()
    (stage.home / "bin" / "python").symlink_to(sys.executable)
    _settings(stage, _hooks("Stop", handler={"type": "command", "command": line}))
    assert _problems(_checks(stage)) == []


def test_a_command_that_is_not_installed_is_a_problem(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """``interhost hook`` where the shell finds no such command: named, in both ways of writing it."""
    monkeypatch.setenv("PATH", str(stage.home))
    for handler in (_handler("interhost", ["hook"]), {"type": "command", "command": "interhost hook"}):
        _settings(stage, _hooks("Stop", handler=handler))
        assert _problems(_checks(stage)) == ["interhost, which Claude Code is to run, does not exist"]


def test_a_session_that_never_called_is_a_problem(stage: Stage) -> None:
    """A session has begun since the last call, and registered hooks were not called; a running session is none."""
    _settings(stage, _hooks("Stop"))
    sessions = stage.home / ".claude" / "projects" / "widgets"
    sessions.mkdir(parents=True)
    (sessions / "s-1.jsonl").write_text("")
    (problem,) = _problems(_checks(stage))
    assert problem == "registered, but not called since the last session began"
    (stage.root / "hook-seen").touch()
    assert _problems(_checks(stage)) == []
    old = time.time() - DAY
    os.utime(stage.root / "hook-seen", (old, old))
    (problem,) = _problems(_checks(stage))
    os.utime(sessions / "s-1.jsonl", (old, old))
    os.utime(sessions, (old + 60, old + 60))
    assert _problems(_checks(stage)) == []


@pytest.mark.parametrize("text", ["{", "\x00", '{"hooks": '])
def test_settings_that_cannot_be_read_are_a_problem(stage: Stage, text: str) -> None:
    """By name: Claude Code cannot read them either."""
    path = _settings(stage, text)
    (problem,) = _problems(_checks(stage))
    assert str(path) in problem


def test_events_that_nobody_takes_in_are_a_problem(stage: Stage) -> None:
    """Recorded for more than a minute; younger ones are in the making."""
    from interhost.bus.hook_record import list_records, write_record

    for number in range(3):
        write_record(str(stage.root), {"at": "1"}, f'{{"hook_event_name": "Stop", "n": {number}}}')
    assert _problems(_checks(stage)) == []
    for path in list_records(str(stage.root))[:2]:
        os.utime(path, (time.time() - 120, time.time() - 120))
    assert _problems(_checks(stage)) == ["2 recorded events not taken in"]


def test_events_that_an_adapter_leaves_are_a_problem(stage: Stage) -> None:
    """By adapter: how many, for how long."""
    _observer(stage, "Stop")
    then = int((time.time() - 7300) * 1_000_000)
    for number in range(2):
        stage.bus.hooks.add(f"k{number}", then, "{}", "{}", {"board": then}, window=None)
    stage.bus.hooks.add("young", time.time_ns() // 1000, "{}", "{}", {"other": 0}, window=None)
    (check,) = [one for one in _checks(stage) if one.level == "problem"]
    assert (check.name, check.detail) == ("hook events board", "2 wait for it, the oldest for 2 h")


# The command ---------------------------------------------------------------------------------------------------------


def _doctor(claude: Claude, code: int = 1, **env: str) -> dict[str, dict[str, str]]:
    out = claude.run("doctor", "--json", code=code, env=env).out
    return {one["check"]: one for one in map(json.loads, out.splitlines())}


def test_a_state_directory_others_can_read_is_a_problem(claude: Claude) -> None:
    """It holds what sessions said; the hint is the command that mends it."""
    claude.root.mkdir(mode=0o755)
    claude.root.chmod(0o755)
    check = _doctor(claude)["state"]
    assert (check["level"], check["detail"]) == ("problem", f"{claude.root} can be read by others (mode 0755)")
    assert os.system(check["hint"]) == 0  # noqa: S605 - the very command
    assert _doctor(claude, code=0)["state"]["level"] == "ok"


def _tool(claude: Claude, name: str, script: str) -> None:
    folder = claude.base / "bin"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_tools_tell_their_version(claude: Claude) -> None:
    """Found ones with path and version; one that fails is a note, a missing one, too; none is run in the project."""
    _tool(claude, "bd", f'pwd > "{claude.base}/where"; echo "bd version 1.0.5 (abc)"; echo more')
    _tool(claude, "ic", "echo broken >&2; exit 3")
    path = f"{claude.base / 'bin'}:{os.defpath}"
    checks = _doctor(claude, code=0, PATH=path)
    assert (checks["bd"]["level"], checks["bd"]["detail"]) == ("ok", f"{claude.base}/bin/bd: bd version 1.0.5 (abc)")
    assert checks["ic"]["level"] == "note"
    assert "exit status 3" in checks["ic"]["detail"]
    assert (claude.base / "where").read_text() == "/\n"
    assert checks["claude"]["level"] == "note"


def test_a_tool_that_hangs_does_not_hang_doctor(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one with a child that keeps its output open: a problem within seconds, and everything else is told."""
    assert TOOL_SECONDS <= 5
    tool = stage.home / "bd"
    tool.write_text("#!/bin/sh\nsleep 60 & sleep 60\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stage.home}:{os.defpath}")
    begin = time.monotonic()
    checks = {one.name: one for one in examine(stage.bus, [], stage.config(), tool_seconds=0.2)}
    assert time.monotonic() - begin < 10
    assert checks["bd"].level == "problem"
    assert checks["bd"].detail == f"{tool}: asked for its version: {tool}: timed out after 0.2 s"
    assert "bd version" in checks["bd"].hint
    assert checks["log"].level == "ok"


def test_a_released_consumer_is_named(claude: Claude) -> None:
    """An adapter that was removed and unseen for a month is released; doctor says so, and what that means."""
    claude.adapter(
        "listener", "@hookimpl\ndef on_notify(intent, ctx):\n    return None\n", hooks=(), consumes=["notify"]
    )
    claude.drain()
    shutil.rmtree(claude.site / "demo_listener")
    shutil.rmtree(claude.site / "demo_listener-1.0.dist-info")
    claude.change("UPDATE consumer SET seen = 1")
    claude.change("UPDATE meta SET value = ? WHERE key = 'pruned'", time.time_ns() // 1000 - 2 * 3_600_000_000)
    claude.drain()
    check = _doctor(claude, code=0)["consumer listener"]
    assert check["level"] == "note"
    assert check["detail"].startswith("released: ")
    assert "installed again" in check["hint"]


def test_doctor_names_the_call_it_saw(claude: Claude) -> None:
    """From registration to the first call, with real processes."""
    claude.adapter("board", hooks=["Stop"])
    handler = {"type": "command", "command": str(claude.python), "args": ["-I", "-S", str(claude.script)]}
    path = claude.home / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"hooks": {"Stop": [{"hooks": [handler]}]}}))
    assert _doctor(claude, code=0)["hooks"]["detail"] == "registered for 1 events; never called yet"
    claude.hook(claude.event("Stop")).quietly()
    claude.settle()
    assert "last called" in _doctor(claude, code=0)["hooks"]["detail"]
