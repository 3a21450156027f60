"""``interhost mcp``: what its tools answer, seen by the SDK's own client over the pipes of a real process."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from typing import Any

import pytest
from mcp import Client

from interhost.cli.mcp.failures import tool_error
from interhost.cli.mcp.sizes import LARGEST, USUAL, compact, fit
from interhost.errors import (
    AdapterError,
    BusyError,
    InputError,
    InterhostError,
    MissingError,
    StateError,
    UnknownEventError,
    UsageError,
)
from interhost.interbase import ToolError
from tests.conftest import Shell
from tests.mcp_kit import ABSENT, FACT, Answer, call, talk

# The tools -----------------------------------------------------------------------------------------------------------


def test_the_tools_are_few_and_say_what_they_are_for(shell: Shell) -> None:
    """Seven tools, typed arguments and no others; all of it far below what Claude Code cuts off."""

    async def look(client: Client) -> tuple[Any, str | None]:
        return (await client.list_tools()).tools, client.instructions

    tools, instructions = talk(shell, look)
    names = ["publish", "replay", "trace", "catalog", "companions", "doctor", "metrics"]
    assert [tool.name for tool in tools] == names
    assert instructions is not None
    assert 100 < len(instructions) < 2048
    for tool in tools:
        assert 40 < len(tool.description or "") < 200
        assert tool.input_schema["additionalProperties"] is False
        assert all("type" in one or "anyOf" in one for one in tool.input_schema["properties"].values())
        assert tool.annotations.read_only_hint is (tool.name != "publish")
        assert tool.annotations.destructive_hint is False
    assert sum(len(tool.model_dump_json(exclude_none=True)) for tool in tools) < 8000


def test_a_fact_goes_all_the_way(shell: Shell) -> None:
    """Published, known already, read again, traced; the commands see the same, and metrics has counted all of it."""
    shell.adapter("pager", ["notify"], "")
    (shell.project / "plan.md").write_text("**Bead:** wid-7\n")

    async def work(client: Client) -> list[Answer]:
        fact = {"intent": "notify", "payload": {"text": "grün"}, "artifact": "plan.md", "dedupe_key": "k1"}
        return [
            await call(client, "publish", **fact),
            await call(client, "publish", **fact),
            await call(client, "replay", intents=["not*"]),
            await call(client, "trace", event_id=(await call(client, "replay")).data["events"][0]["event_id"].lower()),
            await call(client, "metrics"),
        ]

    published, again, replayed, traced, metrics = talk(shell, work)
    event_id = published.data["event_id"]
    assert not any(answer.failed for answer in (published, again, replayed, traced, metrics))
    assert published.data == {
        "event_id": event_id,
        "seq": 1,
        "duplicate": False,
        "spooled": False,
        "intent": "notify@1.0",
        "context_id": "wid-7",
        "warnings": [],
    }
    assert json.loads(published.text) == published.data
    assert (again.data["event_id"], again.data["duplicate"]) == (event_id, True)
    [stored] = shell.run("interbus", "replay", "--json").records
    assert replayed.data == {"events": [stored], "next": "1", "more": False, "earlier": False, "warnings": []}
    assert stored["payload"] == {"text": "grün"}
    assert stored["source_hook"] == "mcp:publish"
    assert "session_id" not in stored["extensions"]
    assert [traced.data["trace"]] == shell.run("interbus", "trace", event_id, "--json").records
    assert traced.data["trace"]["deliveries"][0]["consumer"] == "pager"
    assert {name: one["calls"] for name, one in metrics.data["tools"].items()} == {
        "publish": 2,
        "replay": 2,
        "trace": 1,
    }
    assert all(one["slowest_ms"] > 0 and one["errors"] == 0 for one in metrics.data["tools"].values())


def test_publishing_claims_no_session_and_says_what_looks_like_a_slip(shell: Shell) -> None:
    """A server keeps the session id it was started with, which ``/clear`` makes another one's. Warnings are data."""

    async def work(client: Client) -> Answer:
        return await call(client, "publish", **FACT, artifact="gone.md", consumers=["nobody"])

    warnings = talk(shell, work, CLAUDE_CODE_SESSION_ID="old", CLAVAIN_BEAD_ID="wid-3").data["warnings"]
    [stored] = shell.run("interbus", "replay", "--json").records
    assert "session_id" not in stored["extensions"]
    assert stored["context_id"] == "wid-3"
    assert len(warnings) == 2
    assert "consumer nobody: no such adapter is installed" in warnings[0]
    assert "gone.md: does not exist" in warnings[1]


