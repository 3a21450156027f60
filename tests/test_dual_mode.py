"""interflux as a dual-mode plugin: its real hooks, with interbase and interband, with a part of them, and without."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from interhost.shells.install import install_library
from interhost.shells.libraries import packaged_libraries
from tests.hook_kit import BASH, LIBRARY, ROOT, STUB, Hook, Nudges, Ran, tip

PLUGIN = ROOT / "adapters" / "interflux" / "dual-mode"
HOOKS = [path for path in (PLUGIN / "hooks").glob("*.sh") if path.name != STUB.name]
OLDER = """\
[[ -n "${_INTERBASE_LOADED:-}" ]] && return 0
_INTERBASE_LOADED=1
_INTERBASE_SOURCE="${_INTERBASE_SOURCE:-live}"
ib_has_ic() { command -v ic >/dev/null; }
ib_in_sprint() { return 1; }
ib_session_status() { echo "[interverse] older" >&2; }
"""
BROKEN = LIBRARY.read_text().replace("ib_session_status() {", "ib_session_status() {{{", 1)
START = {"hook_event_name": "SessionStart", "source": "startup", "session_id": "s-1", "cwd": "/"}
REVIEW = "docs/research/flux-drive/plan-0a1b2c3d/findings.json"


def budget_of(tokens: object) -> dict[str, str]:
    """The variable in which a user states the budget of a session."""
    return {"INTERSTAT_TOKEN_BUDGET": str(tokens)}


class Mode(NamedTuple):
    """What is installed.

    Attributes:
        library: The installed interbase: ``live``, ``older``, ``broken``, or nothing.
        programs: Those of the ecosystem that are there.
        status: What is said when a session starts; nothing where there is no library to say it.
    """

    library: str = ""
    programs: tuple[str, ...] = ()
    status: str = ""


MODES = {
    "standalone": Mode(),
    "standalone with ic and bd": Mode("", ("ic", "bd")),
    "integrated": Mode("live", ("ic", "bd"), "beads=active | ic=active"),
    "bd without ic": Mode("live", ("bd",), "beads=active | ic=not-detected"),
    "ic without bd": Mode("live", ("ic",), "beads=not-detected | ic=active"),
    "neither": Mode("live", (), "beads=not-detected | ic=not-detected"),
    "live copy broken": Mode("broken", ("ic", "bd")),
    "live copy older": Mode("older", ("ic", "bd"), "older"),
}


class Plugin:
    """The plugin where Claude Code has installed it, and what its hooks say and do."""

    def __init__(self, hook: Hook, mode: Mode) -> None:
        self.hook = hook
        self.root = hook.install_plugin("interflux", "0.2.86")
        shutil.copytree(PLUGIN, self.root, dirs_exist_ok=True)
        self.env_file = hook.base / "env-file"
        self.nudges = Nudges(hook.home)
        for name in mode.programs:
            hook.program(name)
        if mode.library:
            for library in packaged_libraries():
                install_library(library, hook.home)
            content = {"live": LIBRARY.read_text(), "older": OLDER, "broken": BROKEN}[mode.library]
            (hook.home / ".intermod" / "interbase" / "interbase.sh").write_text(content)
        hook.environ.update(CLAUDE_ENV_FILE=str(self.env_file), CLAUDE_PLUGIN_ROOT=str(self.root))
        del hook.environ["CLAUDE_SESSION_ID"]  # Claude Code sets no such variable

    def run(self, script: str, event: dict[str, Any] | bytes, **env: str) -> Ran:
        """Run a hook as Claude Code does."""
        begin = time.monotonic()
        done = subprocess.run(
            [BASH, str(self.root / "hooks" / script)],
            input=event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n",
            capture_output=True,
            env={**self.hook.environ, **env},
            cwd=self.hook.project,
            timeout=30,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode(), time.monotonic() - begin)

    def start(self, **env: str) -> str:
        """What a session's start says; it always succeeds, and puts nothing in front of Claude."""
        ran = self.run("session-start.sh", START, **env)
        assert (ran.code, ran.out) == (0, ""), ran
        return ran.err

    def wrote(self, path: str, content: str = "{}", **env: str) -> str:
        """What a Write of Claude's makes the plugin say."""
        tool = {"tool_name": "Write", "tool_input": {"file_path": path, "content": content}}
        ran = self.run("review-done.sh", {"hook_event_name": "PostToolUse", "session_id": "s-1", **tool}, **env)
        assert (ran.code, ran.out) == (0, ""), ran
        return ran.err

    def review(self, **env: str) -> str:
        """What a finished review makes it say."""
        return self.wrote(str(self.hook.project / REVIEW), **env)

    def exported(self) -> str:
        """What later commands of the session see."""
        return self.env_file.read_text() if self.env_file.exists() else ""

    def budget(self, percent: object, envelope: Mapping[str, object] | None = None, root: Path | None = None) -> None:
        """Write the sideband of interstat."""
        payload = {"pct_consumed": percent, "total_tokens": 5000, "session_id": "s-1", "ts": 1795170928}
        whole: dict[str, object] = {
            "version": "1.0.0",
            "namespace": "interstat",
            "type": "budget_alert",
            "session_id": "s-1",
        }
        whole |= {"timestamp": "2026-11-20T10:40:16Z", "payload": payload, **(envelope or {})}
        path = (root or self.hook.home / ".interband") / "interstat" / "budget" / "s-1.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(whole))


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[[Mode], Plugin]:
    """The plugin in one of the modes."""
    return lambda mode: Plugin(Hook(tmp_path), mode)


