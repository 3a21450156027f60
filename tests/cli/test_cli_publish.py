"""``interbus publish``: what is stored, and what it is about."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Shell


def _only(shell: Shell) -> dict[str, Any]:
    """The one fact on the bus."""
    (record,) = shell.run("interbus", "replay").records
    return record


def test_every_option_ends_up_in_the_envelope(shell: Shell) -> None:
    """All nine fields and the open map are what the command line said."""
    said = shell.run(
        *("interbus", "publish", "artifact_ready@1.0", "--payload", '{"kind": "plan"}'),
        *("--artifact", "docs/../plan.md", "--context", "wid-7k2.1", "--severity", "warn"),
        *("--source-hook", "PostToolUse:Write", "--consumer", "interflux", "--consumer", "board"),
        *("--consumer", "interflux", "--dedupe-key", "k:1", "--session", "s-1"),
        *("--occurred-at", "2026-11-20T10:30:00+01:00", "--json"),
    )
    stored = _only(shell)
    assert said.records == [
        {
            "event_id": stored["event_id"],
            "seq": 1,
            "duplicate": False,
            "intent": "artifact_ready@1.0",
            "context_id": "wid-7k2.1",
        }
    ]
    assert {key: stored[key] for key in stored if key not in ("event_id", "stored_at")} == {
        "seq": 1,
        "intent": "artifact_ready@1.0",
        "context_id": "wid-7k2.1",
        "artifact_path": str(shell.project / "plan.md"),
        "severity": "warn",
        "producer": "cli",
        "consumers": ["interflux", "board"],
        "source_hook": "PostToolUse:Write",
        "extensions": {
            "occurred_at": "2026-11-20T09:30:00.000Z",
            "project_dir": str(shell.project),
            "door": "cli",
            "session_id": "s-1",
            "dedupe_key": "k:1",
        },
        "payload": {"kind": "plan"},
    }


def test_probable_slips_are_said_and_stored(shell: Shell) -> None:
    """An artifact that does not exist and a consumer that is not installed are notes, not refusals."""
    done = shell.run(
        *("interbus", "publish", "notify", "--payload", '{"text": "x"}'),
        *("--artifact", "gone.md", "--consumer", "interflax"),
    )
    assert f"{shell.project / 'gone.md'}: does not exist" in done.err
    assert "interflax: no such adapter is installed" in done.err
    assert _only(shell)["consumers"] == ["interflax"]


PAYLOADS = [
    '{"text":"x"}',
    '  {  "text" :\t"x" , "n" : 1e2,"m":1.0, "big": 123456789012345678901234567890 }  ',
    '{"text": "\\u00e9 \\ud83d\\ude00 é 😀 \\u2028", "empty": {}, "list": [ ]}',
    '{"text": "a\\nb\\u001b[31m\\u0000", "-0": -0, "e": 1E-7}',
    '{\n  "text": "pretty",\r\n\t"lines": [\n    1,\n    2\n  ]\n}\n',
    '{"text": "lone \\ud800"}',
]


@pytest.mark.parametrize("door", ["argv", "file", "standard input"])
@pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_payload_is_kept_byte_for_byte(shell: Shell, text: str, door: str) -> None:
    """Spacing, escapes and numbers stay as they were written; as NDJSON it is one line in the same words."""
    (shell.project / "payload.json").write_bytes(text.encode())
    given = {"argv": text, "file": "@payload.json", "standard input": "-"}[door]
    done = shell.run("interbus", "publish", "notify", "--payload", given, stdin=text if given == "-" else "")
    with shell.bus() as bus:
        stored = bus.log.get(done.records[0]["event_id"])
    assert stored is not None
    assert stored.envelope.payload == text
    replayed = shell.run("interbus", "replay").out
    assert replayed.endswith(f',"payload":{text.translate({10: " ", 13: " "})}}}\n')
    assert len(replayed.split("\n")) == 2
    assert json.loads(replayed)["payload"] == json.loads(text)


def test_a_byte_order_mark_is_no_part_of_a_payload(shell: Shell) -> None:
    """A file that an editor began with a BOM is read as if it had none."""
    (shell.project / "payload.json").write_bytes(b'\xef\xbb\xbf{"text": "x"}')
    shell.run("interbus", "publish", "notify", "--payload", "@payload.json")
    assert _only(shell)["payload"] == {"text": "x"}


def test_a_known_fact_is_not_stored_again(shell: Shell) -> None:
    """A dedupe key that the bus knows answers with the first event, and exit code 0."""
    first = shell.publish("notify", '{"text": "first"}', "--dedupe-key", "k:1")
    again = shell.publish("notify", '{"text": "second"}', "--dedupe-key", "k:1")
    assert again == {**first, "duplicate": True}
    assert _only(shell)["payload"] == {"text": "first"}
    table = shell.run("interbus", "publish", "notify", "--payload", '{"text": "x"}', "--dedupe-key", "k:1", "--table")
    assert table.out.startswith(f"known already as {first['event_id']}")


def test_unknown_intents_are_stored_when_asked(shell: Shell) -> None:
    """--allow-unknown stores a name and a major that the catalogue lacks, unchecked."""
    for intent in ("own_thing@1.0", "interline.tick@3.1", "notify@2.0"):
        assert shell.publish(intent, '{"anything": [1]}', "--allow-unknown")["intent"] == intent
    shell.publish("notify@1.7", '{"text": "a newer minor", "more": 1}')
    stored = [one["intent"] for one in shell.run("interbus", "replay").records]
    assert stored == ["own_thing@1.0", "interline.tick@3.1", "notify@2.0", "notify@1.7"]


def _context(shell: Shell, *more: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    arguments = ["publish", "notify", "--payload", '{"text": "x"}', *more]
    context: str = shell.run("interbus", *arguments, env=env, cwd=cwd).records[0]["context_id"]
    return context


def _sideband(shell: Shell, session: str, bead: str) -> None:
    """A file as interphase writes it (reference/modules/interphase.md, the ``interphase/bead`` channel)."""
    path = shell.home / ".interband" / "interphase" / "bead" / f"{session}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps(
            {
                "version": "1.0.0",
                "namespace": "interphase",
                "type": "bead_phase",
                "session_id": session,
                "payload": {"id": bead, "phase": "planned"},
            }
        )
    )


def test_the_context_is_found_out_in_order(shell: Shell) -> None:
    """Given, bead of the session by variable, by sideband, the artifact's **Bead:** line, project: first hit wins."""
    (shell.project / "plan.md").write_text("# Plan\n\n**Bead:** wid-plan\n")
    _sideband(shell, "s-1", "wid-side")
    variable, session = {"CLAVAIN_BEAD_ID": "wid-env"}, {"CLAUDE_SESSION_ID": "s-1"}
    artifact = ("--artifact", "plan.md")
    assert _context(shell, *artifact, "--context", "wid-given", env={**variable, **session}) == "wid-given"
    assert _context(shell, *artifact, env={**variable, **session}) == "wid-env"
    assert _context(shell, *artifact, env=session) == "wid-side"
    assert _context(shell, *artifact, "--session", "s-1") == "wid-side"
    assert _context(shell, *artifact) == "wid-plan"
    assert _context(shell) == "project:widgets"
    assert _context(shell, env={"CLAVAIN_BEAD_ID": "no bead"}) == "project:widgets"