def test_catalog_companions_and_doctor_tell_what_the_commands_tell(shell: Shell) -> None:
    """One logic behind both: the records are the same."""
    shell.adapter("pager", ["notify"], "")

    async def work(client: Client) -> list[Answer]:
        return [
            await call(client, "catalog"),
            await call(client, "catalog", intent="notify@1.0"),
            await call(client, "companions"),
            await call(client, "companions", installed_only=False),
            await call(client, "doctor"),
            await call(client, "doctor", all_checks=True),
        ]

    intents, one, installed, known, wrong, checks = [answer.data for answer in talk(shell, work)]
    listed = shell.run("interbus", "catalog", "--json").records
    assert intents["intents"] == [{key: row[key] for key in row if key != "keys"} for row in listed]
    assert one["intents"] == shell.run("interbus", "catalog", "notify", "--json").records
    assert "pager" in one["intents"][0]["consumers"]
    assert installed == {"modules": [], "warnings": []}
    assert known["modules"] == shell.run("interhost", "companions", "--json").records
    told = shell.run("interhost", "doctor", "--json", code=1).records
    assert wrong["checks"][0]["check"] == "adapter pager"  # which does not implement what it consumes
    assert sorted(map(compact, checks["checks"])) == sorted(map(compact, told))
    assert wrong["checks"] == [check for check in checks["checks"] if check["level"] != "ok"]
    assert wrong["counts"] == checks["counts"]
    assert checks["counts"]["problem"] == 1
    assert checks["counts"]["ok"] == sum(check["level"] == "ok" for check in told)


# Failures ------------------------------------------------------------------------------------------------------------

FAILURES: list[tuple[str, dict[str, object], str, str]] = [
    ("publish", {"intent": "notfy"}, "NOT_FOUND", "did you mean notify?"),
    ("publish", {"intent": "notify@9.0"}, "NOT_FOUND", "this host knows notify@1.0"),
    ("publish", {"intent": "No Name"}, "VALIDATION", "expected name@major.minor"),
    ("publish", {"intent": "notify"}, "VALIDATION", "key 'text': missing"),
    ("publish", {"intent": "notify", "payload": {"text": "x", "title": 3}}, "VALIDATION", "key 'title'"),
    ("publish", {}, "VALIDATION", "intent: Field required"),
    ("publish", {"intent": "notify", "pyload": {"text": "x"}}, "VALIDATION", "pyload: no such argument; payload?"),
    ("publish", {"intent": "notify", "payload": "text"}, "VALIDATION", "payload: "),
    ("publish", {"intent": "notify", "payload": {"text": "x"}, "severity": "bad"}, "VALIDATION", "severity: "),
    ("publish", {"intent": "notify", "payload": {"text": "x"}, "context": "a\nb"}, "VALIDATION", "control character"),
    ("publish", {"intent": "notify", "payload": {"text": "x"}, "artifact": "a\0b"}, "VALIDATION", "control character"),
    ("publish", {"intent": "notify", "payload": {"text": "x"}, "consumers": ["A b"]}, "VALIDATION", "adapter name"),
    ("publish", {"intent": "notify", "payload": {"text": "x" * 1_100_000}}, "VALIDATION", "bytes"),
    ("replay", {"after": ABSENT}, "NOT_FOUND", "not in the log"),
    ("replay", {"after": "soon"}, "VALIDATION", "expected start, end"),
    ("replay", {"since": "yesterday"}, "VALIDATION", "expected RFC 3339"),
    ("replay", {"limit": 0}, "VALIDATION", "limit: "),
    ("replay", {"limit": 201}, "VALIDATION", "limit: "),
    ("replay", {"intents": "notify"}, "VALIDATION", "intents: "),
    ("trace", {"event_id": ABSENT}, "NOT_FOUND", "not in the log"),
    ("trace", {"event_id": "x"}, "VALIDATION", "expected a ULID"),
    ("catalog", {"intent": "nothing_like_it"}, "NOT_FOUND", "unknown intent"),
    ("metrics", {"tool": "publish"}, "VALIDATION", "tool: no such argument"),
    ("publsh", {}, "NOT_FOUND", "no tool 'publsh'"),
]


