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
from pathlib import Path

from interhost.bus.bus import Published
from interhost.bus.compose import compose
from interhost.bus.envelope import SEVERITIES, Envelope
from interhost.bus.project import git_root
from interhost.bus.resolve import resolve_context, session_of
from interhost.bus.spool import spool_envelope
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
    config, adapters = _config(), list_adapters()
    here = working_directory()
    project = git_root(here)
    artifact = Path(os.path.normpath(here / args.artifact)) if args.artifact else None
    session = args.session or session_of(os.environ)
    envelope = compose(
        intent=args.intent,
        payload=_payload(args.payload, config),
        context_id=args.context
        or resolve_context(
            artifact=artifact, project=project or here, session_id=session, environ=os.environ, home=Path.home()
        ),
        producer=_producer(adapters),
        door="cli",
        artifact_path=str(artifact) if artifact else None,
        severity=args.severity,
        consumers=args.consumer,
        source_hook=args.source_hook,
        occurred_at=args.occurred_at,
        project_dir=project or here,
        session_id=session,
        dedupe_key=args.dedupe_key,
        allow_unknown=args.allow_unknown,
        limit=config.payload_bytes,
    )
    _warn(args, adapters, artifact)
    try:
        published = _store(config, adapters, project, envelope)
    except BusyError as error:
        return _spool(args, envelope, error)
    record = {**published._asdict(), "intent": envelope.intent, "context_id": envelope.context_id}
    if wants_table(args):
        known = "known already as" if published.duplicate else "published"
        print(printable(f"{known} {published.event_id}  {envelope.intent}  {envelope.context_id}"))
        note(f"  interbus trace {published.event_id}")
    else:
        print_json(record)
    return 0


def _config() -> Config:
    """The configuration; a mistake in it must not cost a fact."""
    try:
        return read_config()
    except InputError as error:
        note(f"{error}; published with the defaults")
        return Config(Path(os.devnull))


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


def _producer(adapters: list[AdapterEntry]) -> str:
    """Who publishes. The variable is a claim, and only an installed adapter's name is believed (design section 4)."""
    claim = os.environ.get(PRODUCER_VARIABLE)
    if claim is None:
        return "cli"
    if any(entry.name == claim for entry in adapters):
        return claim
    note(f"{PRODUCER_VARIABLE}={claim}: no such adapter is installed; published as 'cli'")
    return "cli"


def _warn(args: argparse.Namespace, adapters: list[AdapterEntry], artifact: Path | None) -> None:
    """Say what is probably a slip, and publish all the same."""
    installed = {entry.name for entry in adapters}
    for consumer in args.consumer:
        if consumer not in installed:
            note(f"--consumer {consumer}: no such adapter is installed; it would receive this if it ever is")
    if artifact is not None and not artifact.exists():
        note(f"--artifact {artifact}: does not exist")


def _store(config: Config, adapters: list[AdapterEntry], project: Path | None, envelope: Envelope) -> Published:
    """Store the fact, and remember its project for whoever looks there for files."""
    with open_bus(_DEADLINE) as bus:
        sync_consumers(bus, adapters, config)
        if project is not None:
            bus.store.see_project(project)
        return bus.publish(envelope)


def _spool(args: argparse.Namespace, envelope: Envelope, why: BusyError) -> int:
    """The log cannot be had in time: leave the fact where whoever opens it next will find it."""
    try:
        path = spool_envelope(state_root(os.environ), envelope)
    except OSError:
        raise why from None
    note(f"{why}; left in {path.parent}, the next command that reads the bus takes it from there")
    record = {"event_id": envelope.event_id, "seq": None, "duplicate": False, "spooled": True}
    if wants_table(args):
        print(printable(f"spooled {envelope.event_id}  {envelope.intent}  {envelope.context_id}"))
    else:
        print_json({**record, "intent": envelope.intent, "context_id": envelope.context_id})
    return 0
