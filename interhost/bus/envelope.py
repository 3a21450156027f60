"""The envelope: the record that carries one intent on the bus.

Nine fields and one open map, exactly as the specification has them. The payload is kept as the text its producer
wrote. Source: specification "Interbus", "Event envelope fields"; design section 4.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

INTENT = re.compile(
    r"(?P<name>[a-z][a-z0-9_]{0,63}(\.[a-z][a-z0-9_-]{0,63})?)"
    r"(@(?P<major>0|[1-9][0-9]{0,5})\.(?P<minor>0|[1-9][0-9]{0,5}))?"
)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that drive a terminal or turn the writing around, and halves of characters."""
SEVERITIES = ("info", "warn", "error")
MAX_DEPTH = 4


class Envelope(NamedTuple):
    """One intent on the bus.

    Attributes:
        event_id: ULID.
        intent: ``name@major.minor``.
        context_id: What the fact is about.
        artifact_path: Absolute path, or ``None``.
        severity: ``info``, ``warn`` or ``error``.
        producer: Adapter name, or ``shell``, or ``cli``.
        consumers: Adapters it is addressed to; empty means whoever consumes the intent.
        source_hook: What the producer saw.
        payload: Text of a JSON object, as the producer wrote it.
        extensions: The open map; always has ``occurred_at``, ``project_dir`` and ``door``.
    """

    event_id: str
    intent: str
    context_id: str
    artifact_path: str | None
    severity: str
    producer: str
    consumers: tuple[str, ...]
    source_hook: str | None
    payload: str
    extensions: Mapping[str, object]

    @property
    def name(self) -> str:
        """The intent's name without its version."""
        return self.intent.partition("@")[0]

    @property
    def major(self) -> str:
        """``name@major``: what a consumer subscribes to."""
        return self.intent.rpartition(".")[0]

    @property
    def caused_by(self) -> str | None:
        """Id of the event that this one is a reaction to."""
        cause = self.extensions.get("caused_by")
        return cause if isinstance(cause, str) else None

    @property
    def depth(self) -> int:
        """How many reactions lie between this event and an outside fact."""
        depth = self.extensions.get("depth", 0)
        return depth if isinstance(depth, int) else 0

    def to_json(self, **more: object) -> str:
        """One line of JSON, the payload in the producer's own words; ``more`` adds keys in front."""
        head = json.dumps(
            {
                **more,
                "event_id": self.event_id,
                "intent": self.intent,
                "context_id": self.context_id,
                "artifact_path": self.artifact_path,
                "severity": self.severity,
                "producer": self.producer,
                "consumers": self.consumers,
                "source_hook": self.source_hook,
                "extensions": self.extensions,
            },
            separators=(",", ":"),
        )
        return f'{head[:-1]},"payload":{one_line(self.payload)}}}'

    @classmethod
    def from_json(cls, text: str) -> Envelope:
        """What :meth:`to_json` wrote; its payload is the last key, so that its text can be taken as it is."""
        fields = json.loads(text)
        head = len(json.dumps({key: value for key, value in fields.items() if key != "payload"}, separators=(",", ":")))
        return cls(
            event_id=fields["event_id"],
            intent=fields["intent"],
            context_id=fields["context_id"],
            artifact_path=fields["artifact_path"],
            severity=fields["severity"],
            producer=fields["producer"],
            consumers=tuple(fields["consumers"]),
            source_hook=fields["source_hook"],
            payload=text[head - 1 + len(',"payload":') : -1],
            extensions=fields["extensions"],
        )

    def to_cloudevent(self) -> str:
        """The same as one line of CloudEvents 1.0 JSON (design section 4)."""
        head = json.dumps(
            {
                "specversion": "1.0",
                "id": self.event_id,
                "type": self.intent,
                "source": f"/interbus/{self.producer}",
                "subject": self.context_id,
                "time": self.extensions.get("occurred_at"),
                "datacontenttype": "application/json",
            },
            separators=(",", ":"),
        )
        data = json.dumps(
            {
                "artifact_path": self.artifact_path,
                "severity": self.severity,
                "consumers": self.consumers,
                "source_hook": self.source_hook,
                "extensions": self.extensions,
            },
            separators=(",", ":"),
        )
        return f'{head[:-1]},"data":{data[:-1]},"payload":{one_line(self.payload)}}}}}'


def one_line(text: str) -> str:
    """JSON text on one line. Its newlines can only stand between tokens: strings cannot hold a raw one."""
    return text.replace("\r", " ").replace("\n", " ") if "\n" in text or "\r" in text else text
