"""Show what became of one fact: who was offered it, what each did, and what was published in reaction.

interbus trace 01K9ZQ3V9T6J1W0E4T5N8R2X7C
"""

from __future__ import annotations

import argparse

from interhost.bus.envelope import one_line
from interhost.bus.ids import is_id
from interhost.bus.trace import DeliveryTrace, TraceNode, trace_event
from interhost.cli.opening import open_drained
from interhost.cli.output import add_format_options, iso_time, note, print_json, printable, show_time, wants_table
from interhost.errors import InputError

_PAYLOAD_LENGTH = 160


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("event_id", help="the event's id, as publish and replay print it")
    add_format_options(parser)


def run(args: argparse.Namespace) -> int:
    """Trace; 1 when the log does not have the event."""
    event_id = args.event_id.upper()
    if not is_id(event_id):
        raise InputError(f"event id {args.event_id!r}: expected a ULID, 26 letters and digits")
    with open_drained() as bus:
        node = trace_event(bus, event_id)
    if node is None:
        note(f"event {event_id} is not in the log; 'interbus replay --last 20' shows the newest")
        return 1
    if wants_table(args):
        print("\n".join(render(node)))
    else:
        print_json(to_record(node))
    return 0


def render(node: TraceNode, indent: str = "") -> list[str]:
    """The tree as lines for people."""
    envelope = node.stored.envelope
    lines = [
        f"{envelope.intent}  {envelope.context_id}  from {envelope.producer}  {show_time(node.stored.ts)}",
        f"  {envelope.event_id}  {one_line(_short(envelope.payload))}",
    ]
    if envelope.artifact_path:
        lines.append(f"  {envelope.artifact_path}")
    lines = [indent + printable(line) for line in lines]
    if not node.deliveries:
        lines.append(f"{indent}  nobody here consumes it")
    for delivery in node.deliveries:
        lines += [indent + printable(line) for line in _delivery(delivery)]
    for reaction in node.reactions:
        lines.append(f"{indent}  └─ which led to")
        lines += render(reaction, indent + "     ")
    return lines


def _short(text: str) -> str:
    """Enough of a payload to know it again; 'interbus replay' prints all of it."""
    return text if len(text) <= _PAYLOAD_LENGTH else text[:_PAYLOAD_LENGTH] + "…"


def _delivery(delivery: DeliveryTrace) -> list[str]:
    reason = f": {delivery.reason}" if delivery.reason else ""
    lines = [f"  → {delivery.consumer}  {delivery.state}{reason}"]
    if delivery.due is not None:
        lines.append(f"      next {'at the latest ' if delivery.state == 'running' else ''}{show_time(delivery.due)}")
    if len(delivery.attempts) > 1:
        lines += [f"      {show_time(one.started)}  {one.outcome}: {one.reason}" for one in delivery.attempts]
    return lines


def to_record(node: TraceNode) -> dict[str, object]:
    """The tree as JSON."""
    envelope = node.stored.envelope
    return {
        "event_id": envelope.event_id,
        "seq": node.stored.seq,
        "stored_at": iso_time(node.stored.ts),
        "intent": envelope.intent,
        "context_id": envelope.context_id,
        "producer": envelope.producer,
        "deliveries": [
            {
                "consumer": delivery.consumer,
                "state": delivery.state,
                "reason": delivery.reason,
                "due": iso_time(delivery.due) if delivery.due is not None else None,
                "attempts": [
                    {
                        "n": one.n,
                        "started": iso_time(one.started),
                        "ended": iso_time(one.ended),
                        "outcome": one.outcome,
                        "reason": one.reason,
                    }
                    for one in delivery.attempts
                ],
            }
            for delivery in node.deliveries
        ],
        "reactions": [to_record(reaction) for reaction in node.reactions],
    }