def test_emit_is_publish_for_scripts(shell: Shell) -> None:
    """Intent, payload and artifact by position, everything else from the environment; refusals are the same."""
    env = {"CLAVAIN_BEAD_ID": "wid-env", "CLAUDE_SESSION_ID": "s-1", "INTERBUS_PRODUCER": "interphase"}
    said = shell.run("interbus", "emit", "artifact_ready", '{"kind": "plan"}', "plan.md", env=env).records[0]
    stored = _only(shell)
    assert (stored["event_id"], stored["context_id"]) == (said["event_id"], "wid-env")
    assert (stored["producer"], stored["extensions"]["session_id"]) == ("interphase", "s-1")
    assert (stored["artifact_path"], stored["payload"]) == (str(shell.project / "plan.md"), {"kind": "plan"})
    assert "'kind': missing" in shell.run("interbus", "emit", "artifact_ready", code=65).err
    assert "did you mean notify?" in shell.run("interbus", "emit", "notfy", "{}", code=65).err
    assert len(shell.run("interbus", "replay").records) == 1


def test_the_project_is_the_git_root(shell: Shell) -> None:
    """In a folder below it is still the project's name; outside of git it is the directory's own."""
    below = shell.project / "src" / "deep"
    below.mkdir(parents=True)
    assert _context(shell, cwd=below) == "project:widgets"
    assert _context(shell, "--artifact", "a.md", cwd=below) == "project:widgets"
    assert _context(shell, cwd=shell.home) == "project:home"
    first, second, third = shell.run("interbus", "replay").records
    assert first["extensions"]["project_dir"] == str(shell.project)
    assert second["artifact_path"] == str(below / "a.md")
    assert third["extensions"]["project_dir"] == str(shell.home)


