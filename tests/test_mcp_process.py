"""``interhost mcp`` as a process: what is on its pipes, how it ends, and what it needs."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.conftest import Shell
from tests.mcp_kit import ABSENT, FACT, Answer, call, talk

ROOT = Path(__file__).parents[1]
NOISY = """
import os
import subprocess
from interhost_hookspecs import Check, CheckLevel, hookimpl

@hookimpl
def check_adapter(ctx):
    print("PRINTED")
    os.write(1, b"WRITTEN\\n")
    subprocess.run(["sh", "-c", "echo CHILD; cat"])
    return [Check(name="noise", level=CheckLevel.OK, detail="made")]
"""
HIDE_SDK = """
import sys

class Hidden:
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in ("mcp", "mcp_types"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
"""


def test_calls_run_side_by_side(shell: Shell) -> None:
    """Forty calls at once over one connection: every fact is stored once, every answer belongs to its question."""
    shell.adapter("noisy", [], NOISY)

    async def work(client: Client) -> tuple[list[Answer], Answer]:
        calls = [call(client, "publish", intent="notify", payload={"text": f"n{number}"}) for number in range(30)]
        calls += [call(client, "replay", limit=5) for _ in range(5)] + [call(client, "doctor") for _ in range(3)]
        calls += [call(client, "trace", event_id=ABSENT) for _ in range(2)]
        return await asyncio.gather(*calls), await call(client, "metrics")

    answers, metrics = talk(shell, work)
    published = {answer.data["event_id"]: f"n{number}" for number, answer in enumerate(answers[:30])}
    stored = {one["event_id"]: one["payload"]["text"] for one in shell.run("interbus", "replay", "--json").records}
    assert stored == published
    assert all("events" in answer.data for answer in answers[30:35])
    assert all("counts" in answer.data for answer in answers[35:38])
    assert [answer.data["type"] for answer in answers[38:]] == ["NOT_FOUND"] * 2
    counted = {name: one["calls"] for name, one in metrics.data["tools"].items()}
    assert counted == {"doctor": 3, "publish": 30, "replay": 5, "trace": 2}


def request(number: int, method: str, **params: object) -> bytes:
    """One line of the wire."""
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


HANDSHAKE = request(
    0, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "t", "version": "1"}
) + (b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')


def start(shell: Shell) -> subprocess.Popen[bytes]:
    """A server with bare pipes, its handshake done."""
    process = subprocess.Popen(
        shell.argv("interhost", "mcp"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=shell.environ,
        cwd=shell.project,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(HANDSHAKE)
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["result"]["serverInfo"]["name"] == "interhost"
    return process


def ask(process: subprocess.Popen[bytes], number: int, tool: str, **arguments: object) -> Any:
    """Call a tool, and read the next line."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(request(number, "tools/call", name=tool, arguments=arguments))
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def test_nothing_but_the_wire_is_on_standard_output(shell: Shell) -> None:
    """An adapter that prints, that writes to the descriptor, whose child prints and reads: none of it gets there.

    And what is no message on standard input is answered or passed over, and ends nothing.
    """
    shell.adapter("noisy", [], NOISY)
    process = start(shell)
    checks = ask(process, 1, "doctor", all_checks=True)["result"]["structuredContent"]["checks"]
    assert "noisy: noise" in [check["check"] for check in checks]
    assert process.stdin
    process.stdin.write(b'{"jsonrpc": "2.0", "id"\n\xff\xfe\n[]\n\n')
    process.stdin.write(request(2, "tools/call", name="catalog", arguments={"intent": "notify"}))
    process.stdin.flush()
    assert process.stdout
    messages = map(json.loads, iter(process.stdout.readline, b""))
    assert next(one for one in messages if one.get("id") == 2)["result"]["structuredContent"]["intents"]
    out, err = process.communicate(timeout=20)
    assert out == b""
    assert process.returncode == 0
    assert [word for word in (b"PRINTED", b"WRITTEN", b"CHILD") if word not in err] == []


def test_a_client_that_hangs_up_takes_the_server_with_it(shell: Shell) -> None:
    """At the end of its input the server ends well; a call that it has begun is still done."""
    process = start(shell)
    assert process.stdin
    process.stdin.write(request(1, "tools/call", name="publish", arguments=FACT))
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, b"")
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in out.splitlines())
    with shell.bus() as bus:
        assert bus.log.end() == 1


def test_a_client_that_reads_no_more_is_no_fault(shell: Shell) -> None:
    """The answer has nowhere to go: the server ends, says so in one line, and what it stored is stored."""
    process = start(shell)
    assert process.stdin
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    process.stdin.write(request(1, "tools/call", name="publish", arguments=FACT))
    process.stdin.flush()
    shell.until(lambda: (shell.root / "bus.db").exists() and shell.run("interbus", "replay").records)
    process.stdin.close()
    assert process.wait(20) == 0
    assert process.stderr.read() == b"interhost mcp: the client went away\n"
    process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once(shell: Shell, number: signal.Signals) -> None:
    """Also while the client holds its input open, which the SDK's reader would wait for."""
    process = start(shell)
    assert ask(process, 1, "publish", intent="notify", payload={"text": "x"})["result"]["isError"] is False
    process.send_signal(number)
    assert process.wait(5) == -number
    process.communicate()
    assert len(shell.run("interbus", "replay").records) == 1


@pytest.mark.parametrize(
    ("installed", "says"),
    [(HIDE_SDK, "is not installed"), ("", "is no mcp 2")],
    ids=["without the SDK", "with another major"],
)
def test_without_the_sdk_it_says_what_to_install(shell: Shell, installed: str, says: str) -> None:
    """Exit code 69, the extra's name, no traceback; every other command is as before."""
    if installed:
        (shell.site / "sitecustomize.py").write_text(installed)
    else:
        (shell.site / "mcp" / "server").mkdir(parents=True)
        for folder in ("mcp", "mcp/server"):
            (shell.site / folder / "__init__.py").write_text("")
    done = shell.run("interhost", "mcp", code=69)
    assert says in done.err
    assert "pip install 'interhost[mcp]'" in done.err
    assert "Traceback" not in done.err
    assert shell.run("interhost", "mcp", "--help").out
    assert shell.publish()["seq"] == 1


def test_only_the_server_imports_the_sdk() -> None:
    """The extra stays an extra: one module names the SDK, and one package what comes with it."""
    users: dict[str, set[str]] = {}
    for path in (ROOT / "interhost").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                users.setdefault(name.partition(".")[0], set()).add(str(path.relative_to(ROOT)))
    assert users["mcp"] == {"interhost/cli/mcp/server.py"}
    assert users["pydantic"] == {"interhost/cli/mcp/server.py", "interhost/cli/mcp/tools.py"}
    assert not users.keys() & {"mcp_types", "anyio", "starlette", "httpx2"}


def test_somebody_at_a_terminal_is_told_who_is_expected(shell: Shell) -> None:
    """Typed by hand, it would only seem to hang."""
    master, terminal = os.openpty()
    process = subprocess.Popen(
        shell.argv("interhost", "mcp"),
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=shell.environ,
        cwd=shell.project,
    )
    os.close(terminal)
    assert process.stderr
    assert b"waiting for an MCP client" in process.stderr.readline()
    process.kill()
    process.communicate()
    os.close(master)


def test_closed_standard_input_is_told(shell: Shell) -> None:
    """Nobody could ever call."""
    command = f"exec '{shell.argv('interhost')[0]}' mcp <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, env=shell.environ, text=True, check=False)
    assert done.returncode == 64
    assert "standard input is closed" in done.stderr