@pytest.fixture(params=list(MODES.values()), ids=list(MODES))
def mode(request: pytest.FixtureRequest) -> Mode:
    """Each of the modes."""
    mode: Mode = request.param
    return mode


# Every mode ----------------------------------------------------------------------------------------------------------


def test_the_start_of_a_session(plugin: Callable[[Mode], Plugin], mode: Mode) -> None:
    """The status line where a library can say it, and never a tip; everything else is the same everywhere."""
    one = plugin(mode)
    one.budget(40)
    assert one.start(**budget_of(200000)) == (f"[interverse] {mode.status}\n" if mode.status else "")
    assert one.exported() == "export FLUX_BUDGET_REMAINING=120000\n"
    assert (one.hook.home / ".config" / "interflux" / ".initialized").read_text() == ""
    assert one.nudges.names() == []
    assert [call[1:3] for call in one.hook.calls()] == ([["run", "current"]] if "ic=active" in mode.status else [])


def test_a_finished_review(plugin: Callable[[Mode], Plugin], mode: Mode) -> None:
    """Two tips where interbase is there, none elsewhere; the kernel is told where there is a sprint."""
    one = plugin(mode)
    full = mode.library == "live"
    said = one.review(CLAVAIN_BEAD_ID="iv-1")
    benefits = _benefits()
    assert said == ("".join(tip(name, benefits[name]) for name in ("intersynth", "interwatch")) if full else "")
    assert one.nudges.count("s-1") == (2 if full else 0)
    emitted = [call for call in one.hook.calls() if call[1] == "events"]
    payload = json.dumps({"findings": str(one.hook.project / REVIEW)}, separators=(",", ":"))
    expected = [["ic", "events", "emit", "iv-1", "review.completed", f"--payload={payload}"]]
    assert emitted == (expected if full and "ic" in mode.programs else [])
    assert one.review(CLAVAIN_BEAD_ID="iv-1") == ""


def test_standalone_leaves_no_trace(plugin: Callable[[Mode], Plugin]) -> None:
    """Without interbase, a user sees and finds exactly what the plugin itself does: one file, and no word."""
    one = plugin(MODES["standalone with ic and bd"])
    shutil.rmtree(one.hook.home / ".claude")
    one.root.parent.mkdir(parents=True)
    shutil.copytree(PLUGIN, one.root)
    assert one.start() + one.review(CLAVAIN_BEAD_ID="iv-1") == ""
    found = [path for path in one.hook.home.rglob("*") if path.is_file() and ".claude" not in path.parts]
    assert found == [one.hook.home / ".config" / "interflux" / ".initialized"]
    assert one.hook.calls() == []


