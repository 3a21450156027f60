"""interbus.sh: publishing from bash, in real processes that run as strict as a hook can, read back by the real host."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import pwd
import random
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from interhost.bus.bus import Bus
from interhost.bus.envelope import Envelope
from interhost.bus.ids import id_time, is_id
from interhost.bus.log import Query
from interhost.bus.payload import MAX_BYTES
from interhost.bus.spool import drain_spool, rejected_files
from interhost.shells.libraries import packaged_file
from tests.hook_kit import BASH, Hook, Ran

LIBRARY = packaged_file("interbus", "interbus.sh")
STRICT = ("-euo pipefail", "-Eeuo pipefail", "-eu -o posix", "-fuC", "-eua", "+B")
LOCALES = [{"LANG": "C.UTF-8"}, {"LC_ALL": "C", "LANG": None}, {"LANG": None}]
SEED = 20265
CLOCK = "unset EPOCHREALTIME; EPOCHREALTIME="
"""From there on it is a variable like any other, which a test may set."""
OLD_BASH = "unset SRANDOM EPOCHREALTIME; "
"""What bash 4.4 does not have."""


class Shop:
    """A home in which hooks publish.

    Args:
        base: An empty directory.
    """

    def __init__(self, base: Path) -> None:
        self.hook = Hook(base)
        del self.hook.environ["CLAUDE_SESSION_ID"]
        self.root = self.hook.home / ".interbus"
        self.new = self.root / "spool" / "new"

    def run(self, script: str, **more: Any) -> Ran:
        """Run a hook that has sourced the library."""
        return self.hook.run(script, library=more.pop("library", LIBRARY), **more)

    def say(self, script: str, **more: Any) -> str:
        """What a hook prints that must end well and silently."""
        return self.hook.say(script, library=more.pop("library", LIBRARY), **more)

    def refuses(self, script: str, **more: Any) -> str:
        """The one line about a publish that fails: the hook goes on, and with INTERBUS_STRICT it is told."""
        env: Mapping[str, str | None] = more.pop("env", {})
        script = f"{script} && echo went on"
        ran, strict = (self.run(script, env={**env, "INTERBUS_STRICT": one}, **more) for one in ("", "1"))
        assert (ran.code, ran.out) == (0, "went on\n"), ran
        assert strict.out == ""
        assert re.fullmatch(r"interbus: [^\n]+; nothing was published\n", ran.err), ran.err
        assert strict.err.replace("ERR-TRAP\n", "") == ran.err
        return ran.err

    def files(self) -> list[tuple[dict[str, Any], str]]:
        """Draft and payload of every file in the spool, in name order."""
        found = []
        for path in sorted(self.new.iterdir()):
            head, payload, rest = path.read_bytes().split(b"\n")
            assert rest == b""
            draft = json.loads(head)
            assert draft.pop("event_id") == path.name
            found.append((draft, payload.decode("utf-8", "surrogateescape")))
        return found

    def file(self) -> tuple[dict[str, Any], str]:
        """The only file, which is gone then."""
        (found,) = self.files()
        next(self.new.iterdir()).unlink()
        return found

    def drain(self, adapters: set[str] | None = None) -> list[Envelope]:
        """What the host has in its log after it took everything in."""
        with Bus(self.root) as bus:
            drain_spool(bus, lambda: adapters or set())
            assert os.listdir(self.new) == []
            return [one.envelope for one in bus.log.read(Query(), 100_000)]

    def one(self, adapters: set[str] | None = None) -> Envelope:
        """The only event."""
        (envelope,) = self.drain(adapters)
        return envelope


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A home in which nothing was published yet; it is the host's, too."""
    shop = Shop(tmp_path)
    monkeypatch.setenv("HOME", str(shop.hook.home))
    return shop


# What is published ---------------------------------------------------------------------------------------------------


def test_everything_arrives_as_it_was_said(shop: Shop) -> None:
    """Every option reaches its field of the envelope, the payload in its own words; nothing is printed."""
    (shop.hook.project / ".git").mkdir()
    (shop.hook.project / "src").mkdir()
    before = datetime.now(UTC)
    shop.say(
        """cd src; interbus_publish artifact_ready --artifact docs/p.md --context iv-a1 --payload '{"kind":  "plan"}' \
            --severity warn --source-hook PostToolUse:Write --consumer board --consumer other --dedupe-key 'a key'
        [[ -f $INTERBUS_ROOT/spool/new/$INTERBUS_EVENT_ID ]]""",
        env={"INTERBUS_ROOT": str(shop.root), "INTERBUS_PRODUCER": "interphase", "CLAUDE_CODE_SESSION_ID": "s-1"},
    )
    envelope = shop.one({"interphase"})
    occurred = datetime.fromisoformat(str(envelope.extensions["occurred_at"]))
    assert -0.001 <= (occurred - before).total_seconds() < 30
    assert envelope == Envelope(
        event_id=envelope.event_id,
        intent="artifact_ready@1.0",
        context_id="iv-a1",
        artifact_path=str(shop.hook.project / "src" / "docs" / "p.md"),
        severity="warn",
        producer="interphase",
        consumers=("board", "other"),
        source_hook="PostToolUse:Write",
        payload='{"kind":  "plan"}',
        extensions={
            "occurred_at": envelope.extensions["occurred_at"],
            "project_dir": str(shop.hook.project),
            "door": "spool",
            "session_id": "s-1",
            "dedupe_key": "a key",
        },
    )


