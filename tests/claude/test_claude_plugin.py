"""``interhost claude-plugin``: what it writes is valid, calls us for what is observed, and is seen to be stale."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interhost_hookspecs.testing import HOOK_EVENTS

from interhost.claude.events import ANSWERED, NEWEST, TOOL_EVENTS
from interhost.claude.matchers import EVERY, lets_through, observed_tools, write_matcher
from interhost.claude.plugin import MARK, Program, plugin_files
from interhost.claude.plugin_folder import PLACES, write_plugin
from tests.claude_plugin_kit import commands_for, find_mistakes

if TYPE_CHECKING:
    from tests.claude_kit import Called, Claude

PROGRAM = Program("/opt/venv/bin/python", "/opt/venv/lib/interhost/claude/hook.py", "0.1.0", mcp=False)
SILENT = "@hookimpl\ndef observe_hook(event, ctx):\n    return None\n"


class Plugin:
    """A plugin that the command writes.

    Args:
        claude: The machine.
        folder: Where it is written.
    """

    def __init__(self, claude: Claude, folder: Path | None = None) -> None:
        self.claude = claude
        self.folder = folder or claude.base / "plugin"

    def write(self, *options: str, code: int = 0, **env: str) -> dict[str, str]:
        """Call the command; what it did, by place."""
        self.called = self.claude.run("claude-plugin", str(self.folder), *options, code=code, env=env)
        records = [json.loads(line) for line in self.called.out.splitlines()]
        return {str(Path(one["path"]).relative_to(self.folder)): one["action"] for one in records}

    @property
    def hooks(self) -> dict[str, Any]:
        """What its hooks file registers, by event."""
        document: dict[str, Any] = json.loads((self.folder / "hooks" / "hooks.json").read_bytes())
        return dict(document["hooks"])

    @property
    def matchers(self) -> dict[str, str]:
        """The matcher of every event; empty for none."""
        return {event: group.get("matcher", "") for event, [group] in self.hooks.items()}

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Content and time of every file."""
        return {
            str(path.relative_to(self.folder)): (path.read_bytes(), path.stat().st_mtime_ns)
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }

    def play(self, document: dict[str, object]) -> list[Called]:
        """Let Claude Code come to an event: every command that the plugin asks for, as a real process."""
        env = {"CLAUDE_PLUGIN_ROOT": str(self.folder)}
        return [self.claude.hook(document, argv=argv, env=env) for argv in commands_for(self.folder, document)]

    def problems(self) -> list[str]:
        """What doctor says about plugins and registered hooks."""
        called = self.claude.hook(b"", argv=self.claude.command("doctor", "--json"), wait=60.0)
        checks = [json.loads(line) for line in called.out.splitlines()]
        return [one["detail"] for one in checks if one["check"] in ("hooks", "plugin") and one["level"] == "problem"]


@pytest.fixture
def plugin(claude: Claude) -> Plugin:
    """A plugin that is not written yet."""
    return Plugin(claude)


# What is written -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hooks",
    [
        (),
        ("Stop",),
        ("PostToolUse:Bash", "PreToolUse:Edit|Write", "Stop"),
        ("*",),
        ("PreToolUse:a.b|mcp__x__y", "*:Bash"),
    ],
    ids=["nothing", "an event", "tools", "everything", "odd tools"],
)
@pytest.mark.parametrize("mcp", [False, True])
def test_what_is_written_is_valid(tmp_path: Path, hooks: tuple[str, ...], mcp: bool) -> None:
    """By the documented schema, held strictly: names, paths, events, exec form with a timeout, no idle matcher."""
    files = plugin_files(hooks, PROGRAM._replace(mcp=mcp))
    assert set(files) <= set(PLACES)
    write_plugin(tmp_path / "plugin", files)
    assert find_mistakes(tmp_path / "plugin") == []
    assert (tmp_path / "plugin" / ".mcp.json").exists() is mcp


@pytest.mark.parametrize("version", ["unknown", "0.2.dev1+g123", "1.0"])
def test_a_version_that_is_none_is_left_out(version: str) -> None:
    """Claude Code names folders after it; without one it takes the content."""
    plugin = json.loads(plugin_files((), PROGRAM._replace(version=version))[".claude-plugin/plugin.json"])
    assert plugin.get("version") == (version if version == "1.0" else None)


def test_the_hooks_are_those_of_this_installation(plugin: Plugin) -> None:
    """Absolute interpreter and script, isolated and without site-packages, with a timeout: no shell, no PATH."""
    plugin.write()
    assert set(plugin.hooks) == {"SessionStart", "UserPromptSubmit"}
    for [group] in plugin.hooks.values():
        assert group == {
            "hooks": [
                {
                    "type": "command",
                    "command": str(plugin.claude.python),
                    "args": ["-I", "-S", str(plugin.claude.script)],
                    "timeout": 5,
                }
            ]
        }
    assert find_mistakes(plugin.folder) == []


