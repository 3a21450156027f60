"""Put a fact on the bus.

The payload is checked against the intent's class and stored as you wrote it. When the command returns, the fact
survives a crash. Adapters receive it from the next host that runs: 'interhost run'.

  interbus publish artifact_ready --artifact docs/plans/p.md --payload '{"kind": "plan"}'
  interbus publish review_pass --context iv-abc1 --payload @review.json
  echo '{"text": "done"}' | interbus publish notify --payload -
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from interhost.bus.bus import Published
from interhost.bus.compose import compose
from interhost.bus.envelope import SEVERITIES, Envelope
from interhost.bus.project import git_root
from interhost.bus.resolve import resolve_context, session_of
from interhost.bus.state import state_root
from interhost.cli.opening import open_bus, read_config, working_directory
from interhost.cli.output import add_format_options, note, print_json, printable, wants_table
from interhost.cli.times import read_time
from interhost.errors import BusyError, InputError
from interhost.host.config import Config
from interhost.host.consumers import sync_consumers
from interhost.host.registry import AdapterEntry, list_adapters

# A publisher has somewhere else to go: the spool.
_DEADLINE = 0.5
PRODUCER_VARIABLE = "INTERBUS_PRODUCER"


class Given(NamedTuple):
    """A fact in the words of whoever publishes it.

    Attributes:
        intent: Name, with or without version.
        payload: Text of a JSON object.
        artifact: The file it is about, from the working directory.
        context: What it is about; found out when left out.
        severity: ``info``, ``warn`` or ``error``.
        source_hook: What was seen.
        consumers: Adapters it is addressed to.
        dedupe_key: Natural key.
        session: Session it happened in.
        occurred_at: When; now when left out.
        allow_unknown: Accept intents that the catalogue does not have.
    """

    intent: str
    payload: str
    artifact: str | None = None
    context: str | None = None
    severity: str = "info"
    source_hook: str | None = None
    consumers: Sequence[str] = ()
    dedupe_key: str | None = None
    session: str | None = None
    occurred_at: datetime | None = None
    allow_unknown: bool = False


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("intent", help="name, or name@major.minor; see 'interbus catalog'")
    parser.add_argument("--payload", default="{}", metavar="JSON|@FILE|-", help="JSON object (default: {})")
    parser.add_argument("--artifact", metavar="PATH", help="file the fact is about")
    parser.add_argument("--context", metavar="ID", help="bead, or project:NAME (default: found out)")
    parser.add_argument("--severity", default="info", choices=SEVERITIES)
    parser.add_argument("--source-hook", metavar="TEXT", help="what was seen, such as PostToolUse:Write")
    parser.add_argument(
        "--consumer", action="append", default=[], metavar="ADAPTER", help="only for this adapter; repeatable"
    )
    parser.add_argument("--dedupe-key", metavar="KEY", help="natural key; a known one is not stored again")
    parser.add_argument("--session", metavar="ID", help="agent session (default: from the environment)")
    parser.add_argument("--occurred-at", metavar="TIME", type=read_time, help="RFC 3339 (default: now)")
    parser.add_argument("--allow-unknown", action="store_true", help="store an intent that the catalogue lacks")
    add_format_options(parser)


def run(args: argparse.Namespace) -> int:
    """Publish."""
    config = find_config(note)
    given = Given(
        intent=args.intent,
        payload=_payload(args.payload, config),
        artifact=args.artifact,
        context=args.context,
        severity=args.severity,
        source_hook=args.source_hook,
        consumers=args.consumer,
        dedupe_key=args.dedupe_key,
        session=args.session or session_of(os.environ),
        occurred_at=args.occurred_at,
        allow_unknown=args.allow_unknown,
    )
    record = publish_given(given, config, note)
    if not wants_table(args):
        print_json(record)
        return 0
    spooled = "spooled" in record
    done = "spooled" if spooled else "known already as" if record["duplicate"] else "published"
    print(printable(f"{done} {record['event_id']}  {record['intent']}  {record['context_id']}"))
    if not spooled:
        note(f"  interbus trace {record['event_id']}")
    return 0


def find_config(say: Callable[[str], None]) -> Config:
    """The configuration; a mistake in it must not cost a fact, and is only said."""
    try:
        return read_config()
    except InputError as error:
        say(f"{error}; published with the defaults")
        return Config(os.devnull)


def publish_given(given: Given, config: Config, say: Callable[[str], None]) -> dict[str, object]:
    """Publish a fact from outside: what its giver left out is found out, and what is probably a slip is said.

    Args:
        given: The fact.
        config: The user's configuration.
        say: Takes each line for whoever publishes.

    Returns:
        What became of it: ``event_id``, ``seq``, ``duplicate``, ``intent``, ``context_id``; and ``spooled`` when the
        log could not be had in time, and the fact waits in the spool.

    Raises:
        InputError: Any part is not valid.
        StateError: The state directory, the log or the working directory cannot be used.
        BusyError: The log cannot be had, and the spool not either.
    """
    adapters = list_adapters()
    here = working_directory()
    project = git_root(here)
    artifact = Path(os.path.normpath(here / given.artifact)) if given.artifact else None
    envelope = compose(
        intent=given.intent,
        payload=given.payload,
        context_id=given.context
        or resolve_context(
            artifact=artifact, project=project or here, session_id=given.session, environ=os.environ, home=Path.home()
        ),
        producer=_producer(adapters, say),
        door="cli",
        artifact_path=str(artifact) if artifact else None,
        severity=given.severity,
        consumers=given.consumers,
        source_hook=given.source_hook,
        occurred_at=given.occurred_at,
        project_dir=project or here,
        session_id=given.session,
        dedupe_key=given.dedupe_key,
        allow_unknown=given.allow_unknown,
        limit=config.payload_bytes,
    )
    _warn(given, adapters, artifact, say)
    about = {"intent": envelope.intent, "context_id": envelope.context_id}
    try:
        return {**_store(config, adapters, project, envelope)._asdict(), **about}
    except BusyError as error:
        _spool(envelope, error, say)
        return {"event_id": envelope.event_id, "seq": None, "duplicate": False, "spooled": True, **about}


def _payload(given: str, config: Config) -> str:
    """The payload's text: as given, from a file, or from standard input."""
    limit = config.payload_bytes
    if given == "-":
        if sys.stdin is None:
            raise InputError("--payload -: standard input is closed")
        source, data = "standard input", sys.stdin.buffer.read(limit + 1)
    elif given.startswith("@"):
        source = given[1:]
        try:
            with open(source, "rb") as file:
                data = file.read(limit + 1)
        except OSError as error:
            raise InputError(f"--payload {given}: {error.strerror}") from None
    else:
        source, data = "--payload", os.fsencode(given)
    if len(data) > limit:  # before anything else: what was read ends in the middle of it
        raise InputError(
            f"payload from {source}: more than {limit:,} bytes, which is the limit",
            hint=f"publish a file's path with --artifact instead, or raise limits.payload_bytes in {config.path}",
        )
    if not data.strip():
        raise InputError(f"payload from {source}: empty, expected a JSON object", hint="""such as '{"kind": "plan"}'""")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"payload from {source}: not valid UTF-8 at byte {error.start}") from None