@pytest.mark.parametrize("script", ["session-start.sh", "review-done.sh"])
@pytest.mark.parametrize(
    "event", [b"", b"\n", b"[]", b"{", b"\0\1\xff", b'{"session_id": 7}', b'{"session_id": "../../x", "a": "b\\u0000"}']
)
def test_any_input_is_survived(plugin: Callable[[Mode], Plugin], mode: Mode, script: str, event: bytes) -> None:
    """Nothing that Claude Code could send makes a hook fail, print, or write outside of its places."""
    one = plugin(mode)
    ran = one.run(script, event, **budget_of(100))
    assert (ran.code, ran.out) == (0, "")
    assert one.exported() == ""


# Single promises -----------------------------------------------------------------------------------------------------


def test_only_findings_of_a_review_count(plugin: Callable[[Mode], Plugin]) -> None:
    """Not another file, nor one whose content names such a path."""
    one = plugin(MODES["integrated"])
    assert one.wrote("/x/findings.json") == ""
    assert one.wrote("/x/docs/research/flux-research/a/findings.json") == ""
    inner = json.dumps({"file_path": f"/x/{REVIEW}"})
    assert one.wrote("/x/notes.md", inner) == ""
    assert one.wrote("/x/docs/research/flux-review/slug/track-a/findings.json") != ""


def test_the_session_of_the_event_counts(plugin: Callable[[Mode], Plugin]) -> None:
    """Also where the environment has another one, or none."""
    one = plugin(MODES["integrated"])
    assert one.review(CLAUDE_CODE_SESSION_ID="other").count("Tip") == 2
    assert one.nudges.count("s-1") == 2
    assert one.nudges.count("other") == 0


def test_companions_that_are_there_are_not_suggested(plugin: Callable[[Mode], Plugin]) -> None:
    """Nor is one that the user has ignored three times."""
    one = plugin(MODES["integrated"])
    one.hook.install_plugin("intersynth")
    one.nudges.write(b'{\n"interflux:interwatch": {"ignores": 3, "dismissed": true}\n}\n')
    assert one.review() == tip("interknow", _benefits()["interknow"])


@pytest.mark.parametrize("banded", [True, False], ids=["with interband", "without interband"])
@pytest.mark.parametrize(
    ("percent", "envelope", "expected"),
    [
        (0, {}, "1000"),
        (99.9, {}, "10"),
        (100, {}, "0"),
        (40, {"version": "1.3.0"}, "600"),
        (40, {"version": "2.0.0"}, ""),
        (140, {}, ""),
        (-1, {}, ""),
        ("40; touch owned", {}, ""),
        (40, {"payload": []}, ""),
    ],
)
def test_the_budget_is_read_with_and_without_interband(
    plugin: Callable[[Mode], Plugin], banded: bool, percent: object, envelope: dict[str, object], expected: str
) -> None:
    """The library reads the same as the few lines that stand in for it; a file of another shape is no budget."""
    one = plugin(MODES["integrated"])
    if not banded:
        shutil.rmtree(one.hook.home / ".intermod" / "interband")
    one.budget(percent, envelope)
    one.start(**budget_of(1000))
    assert one.exported() == (f"export FLUX_BUDGET_REMAINING={expected}\n" if expected else "")
    assert not (one.hook.project / "owned").exists()


@pytest.mark.parametrize("mode", [MODES["standalone"], MODES["integrated"]], ids=["standalone", "integrated"])
@pytest.mark.parametrize("budget", ["", "x", "0", "-1", "1e6", "a[$(touch owned)]", "9" * 30])
def test_a_budget_that_is_none_is_not_exported(plugin: Callable[[Mode], Plugin], mode: Mode, budget: str) -> None:
    """And never evaluated."""
    one = plugin(mode)
    one.budget(40)
    one.start(**budget_of(budget))
    assert one.exported() == ""
    assert not (one.hook.project / "owned").exists()


def test_the_sidebands_may_be_elsewhere(plugin: Callable[[Mode], Plugin], mode: Mode) -> None:
    """INTERBAND_ROOT counts in every mode."""
    one = plugin(mode)
    one.budget(50, root=one.hook.base / "band")
    one.start(**budget_of(1000), INTERBAND_ROOT=str(one.hook.base / "band"))
    assert one.exported() == "export FLUX_BUDGET_REMAINING=500\n"