def test_matchers_come_from_the_enabled_adapters(plugin: Plugin) -> None:
    """Each event once, with the tools of all together; a disabled adapter asks for nothing."""
    claude = plugin.claude
    claude.adapter("edits", SILENT, hooks=["PostToolUse:Write|Edit", "Stop"])
    claude.adapter("shells", SILENT, hooks=["PostToolUse:Bash", "PreToolUse:Bash", "PermissionRequest:Bash"])
    claude.adapter("all-shells", SILENT, hooks=["PreToolUse"])
    claude.adapter("off", SILENT, hooks=["*"])
    claude.root.mkdir(mode=0o700)
    (claude.root / "config.toml").write_text("[adapters.off]\nenabled = false\n")
    plugin.write()
    assert plugin.matchers == {
        "SessionStart": "",
        "UserPromptSubmit": "",
        "PreToolUse": "",
        "PermissionRequest": "Bash",
        "PostToolUse": "Bash|Edit|Write",
        "Stop": "",
    }
    before = plugin.files()
    assert set(plugin.write(INTERHOST_ADAPTERS="off,-edits").values()) == {"unchanged"}  # that holds for a process only
    assert plugin.files() == before


_TOOLS = st.text(st.characters(codec="ascii", exclude_characters="|\0:"), min_size=1, max_size=8)


@settings(max_examples=300)
@given(st.sets(_TOOLS, min_size=1, max_size=4), _TOOLS, st.sampled_from(sorted(TOOL_EVENTS)))
def test_a_matcher_lets_its_tools_through_and_no_other(tools: set[str], other: str, event: str) -> None:
    """Whatever tools are called; and what is observed is exactly what is let through."""
    plain = {one for one in tools if not re.search(r"[, ]", one) or re.search(r"[^A-Za-z0-9_, -]", one)}
    if not plain or EVERY in plain | {other}:
        return
    matcher = write_matcher(plain)
    assert all(lets_through(matcher, event, tool) for tool in plain)
    assert lets_through(matcher, event, other) is (other in plain)
    assert observed_tools([f"{event}:{'|'.join(sorted(plain))}"]) == {event: plain}


def test_what_a_plugin_cannot_register_is_said(plugin: Plugin) -> None:
    """An event that nobody knows, and one that expects its hook to make a worktree: left out, by name and adapter."""
    plugin.claude.adapter("board", SILENT, hooks=["AgentDreamed", "WorktreeCreate", "PreModelSwitch", "Stop"])
    plugin.write()
    assert set(plugin.hooks) == {"SessionStart", "UserPromptSubmit", "PreModelSwitch", "Stop"}
    assert "board observes AgentDreamed; left out: " in plugin.called.err
    assert "board observes WorktreeCreate; left out: " in plugin.called.err
    assert "board observes PreModelSwitch, over which an older Claude Code refuses" in plugin.called.err
    assert plugin.problems() == []


def test_everything_is_what_older_ones_know(plugin: Plugin) -> None:
    """Whoever observes ``*`` must not cost all others their hooks where Claude Code is older than an event."""
    plugin.claude.adapter("board", SILENT, hooks=["*"])
    plugin.write()
    assert set(plugin.hooks) == set(HOOK_EVENTS) - NEWEST - ANSWERED
    assert find_mistakes(plugin.folder) == []


# What is called ------------------------------------------------------------------------------------------------------


def test_every_documented_event_goes_through_the_plugin(plugin: Plugin) -> None:
    """All 33 as Claude Code plays them, each one process at most; who observes everything sees each once, in order."""
    claude = plugin.claude
    claude.adapter("board", hooks=list(HOOK_EVENTS))
    plugin.write()
    sent = [claude.event(name, prompt_id="p-1") for name in HOOK_EVENTS]
    assert len(sent) == 33
    with claude.no_worker():
        played = {str(one["hook_event_name"]): plugin.play(one) for one in sent}
    assert {event for event, calls in played.items() if not calls} == ANSWERED
    for calls in played.values():
        for called in calls:
            called.quietly()
        assert len(calls) <= 1
    claude.drain()
    assert [one["raw"] for one in claude.seen("board")] == [
        one for one in sent if one["hook_event_name"] not in ANSWERED
    ]