def test_nothing_but_an_intent_is_enough(shop: Shop) -> None:
    """Everything else is found out: context and project by the working directory, the producer is a shell."""
    shop.say("interbus_publish mine.thing@1.0")
    envelope = shop.one()
    assert (envelope.intent, envelope.payload, envelope.producer) == ("mine.thing@1.0", "{}", "shell")
    assert (envelope.context_id, envelope.extensions["project_dir"]) == ("project:project", str(shop.hook.project))
    assert (envelope.severity, envelope.artifact_path, envelope.consumers) == ("info", None, ())


@pytest.mark.parametrize(
    ("call", "payload", "artifact"),
    [
        ("notify", "{}", None),
        ("""notify '{"a": 1}'""", '{"a": 1}', None),
        ("""notify '{"a": 1}' /x/y""", '{"a": 1}', "/x/y"),
        ("notify '' '' --severity warn", "{}", None),
        ("notify --severity warn", "{}", None),
        ("""notify '{"a": 1}' --severity warn""", '{"a": 1}', None),
        ("""notify '{"a": 1}' /x/y --severity warn""", '{"a": 1}', "/x/y"),
    ],
)
@pytest.mark.parametrize("name", ["interbus_emit", "interbus.emit"])
def test_emit_takes_its_words_in_order(shop: Shop, name: str, call: str, payload: str, artifact: str | None) -> None:
    """Intent, payload, artifact; options may follow; the rest is from the environment."""
    environ = {"CLAUDE_SESSION_ID": "s-1", "INTERBUS_PRODUCER": "board", "CLAVAIN_BEAD_ID": "iv-a1.2"}
    shop.say(f"{name} {call}", env=environ)
    draft, text = shop.file()
    assert (text, draft.get("artifact_path")) == (payload, artifact)
    assert draft.get("severity") == ("warn" if "warn" in call else None)
    assert (draft["context_id"], draft["producer"]) == ("iv-a1.2", "board")
    assert draft["extensions"]["session_id"] == "s-1"


@pytest.mark.parametrize(
    "bead", ["", "bead", "-1", "iv-", "iv-1.", "iv-1.x", "1v-1", "iv-1 2", "iv-1\n", "../iv-1", "iv-ü"]
)
def test_what_is_no_bead_is_no_context(shop: Shop, bead: str) -> None:
    """The same texts that the host takes for none; then the host finds the context out."""
    shop.say("interbus_publish notify", env={"CLAVAIN_BEAD_ID": bead})
    assert "context_id" not in shop.file()[0]
    shop.say("interbus_publish notify --context given", env={"CLAVAIN_BEAD_ID": "iv-1"})
    assert shop.file()[0]["context_id"] == "given"


def test_options_may_be_spelled_with_an_equals_sign(shop: Shop) -> None:
    """And stand before the intent; a value may hold anything; an empty one counts as not given."""
    shop.say("""interbus_publish --payload='{"a": "b=c --x"}' notify --consumer=board --context=a=b --dedupe-key ''""")
    draft, payload = shop.file()
    assert payload == '{"a": "b=c --x"}'
    assert (draft["context_id"], draft["consumers"]) == ("a=b", ["board"])
    assert "dedupe_key" not in draft["extensions"]


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("", "expected an intent"),
        ("''", "expected an intent"),
        ("--payload '{}'", "expected an intent"),
        ("notify --context", "--context: expected a value"),
        ("notify --payload '{}' --artifact", "--artifact: expected a value"),
        ("notify other", "other: not an argument"),
        ("notify --sevrity warn", "--sevrity: not an argument"),
        (r"notify $'--\e[31m\n'", r"$'--\E[31m\n': not an argument"),
        ("notify --context $(printf '%05000d' 0)", "context: 5000 bytes, the limit is 4096"),
    ],
)
def test_a_wrong_call_is_one_line(shop: Shop, call: str, why: str) -> None:
    """It names what is wrong, whatever that is made of; the hook goes on, and has no event's id."""
    assert why in shop.refuses(f"INTERBUS_EVENT_ID=old; interbus_publish {call}; [[ -z $INTERBUS_EVENT_ID ]]")
    assert not shop.new.exists() or shop.files() == []


def test_what_the_host_refuses_is_kept_with_its_reason(shop: Shop) -> None:
    """A shell checks no payload: the file is set aside by the host, and nothing is lost."""
    shop.say('interbus_publish notify --payload \'{"text": \'; interbus_publish notify --payload \'{"text": "x"}\'')
    assert [one.payload for one in shop.drain()] == ['{"text": "x"}']
    ((path, why),) = rejected_files(shop.root)
    assert "payload: not JSON" in why
    assert path.read_text().endswith('\n{"text": \n')


# Texts ---------------------------------------------------------------------------------------------------------------