@pytest.mark.parametrize("variable", ["CLAUDE_SESSION_ID", "CLAUDE_CODE_SESSION_ID"])
def test_the_session_comes_from_the_environment(shell: Shell, variable: str) -> None:
    """Either variable of the agent names the session; the option is stronger."""
    _context(shell, env={variable: "s-env"})
    _context(shell, "--session", "s-opt", env={variable: "s-env"})
    assert [one["extensions"]["session_id"] for one in shell.run("interbus", "replay").records] == ["s-env", "s-opt"]


def test_a_claimed_producer_must_be_installed(shell: Shell) -> None:
    """INTERBUS_PRODUCER is believed when it names an installed adapter; else it is 'cli', and said."""
    payload = ["publish", "notify", "--payload", '{"text": "x"}']
    assert shell.run("interbus", *payload, env={"INTERBUS_PRODUCER": "interphase"}).err == ""
    for claim in ("nobody", "cli\x1b[31m"):
        done = shell.run("interbus", *payload, env={"INTERBUS_PRODUCER": claim})
        assert "no such adapter is installed; published as 'cli'" in done.err
        assert "\x1b" not in done.err
    stored = [one["producer"] for one in shell.run("interbus", "replay").records]
    assert stored == ["interphase", "cli", "cli"]


def test_twenty_at_once_are_all_stored(shell: Shell) -> None:
    """Twenty processes that publish at once, into a state directory that does not exist yet, lose nothing."""
    running = [
        subprocess.Popen(
            shell.argv("interbus", "publish", "notify", "--payload", json.dumps({"text": f"number {n}"})),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=shell.environ,
            cwd=shell.project,
        )
        for n in range(20)
    ]
    answers = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0] * 20, answers
    assert sorted(json.loads(out)["seq"] for out, _ in answers) == list(range(1, 21))
    texts = {one["payload"]["text"] for one in shell.run("interbus", "replay").records}
    assert texts == {f"number {n}" for n in range(20)}


def test_a_fact_published_before_an_adapter_was_installed_is_not_its_business(shell: Shell) -> None:
    """Installing an adapter replays nothing; the first command after it puts it on the bus."""
    shell.publish("notify", '{"text": "before"}')
    shell.adapter("late", ["notify"], _COUNTING)
    shell.publish("notify", '{"text": "after"}')
    delivered = shell.run("interhost", "run", "--once").records
    assert [(one["consumer"], one["reason"]) for one in delivered] == [("late", "after")]


_COUNTING = """
from interhost_hookspecs import Outcome, hookimpl

@hookimpl
def on_notify(intent, ctx):
    return Outcome.done(intent.payload.text)
"""