def test_without_a_home_the_hooks_still_work(plugin: Callable[[Mode], Plugin]) -> None:
    """As in a container: nothing is written, nothing is said, nothing fails."""
    one = plugin(MODES["standalone"])
    del one.hook.environ["HOME"]
    assert one.start() + one.review() == ""


def test_an_input_that_never_ends_is_not_waited_for(plugin: Callable[[Mode], Plugin]) -> None:
    """Its line is enough, and of a line without an end what has arrived after two seconds."""
    one = plugin(MODES["standalone"])
    for end, limit in ((b"\n", 1.5), (b"", 4.0)):
        hook = [BASH, str(one.root / "hooks" / "session-start.sh")]
        begin = time.monotonic()
        with subprocess.Popen(hook, stdin=subprocess.PIPE, env=one.hook.environ, cwd=one.hook.project) as process:
            assert process.stdin is not None
            process.stdin.write(json.dumps(START).encode() + end)
            process.stdin.flush()
            assert process.wait(10) == 0
        assert time.monotonic() - begin < limit


def test_intermod_lib_counts_more_than_what_is_installed(plugin: Callable[[Mode], Plugin]) -> None:
    """A developer's copy is used, and without it the fallbacks; never the installed one."""
    one = plugin(MODES["live copy older"])
    assert one.start(INTERMOD_LIB=str(LIBRARY)) == "[interverse] beads=active | ic=active\n"
    assert one.start(INTERMOD_LIB="/nowhere") == ""


# The plugin's files --------------------------------------------------------------------------------------------------


def test_the_stub_is_the_packaged_one() -> None:
    """Byte for byte; 'interhost interbase stub' writes it."""
    assert (PLUGIN / "hooks" / STUB.name).read_bytes() == STUB.read_bytes()


def test_the_manifest_is_that_of_the_module() -> None:
    """What the host knows of interflux is what the plugin says itself; our own section is not its business."""
    known = json.loads((ROOT / "integration-manifests" / "interflux.json").read_bytes())
    del known["interbus"]
    assert json.loads((PLUGIN / ".claude-plugin" / "integration.json").read_bytes()) == known


def test_tips_are_about_recommended_companions() -> None:
    """Each is recommended by the manifest, and a feature requires it."""
    manifest = json.loads((PLUGIN / ".claude-plugin" / "integration.json").read_bytes())
    assert set(_benefits()) <= set(manifest["companions"]["recommended"])
    assert set(_benefits()) <= {feature["requires"] for feature in manifest["integrated_features"]}


@pytest.mark.parametrize("path", HOOKS, ids=lambda path: path.name)
def test_no_guard_is_left_in_a_hook(path: Path) -> None:
    """Whether a program or a companion is there, and how it is called, is asked and done through interbase."""
    code = re.sub(r"^\s*#.*$", "", path.read_text(), flags=re.MULTILINE)
    assert (
        re.findall(
            r"command -v|type -[Pp]|\bwhich (?:ic|bd)|plugins/cache|(?:^|[;&|(]\s*)(?:ic|bd|jq|python3?)\s", code
        )
        == []
    )
    if path.name != "lib.sh":
        assert 'source "$hooks/interbase-stub.sh"' in code
        assert code.index("interbase-stub.sh") < code.index("ib_")


def test_every_hook_is_registered_and_there() -> None:
    """In exec form, below the plugin's own folder, with a timeout."""
    registered = json.loads((PLUGIN / "hooks" / "hooks.json").read_bytes())["hooks"]
    handlers = [handler for entries in registered.values() for entry in entries for handler in entry["hooks"]]
    scripts = sorted(one["args"][0].removeprefix("${CLAUDE_PLUGIN_ROOT}/hooks/") for one in handlers)
    assert scripts == sorted(path.name for path in HOOKS if path.name != "lib.sh")
    assert all(one["command"] == "bash" and one["timeout"] <= 15 for one in handlers)


def _benefits() -> dict[str, str]:
    """Companions and benefits that the hook names."""
    text = (PLUGIN / "hooks" / "review-done.sh").read_text()
    found = dict(re.findall(r"^ib_nudge_companion (\S+) '([^']+)' interflux$", text, re.MULTILINE))
    assert len(found) == 3
    return found