def _each_byte(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "\ufffd", error.start + 1


codecs.register_error("each-byte", _each_byte)


def corpus(count: int) -> list[bytes]:
    """Texts that are hard to escape: every byte by itself, between others, and random mixtures; never empty, no NUL."""
    chance = random.Random(SEED)
    pieces = [b'"', b"\\", b"&", b"\\&", b"\\u0041", b"%s", b"$HOME", b"`x`", b"'", b" ", b"*", b"\n", b"\t", b"\x7f"]
    pieces += [
        "ü".encode(),
        "日本".encode(),
        "😀".encode(),
        "\u2028".encode(),
        "\u0085".encode(),
        "é".encode("latin-1"),
    ]
    pieces += [
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xc0\xaf",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
        b"\x80\xbf",
        b"\xff",
        b"a",
    ]
    pieces += [b"\xf4\x8f\xbf\xbf", b"\xee\x80\x80", b"\xef\xbf\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\x1b[0m"]
    texts = [bytes([one]) for one in range(1, 256)]
    for _ in range(count):
        drawn = [chance.choice(pieces) for _ in range(chance.randrange(1, 12))]
        drawn += [bytes(chance.choices(range(1, 256), k=chance.randrange(6)))]
        texts.append(b"".join(chance.sample(drawn, len(drawn))))
    return texts


def each_of(shop: Shop, texts: list[bytes], call: str) -> str:
    """A script that makes a call with each text as ``$text``, handed over byte by byte."""
    (shop.hook.project / "corpus").write_bytes(b"".join(text + b"\0" for text in texts))
    return f"LC_ALL=C mapfile -d '' -t texts <corpus; for text in \"${{texts[@]}}\"; do {call}; done"


@pytest.mark.parametrize("env", LOCALES, ids=["UTF-8", "C", "none"])
@pytest.mark.parametrize("before", ["", "shopt -s nocasematch failglob extglob; IFS='\"\\0aA'; "], ids=["plain", "odd"])
def test_every_text_becomes_json(shop: Shop, env: dict[str, str | None], before: str) -> None:
    """As Python would read it: quotes, backslashes, control characters, UTF-8; a byte that is none becomes U+FFFD."""
    texts = corpus(250)
    call = 'interbus_publish "x$text" --context "$text" --dedupe-key "$text"'
    call += '; interbus_publish "x$text" --consumer "$text"'
    shop.say(before + each_of(shop, texts, call), env=env)
    expected = [text.decode("utf-8", "each-byte") for text in texts]
    drafts = [draft for draft, _ in shop.files()]
    assert [draft["intent"] for draft in drafts[::2]] == [f"x{text}" for text in expected]
    assert [draft["context_id"] for draft in drafts[::2]] == expected
    assert [draft["extensions"]["dedupe_key"] for draft in drafts[::2]] == expected
    assert [draft["consumers"] for draft in drafts[1::2]] == [[text] for text in expected]


@pytest.mark.parametrize(
    "name", ["pro ject", 'quo"te', "back\\slash", "new\nline", "ü", "star*", "$HOME", "&", "tab\t"]
)
def test_a_project_may_be_called_anything(shop: Shop, name: str) -> None:
    """Its folder, its artifacts and the session come from outside, too."""
    folder = shop.hook.base / name
    (folder / "a" / "b").mkdir(parents=True)
    (folder / ".git").touch()  # a worktree has a file
    shop.say("interbus_publish notify --artifact ./f", cwd=folder / "a" / "b", env={"CLAUDE_SESSION_ID": name})
    draft, _ = shop.file()
    assert draft["extensions"] == {"project_dir": str(folder), "session_id": name}
    assert draft["artifact_path"] == f"{folder}/a/b/./f"


def publish_payloads(shop: Shop, payloads: list[bytes], **more: Any) -> None:
    """Publish each, as it is."""
    shop.say(each_of(shop, payloads, 'interbus_publish notify --payload "$text"'), **more)


@pytest.mark.parametrize("env", LOCALES, ids=["UTF-8", "C", "none"])
def test_a_payload_on_several_lines_means_the_same_on_one(shop: Shop, env: dict[str, str | None]) -> None:
    """Valid JSON keeps its value, and what was not valid does not become so: newlines were put in anywhere."""
    chance = random.Random(SEED)
    document: dict[str, Any] = {
        "text": 'a\nb\t"\\ ü 😀',
        "list": [1, -2.5e3, True, None, {}, []],
        "in": {"": " * ? [a] ~ $HOME & "},
    }
    payloads = [json.dumps(document, indent=indent, ensure_ascii=ascii) for indent in (0, 2) for ascii in (True, False)]
    payloads += [one.replace("\n", "\r\n") for one in payloads] + [f"\n\n{one}\n\n" for one in payloads[:2]]
    flat = json.dumps(document, ensure_ascii=False)
    for _ in range(150):
        cuts = sorted(chance.choices(range(len(flat) + 1), k=chance.randrange(1, 4)))
        parts = [flat[start:end] for start, end in zip([0, *cuts], [*cuts, len(flat)], strict=True)]
        payloads.append(chance.choice(["\n", "\n\n", "\r\n", " \n\t"]).join(parts))
    publish_payloads(shop, [one.encode() for one in payloads], env=env)
    values = [(read_json(given), read_json(text)) for given, (_, text) in zip(payloads, shop.files(), strict=True)]
    assert [(given, got) for given, got in values if given != got] == []
    assert {"not JSON"} < {str(given) for given, _ in values}


def read_json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return "not JSON"


def test_a_payload_on_one_line_is_not_touched(shop: Shop) -> None:
    """Whatever it holds: spaces, carriage returns, bytes that are no UTF-8; the host decides."""
    payloads = [b'{ "text" :\t"x"  }', b'{"text": "\\n\\u00fc"}\r', b'{"text": "\xff"}', b"  ", b"nonsense", b"%s\\n"]
    publish_payloads(shop, payloads)
    assert [text.encode("utf-8", "surrogateescape") for _, text in shop.files()] == payloads
    assert len(shop.drain()) == 2
    assert "not valid UTF-8" in "".join(why for _, why in rejected_files(shop.root))


@pytest.mark.parametrize("env", LOCALES[:2], ids=["UTF-8", "C"])
def test_a_megabyte_is_published(shop: Shop, env: dict[str, str | None]) -> None:
    """The largest payload that the host takes, on one line and on a hundred thousand; one byte more is kept aside."""
    whole = json.dumps({"text": "ü" * 100}, ensure_ascii=False)[:-2]
    whole += "x" * (MAX_BYTES - len(whole.encode()) - 2) + '"}'
    lines = json.dumps({"text": "x", "list": list(range(100_000))}, indent=0)
    assert len(whole.encode()) == MAX_BYTES
    assert lines.count("\n") > 100_000
    publish_payloads(shop, [whole.encode(), lines.encode(), whole.encode() + b" "], env=env)
    stored = shop.drain()
    assert [json.loads(one.payload) for one in stored] == [json.loads(whole), json.loads(lines)]
    ((_, why),) = rejected_files(shop.root)
    assert "the limit is 1,048,576" in why


# Ids -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["", OLD_BASH, "unset SRANDOM; ", "unset EPOCHREALTIME; "])
def test_ids_of_a_process_ascend(shop: Shop, before: str) -> None:
    """Each a ULID of the present, in the order of publishing, also where bash has neither the time nor randomness."""
    began = time.time()
    said = shop.say(f"{before}for i in {{1..200}}; do interbus_publish notify; echo $INTERBUS_EVENT_ID; done").split()
    assert len(said) == 200
    assert said == sorted(set(said)) == sorted(os.listdir(shop.new))
    assert all(is_id(one) for one in said)
    assert began - 1.001 <= id_time(said[0]).timestamp() <= id_time(said[-1]).timestamp() <= time.time() + 0.001


@pytest.mark.parametrize("before", ["", OLD_BASH])
def test_ids_are_random_in_every_bit(shop: Shop, before: str) -> None:
    """Of the 64 bits that follow the time, the first two stay clear and each other is sometimes set, sometimes not."""
    shop.say(f"{before}for i in {{1..60}}; do (interbus_publish notify); done")
    numbers = [int(name[10:], 16) for name in os.listdir(shop.new)]
    ones, always = 0, -1
    for number in numbers:
        ones |= number
        always &= number
    assert len(set(numbers)) == 60
    assert (ones, always) == ((1 << 62) - 1, 0)


def test_ids_ascend_when_the_clock_is_set_back(shop: Shop) -> None:
    """By a millisecond or by years; the random part counts up, and carries."""
    times = ["1800000000.000100", "1800000000.000200", "1799999999.999000", "1100000000,5", "1800000000.001000"]
    said = shop.say(
        f"{CLOCK}{times[0]}; interbus_publish notify; echo $INTERBUS_EVENT_ID; _interbus_last[2]=$((0x7FFFFFFFFF))\n"
        + "\n".join(f"EPOCHREALTIME={one}; interbus_publish notify; echo $INTERBUS_EVENT_ID" for one in times[1:])
    ).split()
    assert said[1:] == sorted(set(said[1:]))
    assert [id_time(one).timestamp() for one in said] == [1_800_000_000.0] * 4 + [1_800_000_000.001]
    assert [int(one[10:], 16) - 0x7FFFFFFFFF for one in said[1:4]] == [1, 2, 3]


@pytest.mark.parametrize("point", [".", ",", "\u066b"])
def test_the_time_is_read_in_any_locale(shop: Shop, point: str) -> None:
    """Its decimal point is that of the locale."""
    said = shop.say(f"{CLOCK}1700000000{point}123456; interbus_publish notify; echo $INTERBUS_EVENT_ID")
    assert id_time(said.strip()).timestamp() == 1_700_000_000.123


def test_subshells_do_not_continue_their_parents_ids(shop: Shop) -> None:
    """Forked in the very same millisecond, each begins anew."""
    shop.say(
        f"{CLOCK}1700000000.5; interbus_publish notify; for i in {{1..20}}; do (interbus_publish notify) & done; wait"
    )
    assert len(shop.files()) == 21
    assert len({name[:10] for name in os.listdir(shop.new)}) == 1


def test_a_bash_without_randomness_says_so(shop: Shop, tmp_path: Path) -> None:
    """An id that might not be unique is not made."""
    copy = tmp_path / "copy.sh"
    copy.write_text(LIBRARY.read_text().replace("/proc/sys/kernel/random/uuid", "/nowhere/uuid"))
    assert "has no random numbers here" in shop.refuses(f"{OLD_BASH}interbus_publish notify", library=copy)


# Costs ---------------------------------------------------------------------------------------------------------------

PUBLISH = """interbus_publish notify --payload '{"text": "x"}' --source-hook PostToolUse:Write --artifact docs/a.md"""
HARD = """interbus_emit notify $'{"text":\\n"x"}' $'d\\xc3\\xbc \\n"' --consumer=a --dedupe-key '\\"'"""


@pytest.mark.parametrize("before", ["", OLD_BASH], ids=["5.1", "4.4"])
def test_publishing_forks_nothing(shop: Shop, before: str) -> None:
    """Neither what is plain nor what is not: the kernel's calls are counted."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("counts system calls with strace, which is not installed")
    log = shop.hook.base / "log"
    shop.say("interbus_publish notify")
    loop = f"{before}for i in {{1..10}}; do {PUBLISH}; {HARD}; done"

    def count(script: str) -> int:
        argv = [strace, "-f", "-qq", "-e", "trace=fork,vfork,clone,clone3,execve", "-o", str(log)]
        done = subprocess.run(
            [*argv, *shop.hook.argv(script, library=LIBRARY)],
            env=shop.hook.environ,
            cwd=shop.hook.project,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0 and "ptrace" in done.stderr:
            pytest.skip("this kernel does not let strace look at a process")
        assert (done.returncode, done.stderr) == (0, "")
        return len(log.read_text().splitlines())

    assert count(":") == 1  # bash itself
    assert count("(:)") > 1  # and a subshell would be seen
    assert count(loop) == 1
    assert len(shop.files()) == 21


def test_publishing_works_where_nothing_can_be_forked() -> None:
    """No process may be started, and no program could be found: everything is published all the same."""
    user = 65534 if os.geteuid() == 0 else None  # root may start any number of processes
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)  # noqa: S103 - it is for somebody else
        copy = Path(folder, "interbus.sh")
        copy.write_bytes(LIBRARY.read_bytes())

        def run(*argv: str, limit: int = 0, seconds: float = 30.0) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                argv,
                env={"PATH": "", "HOME": folder},
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit)),
                user=user,
            )

        run(BASH, str(copy), "publish", "notify", limit=1000)
        with contextlib.suppress(subprocess.TimeoutExpired):  # bash tries again for 15 s
            if run("/bin/sh", "-c", "(:) || exit 1", seconds=1.0).returncode == 0:
                pytest.skip("the system does not keep to the limit")
        done = run(BASH, "-euc", f"source '{copy}'; {PUBLISH}; {HARD}; {OLD_BASH}{PUBLISH}")
        assert (done.returncode, done.stderr) == (0, "")
        assert len(os.listdir(f"{folder}/.interbus/spool/new")) == 4


# Hooks of every kind -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", STRICT)
@pytest.mark.parametrize("env", LOCALES, ids=["UTF-8", "C", "none"])
def test_publishing_works_under_every_option(shop: Shop, options: str, env: dict[str, str | None]) -> None:
    """What is published is the same, and no error trap hears of it."""
    before = "IFS=$'x\\n-'; shopt -s nocasematch failglob; "
    ran = shop.run(f"{before}{PUBLISH}; {HARD}; {PUBLISH}", options=options, env=env)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    plain, hard, again = shop.files()
    assert (
        plain
        == again
        == (
            {
                "intent": "notify",
                "artifact_path": f"{shop.hook.project}/docs/a.md",
                "source_hook": "PostToolUse:Write",
                "extensions": {"project_dir": str(shop.hook.project)},
            },
            '{"text": "x"}',
        )
    )
    assert hard == (
        {
            "intent": "notify",
            "artifact_path": f'{shop.hook.project}/dü \n"',
            "consumers": ["a"],
            "extensions": {"project_dir": str(shop.hook.project), "dedupe_key": '\\"'},
        },
        '{"text":\t"x"}',
    )


@pytest.mark.parametrize("options", ["-eu", "-eua", "-eu -o posix"])
def test_nothing_of_the_hook_changes(shop: Shop, options: str) -> None:
    """Options, traps, files, directory, umask and environment stay; variables come, but only ours, not exported."""
    look = '{ set +o; shopt -p; trap -p; pwd; export -p; export -pf; echo "$IFS"; echo /dev/fd/*; umask; locale; } >'
    before = f"exec 7>/dev/null; umask 027; shopt -s nullglob nocasematch; IFS=:; {look}before; compgen -v >vars"
    after = f"{look}after; compgen -v >variables"
    calls = f"{PUBLISH}; {HARD}; {OLD_BASH}{PUBLISH}; interbus_publish --wrong 2>/dev/null"
    done = subprocess.run(
        [BASH, "-c", f"set {options}; {before}; source '{LIBRARY}'; {calls}; {after}"],
        env={**shop.hook.environ, "PATH": os.environ["PATH"]},
        cwd=shop.hook.project,
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    assert (shop.hook.project / "before").read_text() == (shop.hook.project / "after").read_text()
    old, new = (set((shop.hook.project / name).read_text().split()) for name in ("vars", "variables"))
    ours = {"INTERBUS_EVENT_ID", "_interbus_file", "_interbus_last"}
    assert {one for one in new - old if not one.startswith(("BASH", "FUNCNAME", "PIPESTATUS"))} == ours
    assert len(shop.files()) == 3


def test_readonly_variables_of_a_hook_are_not_ours(shop: Shop) -> None:
    """'local' would fail for each of these names."""
    names = (
        "intent payload artifact context severity hook key project session producer consumers root text name id file"
    )
    names += " path dir rest done char code now random letters head line lines format program folder i n"
    shop.say(
        f'for name in {names}; do readonly "$name"=x; done; {PUBLISH}; {HARD}'.replace("name in", "v in").replace(
            '"$name"', '"$v"'
        )
    )
    assert len(shop.files()) == 2


@pytest.mark.parametrize(
    "env",
    [{"PATH": ""}, {"PATH": None}, {"HOME": None}, {"PWD": None}, {"PWD": "nonsense"}, {"TMPDIR": "/nowhere"}],
)
def test_publishing_works_without_its_surroundings(shop: Shop, env: dict[str, str | None]) -> None:
    """Also the first time, when the state directory has to be made."""
    shop.say(PUBLISH, env={"INTERBUS_ROOT": str(shop.root), **env})
    assert shop.file()[0]["artifact_path"] == f"{shop.hook.project}/docs/a.md"


def test_publishing_works_in_a_removed_directory(shop: Shop) -> None:
    """A worktree is often gone before the hook that runs in it."""
    env = {"PATH": os.environ["PATH"]}
    shop.say(f"mkdir gone; cd gone; rmdir ../gone; {PUBLISH}", env=env)
    assert shop.file()[0]["extensions"]["project_dir"] == f"{shop.hook.project}/gone"


def test_a_hook_without_a_working_directory_publishes(shop: Shop) -> None:
    """Where bash itself does not know it, the project is left out."""
    shop.say("unset PWD; interbus_publish notify --artifact /x/a.md")
    assert shop.file()[0] == {"intent": "notify", "artifact_path": "/x/a.md", "extensions": {}}


@pytest.mark.parametrize("close", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_files_do_not_matter(shop: Shop, close: str) -> None:
    """Not even for saying what is wrong."""
    ran = shop.run(f"exec 9>&1; {{ {PUBLISH}; {HARD}; interbus_publish; echo alive >&9; }} {close}")
    assert (ran.code, ran.out, ran.err.count("\n")) == (0, "alive\n", 1 if close == ">&-" else 0)
    assert len(shop.files()) == 2


def test_nobody_needs_to_listen(shop: Shop) -> None:
    """Standard error leads to a program that has ended: the hook is not killed by its message."""
    env = {"PATH": os.environ["PATH"]}
    assert shop.say("exec 2> >(:); sleep 0.1; interbus_publish; interbus_publish; echo alive", env=env) == "alive\n"


# Places --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", ["000", "022", "077", "777"])
def test_the_state_directory_is_private(shop: Shop, mask: str) -> None:
    """Made when it is missing, 0700 whatever the hook's umask; the file is as private as its folder."""
    script = f'umask {mask}; interbus_publish notify --payload \'{{"text": "x"}}\'; umask'
    assert shop.say(script, env={"PATH": ""}).strip().endswith(mask)
    assert [path.stat().st_mode & 0o777 for path in (shop.root, shop.root / "spool", shop.new)] == [0o700] * 3
    if mask != "777" or os.geteuid() == 0:
        assert shop.one().intent == "notify@1.0"


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ({"INTERBUS_ROOT": "state"}, "state is not an absolute path; set HOME or INTERBUS_ROOT"),
        ({"INTERBUS_ROOT": "./a b"}, r"./a\ b is not an absolute path"),
        ({"HOME": ""}, "'' is not an absolute path; set HOME or INTERBUS_ROOT"),
        ({"HOME": "home"}, "home/.interbus is not an absolute path"),
        ({"INTERBUS_ROOT": "/dev/null"}, "/dev/null/spool/new: Not a directory"),
        ({"INTERBUS_ROOT": "/proc/nowhere"}, "/proc/nowhere/spool/new: No such file or directory"),
    ],
)
def test_a_wrong_place_is_named(shop: Shop, env: dict[str, str | None], why: str) -> None:
    """With the reason and what to do; nothing is created anywhere else."""
    assert why in shop.refuses("interbus_publish notify", env=env)
    assert [path.name for path in shop.hook.project.iterdir()] == []