def test_every_failure_is_a_structured_error(shell: Shell) -> None:
    """Type, whether trying again helps, and what a model needs to do better are data; its text says the same.

    Nothing is stored, and every call is counted.
    """

    async def work(client: Client) -> tuple[list[Answer], Answer]:
        return [await call(client, tool, **given) for tool, given, _, _ in FAILURES], await call(client, "metrics")

    answers, metrics = talk(shell, work)
    for (tool, given, kind, words), answer in zip(FAILURES, answers, strict=True):
        assert answer.failed, (tool, given)
        assert set(answer.data) == {"type", "message", "recoverable", "data"}
        assert (answer.data["type"], answer.data["recoverable"]) == (kind, False), answer
        assert words in answer.data["message"]
        assert answer.text.startswith(f"[{kind}] {answer.data['message']}")
        assert len(answer.text) < 5000
    unknown, problems, slip = (answers[index].data["data"] for index in (0, 4, 6))
    assert (unknown["intent"], unknown["nearest"]) == ("notfy", "notify")
    assert [one["key"] for one in problems["problems"]] == ["title"]
    assert slip["problems"] == [{"argument": "pyload", "problem": "no such argument; payload?"}]
    assert slip["arguments"][:2] == ["intent", "payload"]
    event = answers[19].data["data"]
    assert event["event_id"] == ABSENT
    assert event["hint"] in answers[19].text
    shell.run("interbus", "replay", code=1)
    counted = {name: (one["calls"], one["errors"]) for name, one in metrics.data["tools"].items()}
    assert counted == {"publish": (13, 13), "replay": (6, 6), "trace": (2, 2), "catalog": (1, 1), "metrics": (1, 1)}
    assert metrics.data["tools"]["publish"]["error_types"] == {"NOT_FOUND": 2, "VALIDATION": 11}


def test_a_damaged_log_is_told_and_left_alone(shell: Shell) -> None:
    """Every tool that needs it says which file; the others go on; mended, the same server goes on too.

    It also outlives the worktree that it was started in, as long as that is not needed.
    """
    worktree = shell.base / "worktree"
    worktree.mkdir()
    shell.root.mkdir(mode=0o700)
    database = shell.root / "bus.db"
    database.write_bytes(b"no database, but somebody's notes" * 100)
    before = database.read_bytes()

    async def work(client: Client) -> list[Answer]:
        answers = [await call(client, "publish", **FACT), await call(client, "replay"), await call(client, "doctor")]
        answers.append(await call(client, "catalog"))
        assert database.read_bytes() == before
        shell.root.chmod(0o777)
        forbidden = await call(client, "replay")
        assert (forbidden.data["type"], forbidden.data["recoverable"]) == ("PERMISSION", False)
        assert forbidden.data["data"]["hint"] == f"chmod 700 {shell.root}"
        shell.root.chmod(0o700)
        database.rename(shell.base / "notes")
        answers.append(await call(client, "publish", **FACT))
        worktree.rmdir()
        return [*answers, await call(client, "publish", **FACT), await call(client, "replay")]

    *broken, catalog, mended, homeless, replay = talk(shell, work, cwd=worktree)
    for answer in broken:
        assert answer.failed
        assert (answer.data["type"], answer.data["recoverable"]) == ("INTERNAL", False)
        assert answer.data["data"]["path"] == str(database)
    assert (catalog.failed, mended.failed, mended.data["seq"]) == (False, False, 1)
    assert homeless.failed
    assert "current directory does not exist" in homeless.data["message"]
    assert len(replay.data["events"]) == 1


def test_a_busy_log_costs_no_fact_and_says_to_try_again(shell: Shell) -> None:
    """Locked by somebody who does not go on: a fact goes to the spool; where that is not possible, TRANSIENT."""
    shell.publish()

    async def work(client: Client) -> list[Answer]:
        with (shell.root / "write.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            answers = [await call(client, "publish", **FACT), await call(client, "replay")]
            shutil.move(shell.root / "spool", shell.base / "spool")
            (shell.root / "spool").write_text("")
            answers.append(await call(client, "publish", **FACT))
            (shell.root / "spool").unlink()
            shutil.move(shell.base / "spool", shell.root / "spool")
        return [*answers, await call(client, "replay")]

    spooled, before, refused, after = talk(shell, work)
    assert (spooled.failed, spooled.data["spooled"], spooled.data["seq"]) == (False, True, None)
    assert "held by another process" in spooled.data["warnings"][0]
    assert len(before.data["events"]) == 1
    assert "what waits in the spool is not shown" in before.data["warnings"][0]
    assert (refused.failed, refused.data["type"], refused.data["recoverable"]) == (True, "TRANSIENT", True)
    assert [event["event_id"] for event in after.data["events"]][1:] == [spooled.data["event_id"]]


@pytest.mark.parametrize(
    ("error", "kind", "recoverable"),
    [
        (UsageError("u"), "VALIDATION", False),
        (InputError("i"), "VALIDATION", False),
        (UnknownEventError(ABSENT), "NOT_FOUND", False),
        (MissingError("m"), "NOT_FOUND", False),
        (AdapterError("a", "x"), "INTERNAL", False),
        (InterhostError("o"), "INTERNAL", False),
        (BusyError("b"), "TRANSIENT", True),
        (StateError("s", "/x"), "INTERNAL", False),
        (ValueError("v"), "INTERNAL", False),
        (ToolError("CONFLICT", "c").with_recoverable(True), "CONFLICT", True),
    ],
)
def test_each_error_has_its_type(error: Exception, kind: str, recoverable: bool) -> None:
    """The family of errors is mapped as the module's table says."""
    mapped = tool_error(error)
    assert (mapped.type, mapped.recoverable) == (kind, recoverable)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT])