def _producer(adapters: list[AdapterEntry], say: Callable[[str], None]) -> str:
    """Who publishes. The variable is a claim, and only an installed adapter's name is believed (design section 4)."""
    claim = os.environ.get(PRODUCER_VARIABLE)
    if claim is None:
        return "cli"
    if any(entry.name == claim for entry in adapters):
        return claim
    say(f"{PRODUCER_VARIABLE}={claim}: no such adapter is installed; published as 'cli'")
    return "cli"


def _warn(given: Given, adapters: list[AdapterEntry], artifact: Path | None, say: Callable[[str], None]) -> None:
    """Say what is probably a slip, and publish all the same."""
    installed = {entry.name for entry in adapters}
    for consumer in given.consumers:
        if consumer not in installed:
            say(f"consumer {consumer}: no such adapter is installed; it would receive this if it ever is")
    if artifact is not None and not artifact.exists():
        say(f"artifact {artifact}: does not exist")


def _store(config: Config, adapters: list[AdapterEntry], project: Path | None, envelope: Envelope) -> Published:
    """Store the fact, and remember its project for whoever looks there for files."""
    with open_bus(_DEADLINE) as bus:
        sync_consumers(bus, adapters, config)
        if project is not None:
            bus.store.see_project(project)
        return bus.publish(envelope)


def _spool(envelope: Envelope, why: BusyError, say: Callable[[str], None]) -> None:
    """The log cannot be had in time: leave the fact where whoever opens it next will find it."""
    from interhost.bus.spool import spool_envelope

    try:
        path = spool_envelope(state_root(os.environ), envelope)
    except OSError:
        raise why from None
    say(f"{why}; left in {path.parent}, the next command that reads the bus takes it from there")