def test_without_a_home_the_users_own_is_taken(shop: Shop) -> None:
    """As Python does: HOME is not set, and the system knows. Here nothing is made there, and nothing written."""
    stop = """_interbus_late true; command() { _interbus_say '%q' "$_bus_root"; exit; }"""
    ran = shop.run(f"{stop}; unset HOME; interbus_publish notify")
    assert ran.err.startswith(f"interbus: {pwd.getpwuid(os.getuid()).pw_dir}/.interbus"), ran


def test_something_else_in_the_place_of_the_spool(shop: Shop) -> None:
    """A file where the folder should be: said, and left alone."""
    shop.new.parent.mkdir(parents=True)
    shop.new.write_text("mine")
    assert f"{shop.new}: Not a directory" in shop.refuses("interbus_publish notify")
    assert shop.new.read_text() == "mine"


def test_a_spool_of_somebody_else_is_not_used(shop: Shop) -> None:
    """The host would not open such a state directory."""
    if os.geteuid() != 0:
        pytest.skip("giving a folder away needs root")
    shop.new.mkdir(parents=True)
    os.chown(shop.new, 65534, 65534)
    assert "belongs to somebody else" in shop.refuses("interbus_publish notify")
    assert os.listdir(shop.new) == []


def test_an_id_that_is_taken_is_not_overwritten(shop: Shop) -> None:
    """The file that is there stays, and the event gets the next id."""
    shop.new.mkdir(parents=True)
    taken = shop.new / f"{'0' * 10}{5:016X}"
    taken.write_text("other\n\n")
    assert (
        shop.say(f"{CLOCK}0.0; _interbus_last=($BASHPID 0 4); {PUBLISH}; echo $INTERBUS_EVENT_ID") == f"{'0' * 25}6\n"
    )
    assert taken.read_text() == "other\n\n"