def test_missing_permission_is_told_apart(number: int) -> None:
    """A directory that may not be written is the user's to open, and no fault of anybody's."""
    error = StateError("state directory /x", "/x")
    error.__cause__ = OSError(number, os.strerror(number))
    assert tool_error(error).type == ("INTERNAL" if number == errno.ENOENT else "PERMISSION")


# Size ----------------------------------------------------------------------------------------------------------------


def test_long_results_come_in_pages(shell: Shell) -> None:
    """However much there is, a result has room for a model, and the cursor leads through everything exactly once."""
    long = {"text": "y" * 500_000}

    async def work(client: Client) -> tuple[list[Answer], Answer, Answer]:
        for number in range(30):
            await call(client, "publish", intent="notify", payload={"text": "x" * 3000 if number % 2 else "short"})
        await call(client, "publish", intent="notify", payload=long)
        pages = [await call(client, "replay", after="start", limit=200, payload_chars=40_000)]
        while pages[-1].data["more"]:
            after = pages[-1].data["next"]
            pages.append(await call(client, "replay", after=after, limit=200, payload_chars=40_000))
        return pages, await call(client, "replay", limit=200), await call(client, "replay", limit=3, payload_chars=10)

    pages, newest, few = talk(shell, work)
    assert [event["seq"] for page in pages for event in page.data["events"]] == list(range(1, 32))
    assert len(pages) > 2
    assert all(len(page.text) < LARGEST for page in pages)
    last = pages[-1].data["events"][-1]
    assert (last["payload"], last["payload_chars"]) == (None, len(json.dumps(long)))
    assert last["payload_start"] == json.dumps(long)[:40_000]
    assert [event["seq"] for event in newest.data["events"]][-1] == 31
    assert (newest.data["earlier"], newest.data["more"]) == (True, False)
    assert USUAL - 6000 < len(newest.text) < USUAL + 6000
    assert [event["seq"] for event in few.data["events"]] == [29, 30, 31]
    assert [event["payload_start"] for event in few.data["events"]] == ['{"text": "'] * 3


def test_whatever_is_stored_fits(shell: Shell) -> None:
    """Extensions of an adapter and the reactions to an event have no limit of their own."""
    first = shell.publish()["event_id"]
    with shell.bus() as bus:
        stored = bus.log.get(first)
        assert stored
        for number in range(300):
            more = {**stored.envelope.extensions, "caused_by": first, "blob": {str(n): "z" * 50 for n in range(200)}}
            bus.publish(stored.envelope._replace(event_id=f"01M8000000000000000000{number:04}", extensions=more))

    async def work(client: Client) -> list[Answer]:
        return [await call(client, "trace", event_id=first), await call(client, "replay", limit=200)]

    trace, replay = talk(shell, work)
    assert len(trace.text) < USUAL + 1000
    assert trace.data["trace"]["reactions"][-1].keys() == {"omitted"}
    assert len(replay.text) < USUAL + 8000
    assert "omitted" in replay.data["events"][-1]["extensions"]["blob"]


@pytest.mark.parametrize(
    ("value", "chars", "fits"),
    [
        ({"a": [1, 2, 3]}, 100, {"a": [1, 2, 3]}),
        ("abcdefghij", 8, "abcde…"),
        ([10, 20, 30, 40], 8, [10, 20, 30, {"omitted": 1}]),
        ({"a": 1, "b": 2, "c": 3}, 8, {"a": 1, "omitted": 2}),
        (123456789, 3, "…"),
        (None, 2, "…"),
    ],
)
def test_fit_keeps_the_beginning_and_counts_the_rest(value: Any, chars: int, fits: Any) -> None:
    """What fits is untouched; of what does not, nothing is left out silently."""
    assert fit(value, chars) == fits