def test_what_nobody_observes_starts_no_process(plugin: Plugin) -> None:
    """Not even one that would find out so: of 33 events four are let through, and of tools the one that is observed."""
    claude = plugin.claude
    claude.adapter("edits", SILENT, hooks=["PostToolUse:Edit|Write", "Stop"])
    plugin.write()
    tool = {"tool_name": "Write"}
    events = [claude.event(name, **(tool if name in TOOL_EVENTS else {})) for name in HOOK_EVENTS]
    started = [event["hook_event_name"] for event in events if commands_for(plugin.folder, event) != []]
    assert started == ["SessionStart", "UserPromptSubmit", "PostToolUse", "Stop"]
    for other, count in (("Edit", 1), ("Write", 1), ("NotebookEdit", 0), ("Bash", 0), ("mcp__x__Edit", 0)):
        assert len(commands_for(plugin.folder, claude.event("PostToolUse", tool_name=other))) == count


@pytest.mark.parametrize("event", ["SessionStart", "UserPromptSubmit", "PostToolUse", "Stop"])
def test_advice_is_handed_out_through_the_plugin(plugin: Plugin, event: str) -> None:
    """At the first event that can carry it, once; at a session's start and a prompt also where nobody observes them."""
    claude = plugin.claude
    claude.adapter("edits", SILENT, hooks=["PostToolUse:Write", "Stop"])
    plugin.write()
    claude.advise("the plan is out of date")
    fields = {"tool_name": "Write"} if event == "PostToolUse" else {}
    [called] = plugin.play(claude.event(event, **fields))
    assert called.said["hookSpecificOutput"]["hookEventName"] == event
    assert "board: the plan is out of date" in called.heard
    [again] = plugin.play(claude.event(event, **{**fields, "prompt_id": "p-2", "tool_use_id": "toolu_2"}))
    again.quietly()


def test_an_observed_event_comes_back_as_advice(plugin: Plugin) -> None:
    """The whole way: Claude writes a file, the adapter is shown it by the worker, and the next prompt hears of it."""
    claude = plugin.claude
    claude.adapter(
        "board", "@hookimpl\ndef observe_hook(event, ctx):\n    return Observation(advice=[Advice(text='seen')])"
    )
    claude.write_index()
    plugin.write()
    [called] = plugin.play(claude.event("PostToolUse", tool_name="Write"))
    called.quietly()
    claude.settle()
    [called] = plugin.play(claude.event("UserPromptSubmit", prompt_id="p-1"))
    assert "board: seen" in called.heard