def test_both_halves_publish_the_same(shop: Shop) -> None:
    """What is plain goes the short way; a consumer makes everything go the long one."""
    options = "--artifact a.md --context iv-1 --severity warn --source-hook H --dedupe-key k --payload '{\"a\": 1}'"
    bare = {"CLAVAIN_BEAD_ID": "iv-2.1"}
    full = {"CLAUDE_SESSION_ID": "s", "INTERBUS_PRODUCER": "board", **bare}
    for call, env in ((options, full), (options, {}), ("", full), ("", bare), ("--severity '' --payload ''", {})):
        drafts = []
        for more in ("", " --consumer=x"):
            shop.say(f"interbus_publish notify {call}{more}; declare -F _interbus_say || :", env=env)
            draft, payload = shop.file()
            drafts.append(({key: value for key, value in draft.items() if value not in ("", ["x"])}, payload))
        assert drafts[0] == drafts[1]


# Loading -------------------------------------------------------------------------------------------------------------


def test_a_copy_that_was_cut_off_publishes_nothing_by_halves(shop: Shop, tmp_path: Path) -> None:
    """Cut in its first half, there is nothing of it; in its second, what is plain is published, and the rest said."""
    text = LIBRARY.read_bytes()
    cut, half = tmp_path / "cut.sh", text.index(b"\nfi\n\n# The second half")
    shop.say("interbus_publish notify")
    for size in range(text.index(b"\nif [[ ${_bus_half") + 1, len(text) - 4, len(text) // 40):
        cut.write_bytes(text[:size])
        if size <= half + 3:
            script = f"source '{cut}' 2>/dev/null; compgen -A function; compgen -v _inter"
            assert subprocess.run([BASH, "-c", script], capture_output=True, check=False).stdout == b"", size
        else:
            ran = shop.run(f"{PUBLISH}; {HARD}", library=cut)
            assert (ran.code, ran.err) == (0, f"interbus: {cut} was replaced; source it again; nothing was done\n"), (
                size
            )
            assert len(shop.files()) > 1


def test_a_copy_that_was_replaced_is_not_mixed(shop: Shop, tmp_path: Path) -> None:
    """The second half of another version is not taken for ours; the hook goes on without it."""
    copy = tmp_path / "copy.sh"
    env = {"PATH": f"{shop.hook.environ['PATH']}:/usr/bin:/bin"}
    shop.say("interbus_publish notify")
    for change in (f"sed -i 's/1[.]0[.]0/1.0.1/' '{copy}'", f"rm '{copy}'", f"rm '{copy}'; mkdir '{copy}'"):
        copy.write_bytes(LIBRARY.read_bytes())
        ran = shop.run(f"{change}; {PUBLISH}; {HARD}; echo alive", library=copy, env=env)
        assert (ran.code, ran.out) == (0, "alive\n")
        assert ran.err == f"interbus: {copy} was replaced; source it again; nothing was done\n"
    assert len(shop.files()) == 4


def test_a_relative_name_stays_good(shop: Shop) -> None:
    """Sourced by a relative name, the second half is found after the hook has gone elsewhere."""
    (shop.hook.project / "copy.sh").write_bytes(LIBRARY.read_bytes())
    shop.say(f"cd /; {HARD}", library=Path("copy.sh"))
    assert len(shop.files()) == 1


def test_loading_twice_loads_once(shop: Shop) -> None:
    """Ids go on ascending, and what only came with the environment does not count."""
    again = f"{CLOCK}1.0; interbus_publish notify; a=$INTERBUS_EVENT_ID; source '{LIBRARY}'; interbus_publish notify"
    env = {"_interbus_last": "1", "_bus_half": "", "INTERBUS_EVENT_ID": "old"}
    assert shop.say(f'{again}; [[ $INTERBUS_EVENT_ID > $a && ! $a < "" ]]; echo yes', env=env) == "yes\n"
    assert len(shop.files()) == 2


def test_an_older_bash_says_so_and_goes_on(shop: Shop, tmp_path: Path) -> None:
    """Every function is there and says what it needs; sourcing it fails no hook."""
    copy = tmp_path / "copy.sh"
    copy.write_text(LIBRARY.read_text().replace("< 404))", "< 9904))"))
    for call in ("interbus_publish notify", "interbus_emit notify", "interbus_replay", "interbus_consume"):
        ran = shop.run(f"{call}; echo alive", library=copy)
        assert (ran.code, ran.out) == (0, "alive\n")
        assert ran.err == "interbus: needs bash 4.4 or later; nothing was done\n"
    assert shop.run("interbus_publish notify || echo told", library=copy, env={"INTERBUS_STRICT": "1"}).out == "told\n"
    done = subprocess.run([BASH, copy, "publish", "notify"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "", 1)


def test_it_can_be_run(shop: Shop) -> None:
    """As a program of its own, with the same arguments, exit codes and silence."""

    def run(*arguments: str, **env: str) -> Ran:
        done = subprocess.run(
            [BASH, str(LIBRARY), *arguments],
            env={**shop.hook.environ, **env},
            cwd=shop.hook.project,
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr, 0)

    assert run("publish", "notify", "--severity", "warn") == run("emit", "notify", "{}") == (0, "", "", 0)
    assert [draft.get("severity") for draft, _ in shop.files()] == ["warn", None]
    for wrong in ((), ("",), ("Publish",), ("--help",)):
        ran = run(*wrong)
        assert ran.code == 0
        assert re.fullmatch("interbus: .* expected publish, emit, subscribe, consume or replay\n", ran.err)
        assert run(*wrong, INTERBUS_STRICT="1").code == 1
    assert run("publish", INTERBUS_STRICT="1").code == 1
    shop.hook.program("interbus", "exit 7")
    assert run("replay", "--last", "2").code == 7
    assert shop.hook.calls() == [["interbus", "replay", "--last", "2"]]


# The command line ----------------------------------------------------------------------------------------------------

COMMANDS = ("subscribe", "consume", "replay")


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("dot", ["_", "."])
def test_the_others_are_commands_of_interbus(shop: Shop, name: str, dot: str) -> None:
    """With every argument as it is, with standard input and output, and with its exit code."""
    shop.hook.program("interbus", 'IFS= read -r line; echo "$line"; exit 1')
    script = f"interbus{dot}{name} 'a b' '' --x='*' || echo code $?"
    assert shop.say(script, stdin=b"given\n") == "given\ncode 1\n"
    assert shop.hook.calls_file.read_text() == f"interbus\n{name}\na b\n\n--x=*\n\n"


@pytest.mark.parametrize("path", ["", ".:", "bin", None])
def test_a_program_that_is_missing_is_said(shop: Shop, path: str | None) -> None:
    """69, what is required is missing; one that only a relative entry of PATH leads to is not run."""
    shop.hook.program("interbus")
    ran = shop.run("interbus_replay || echo code $?", env={"PATH": path}, cwd=shop.hook.bin)
    assert (ran.out, ran.err) == ("code 69\n", "interbus: the program 'interbus' is not on PATH; install interhost\n")
    assert shop.hook.calls() == []


def test_dotted_names_are_left_out_in_posix_mode(shop: Shop) -> None:
    """There they would end the shell; the others are the same."""
    dotted = "compgen -A function | { grep -F . || :; }"
    env = {"PATH": os.environ["PATH"]}
    names = [f"interbus.{one}" for one in ("publish", "emit", *COMMANDS)]
    assert sorted(shop.say(dotted, env=env).split()) == sorted(names)
    assert shop.say(f"{dotted}; interbus_publish notify", options="-eu -o posix", env=env) == ""
    shop.say("interbus.publish notify --severity warn; set -o posix; interbus.publish notify")
    assert len(shop.files()) == 3


READERS = (
    "interbus replay",
    "interbus subscribe notify --module someone",
    "interbus consume --module someone",
    "interbus trace $INTERBUS_EVENT_ID",
    "interhost redrive $INTERBUS_EVENT_ID --consumer someone",
    "interhost report",
    "interhost run --once",
    "interhost run --drain",
)


@pytest.mark.parametrize("reader", READERS)
def test_whoever_reads_the_bus_takes_in_what_a_shell_published(shop: Shop, reader: str) -> None:
    """What a hook said a moment ago is in the log, whichever command comes next, and whether that finds anything."""
    programs = str(Path(sys.executable).parent)
    shop.say(
        f'interbus_publish notify --payload \'{{"text": "hi"}}\' --context iv-1; PATH={shlex.quote(programs)}\n'
        f"{reader} >/dev/null 2>&1 || [[ $? == 1 ]]"
    )
    assert os.listdir(shop.new) == []
    with Bus(shop.root) as bus:
        (stored,) = bus.log.read(Query(), 10)
    assert (stored.envelope.intent, stored.envelope.payload) == ("notify@1.0", '{"text": "hi"}')


def test_the_function_prints_what_the_command_finds(shop: Shop) -> None:
    """``interbus_replay`` shows the event that was published a line before."""
    env = {"PATH": str(Path(sys.executable).parent)}
    out = shop.say(
        'interbus_publish notify --payload \'{"text": "hi"}\' --context iv-1; interbus_replay --json', env=env
    )
    (record,) = map(json.loads, out.splitlines())
    assert (record["intent"], record["context_id"], record["payload"]) == ("notify@1.0", "iv-1", {"text": "hi"})