def test_the_server_is_started_where_its_extra_is_installed(plugin: Plugin, tmp_path: Path) -> None:
    """It answers its client, and imports nothing out of the project it is started in; without the extra, no entry."""
    assert ".mcp.json" not in plugin.write()
    claude = plugin.claude
    argv = [sys.executable, "-m", "interhost", "claude-plugin", str(plugin.folder)]
    assert subprocess.run(argv, env=claude.environ, cwd=tmp_path, check=True, capture_output=True).returncode == 0
    assert find_mistakes(plugin.folder) == []
    [server] = json.loads((plugin.folder / ".mcp.json").read_bytes())["mcpServers"].values()
    (claude.project / "interhost").mkdir()
    (claude.project / "interhost" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    done = subprocess.run(
        [server["command"], *server["args"]],
        input=json.dumps(message) + "\n",
        env=claude.environ,
        cwd=claude.project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert json.loads(done.stdout.splitlines()[0])["result"]["serverInfo"]["name"] == "interhost", done
    assert plugin.write()[".mcp.json"] == "remove"  # this interpreter has no such extra
    assert not (plugin.folder / ".mcp.json").exists()


# Writing again -------------------------------------------------------------------------------------------------------


def test_writing_twice_changes_nothing(plugin: Plugin) -> None:
    """It says so, and no file is touched; a change of the adapters changes the hooks, and nothing else."""
    assert set(plugin.write().values()) == {"create"}
    assert "claude plugin marketplace add" in plugin.called.err
    before = plugin.files()
    assert set(plugin.write().values()) == {"unchanged"}
    assert plugin.called.err == "the plugin is unchanged\n"
    assert plugin.files() == before
    plugin.claude.adapter("edits", SILENT, hooks=["Stop"])
    actions = plugin.write()
    assert [place for place, action in actions.items() if action == "replace"] == ["hooks/hooks.json"]
    assert "/reload-plugins" in plugin.called.err
    assert sorted(plugin.files()) == sorted(before), "nothing but the plugin's own files"


def test_a_dry_run_changes_nothing(plugin: Plugin) -> None:
    """It says what would be done, in a new folder and in an old one."""
    assert set(plugin.write("--dry-run").values()) == {"create"}
    assert not plugin.folder.exists()
    assert not plugin.claude.root.exists()
    plugin.write()
    plugin.claude.adapter("edits", SILENT, hooks=["Stop"])
    before = plugin.files()
    assert plugin.write("--dry-run")["hooks/hooks.json"] == "replace"
    assert plugin.files() == before


@pytest.mark.parametrize("name", ["pl ug $(touch x) 'q\"", "ü", "-x", "${HOME}"])
def test_a_folder_may_be_called_anything(claude: Claude, name: str) -> None:
    """Its name is a name, never a part of a command."""
    plugin = Plugin(claude, claude.base / name)
    plugin.write()
    assert find_mistakes(plugin.folder) == []
    claude.advise("heard")
    [called] = plugin.play(claude.event("SessionStart"))
    assert "heard" in called.heard


def test_a_relative_folder_is_one_below_where_we_are(claude: Claude) -> None:
    """And what is remembered of it is absolute."""
    claude.run("claude-plugin", "plugin")
    assert find_mistakes(claude.project / "plugin") == []
    assert json.loads((claude.root / "claude-plugins.json").read_bytes()) == [str(claude.project / "plugin")]


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[2J", "\udcff", "-", "--x"])
def test_a_name_that_nobody_can_read_is_refused(claude: Claude, name: str) -> None:
    """Empty, with control characters, no UTF-8, or like an option: Claude Code would have to be told it."""
    assert "expected the name of a folder" in claude.run("claude-plugin", "--", name, code=65).err
    assert [path.name for path in claude.project.iterdir()] == [".git"]


def test_an_empty_folder_is_taken(plugin: Plugin) -> None:
    """Nothing in it can be lost."""
    plugin.folder.mkdir()
    assert set(plugin.write().values()) == {"create"}
    assert find_mistakes(plugin.folder) == []


FOREIGN: dict[str, tuple[str, ...]] = {
    "another plugin": (".claude-plugin/plugin.json", "hooks/hooks.json"),
    "one called like ours": (".claude-plugin/plugin.json", "skills/a/SKILL.md"),
    "a project": ("README.md", "src/a.py"),
    "a hidden file": (".env",),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_folder_of_somebody_else_is_refused(plugin: Plugin, what: str) -> None:
    """Nothing in it is changed, and the message says what to do."""
    for place in FOREIGN[what]:
        (plugin.folder / place).parent.mkdir(parents=True, exist_ok=True)
        (plugin.folder / place).write_text('{"name": "interhost", "hooks": {}}')
    before = plugin.files()
    plugin.write(code=69)
    assert "holds something else than a plugin that interhost wrote" in plugin.called.err
    assert "name a folder that is empty" in plugin.called.err
    assert plugin.files() == before


def test_what_is_no_folder_is_refused(plugin: Plugin) -> None:
    """A file in its place, and a place below a file."""
    plugin.folder.write_text("mine")
    plugin.write(code=69)
    assert plugin.folder.read_text() == "mine"
    below = Plugin(plugin.claude, plugin.folder / "below")
    below.write(code=69)
    assert "Not a directory" in below.called.err


@pytest.mark.parametrize("place", ["hooks", ".claude-plugin"])
def test_a_link_leads_nowhere(plugin: Plugin, place: str) -> None:
    """A folder of the plugin that is a link to another place: nothing is written there."""
    plugin.write()
    elsewhere = plugin.claude.base / "elsewhere"
    elsewhere.mkdir()
    shutil.rmtree(plugin.folder / place)
    (plugin.folder / place).symlink_to(elsewhere)
    plugin.write(code=69)
    assert "leads out of the plugin" in plugin.called.err
    assert list(elsewhere.iterdir()) == []


def test_what_users_add_to_it_stays(plugin: Plugin) -> None:
    """Files that are not ours are left alone."""
    plugin.write()
    (plugin.folder / "skills" / "a").mkdir(parents=True)
    (plugin.folder / "skills" / "a" / "SKILL.md").write_text("mine")
    plugin.claude.adapter("edits", SILENT, hooks=["Stop"])
    plugin.write()
    assert (plugin.folder / "skills" / "a" / "SKILL.md").read_text() == "mine"


def test_a_session_that_starts_meanwhile_finds_it_whole(tmp_path: Path) -> None:
    """From its first appearance on, and through every change, each file is valid whenever it is read."""
    folder, wrong, done = tmp_path / "plugin", [], threading.Event()

    def read() -> None:
        while not done.is_set():
            if folder.exists():
                try:
                    wrong.extend(find_mistakes(folder))
                except (OSError, ValueError) as error:
                    wrong.append(repr(error))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(300):
        hooks = [f"PreToolUse:Tool{one}" for one in range(number % 50)]
        write_plugin(folder, plugin_files(hooks, PROGRAM))
    done.set()
    reader.join()
    assert wrong == []
    assert [path.name for path in tmp_path.iterdir()] == ["plugin"]


# Doctor --------------------------------------------------------------------------------------------------------------


def test_doctor_says_when_it_is_out_of_date(plugin: Plugin) -> None:
    """An adapter comes, is switched off, and goes: the file and what to do are named, until that is done."""
    claude = plugin.claude
    plugin.write()
    assert plugin.problems() == []
    hooks = f"{plugin.folder} does not fit what is installed now: hooks/hooks.json"
    claude.adapter("edits", SILENT, hooks=["Stop"])
    assert plugin.problems() == [hooks]
    plugin.write()
    assert plugin.problems() == []
    (claude.root / "config.toml").write_text("[adapters.edits]\nenabled = false\n")
    assert plugin.problems() == [hooks]
    plugin.write()
    assert plugin.problems() == []
    (plugin.folder / "hooks" / "hooks.json").unlink()
    (plugin.folder / ".claude-plugin" / "plugin.json").write_text("{}")
    (plugin.folder / ".mcp.json").write_text("{}")
    assert plugin.problems() == [
        f"{plugin.folder} does not fit what is installed now: .claude-plugin/plugin.json, hooks/hooks.json, .mcp.json"
    ]
    shutil.rmtree(plugin.folder)
    assert plugin.problems() == []


def test_doctor_says_when_the_interpreter_is_another(plugin: Plugin) -> None:
    """A plugin of an environment that was made anew elsewhere."""
    plugin.write()
    path = plugin.folder / "hooks" / "hooks.json"
    path.write_text(path.read_text().replace(str(plugin.claude.python), "/gone/bin/python"))
    assert plugin.problems() == [f"{plugin.folder} does not fit what is installed now: hooks/hooks.json"]


def test_doctor_looks_where_claude_code_reads(plugin: Plugin) -> None:
    """In the folder, which is its own marketplace, and not in the copy that is made of it; it counts as registered."""
    claude = plugin.claude
    plugin.write()
    plugins = claude.home / ".claude" / "plugins"
    copy = plugins / "cache" / "interhost" / "interhost" / "0.1.0"
    shutil.copytree(plugin.folder, copy)
    record = {"version": 2, "plugins": {"interhost@interhost": [{"scope": "user", "installPath": str(copy)}]}}
    (plugins / "installed_plugins.json").write_text(json.dumps(record))
    marketplace = {"source": {"source": "directory"}, "installLocation": str(plugin.folder)}
    (plugins / "known_marketplaces.json").write_text(json.dumps({"interhost": marketplace}))
    assert plugin.problems() == []
    claude.adapter("edits", SILENT, hooks=["PostToolUse:Edit"])
    assert sorted(plugin.problems()) == [
        f"{plugin.folder} does not fit what is installed now: hooks/hooks.json",
        "not registered for PostToolUse:Edit, which adapters observe",
    ]
    plugin.write()
    assert plugin.problems() == []


def test_doctor_looks_at_copies_that_are_read(plugin: Plugin) -> None:
    """One that Claude Code has from elsewhere is known by its mark."""
    claude = plugin.claude
    plugin.write()
    copy = claude.home / ".claude" / "plugins" / "cache" / "team" / "interhost" / "0.1.0"
    shutil.copytree(plugin.folder, copy)
    record = {"version": 2, "plugins": {"interhost@team": [{"scope": "user", "installPath": str(copy)}]}}
    (claude.home / ".claude" / "plugins" / "installed_plugins.json").write_text(json.dumps(record))
    assert plugin.problems() == []
    claude.adapter("edits", SILENT, hooks=["PostToolUse:Edit"])
    plugin.write()
    assert sorted(plugin.problems()) == [
        f"{copy} does not fit what is installed now: hooks/hooks.json",
        "not registered for PostToolUse:Edit, which adapters observe",
    ]


def test_what_is_remembered_may_be_damaged(plugin: Plugin) -> None:
    """Then the plugins that it named are forgotten, and the next one is remembered."""
    plugin.write()
    memory = plugin.claude.root / "claude-plugins.json"
    for text in ("", "{}", "[1, null, {}]", "[" * 100_000, '["/nowhere", "relative"]'):
        memory.write_text(text)
        assert plugin.problems() == []
        plugin.write()
        assert json.loads(memory.read_bytes()) == [str(plugin.folder)]
    (plugin.folder / MARK).unlink()
    assert plugin.problems() == []
