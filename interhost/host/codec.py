"""Payload classes to JSON text and back: the one place where cattrs is used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from interhost_hookspecs import CATALOGUE, Intent, Payload, Severity
from interhost_hookspecs.schema import json_key

from interhost.bus.envelope import Envelope


def payload_text(payload: Payload | Mapping[str, object]) -> str:
    """JSON text of a payload; keys that were left at their default are left out."""
    value = payload if isinstance(payload, Mapping) else _converter().unstructure(payload)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def payload_class(intent: str) -> type[Payload] | None:
    """The class that describes an intent, given with its version; ``None`` for another major and for modules' own."""
    name, _, version = intent.partition("@")
    cls = CATALOGUE.get(name)
    major = cls.INTENT.partition("@")[2].partition(".")[0] if cls else ""
    return cls if major == version.partition(".")[0] else None


def view(envelope: Envelope) -> Intent[Any]:
    """An envelope as its consumer sees it.

    Raises:
        cattrs.BaseValidationError: The payload does not fit its class. What was published through the host does.
    """
    name, _, version = envelope.intent.partition("@")
    value = json.loads(envelope.payload)
    cls = payload_class(envelope.intent)
    project, occurred = envelope.extensions.get("project_dir"), envelope.extensions.get("occurred_at")
    return Intent(
        event_id=envelope.event_id,
        name=name,
        version=version,
        context_id=envelope.context_id,
        payload=_converter().structure(value, cls) if cls else value,
        payload_text=envelope.payload,
        severity=Severity(envelope.severity),
        producer=envelope.producer,
        artifact_path=Path(envelope.artifact_path) if envelope.artifact_path else None,
        consumers=envelope.consumers,
        source_hook=envelope.source_hook,
        occurred_at=datetime.fromisoformat(occurred) if isinstance(occurred, str) else datetime.now(UTC),
        project_dir=Path(project) if isinstance(project, str) else None,
        extensions=envelope.extensions,
    )


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=True)

    def names(cls: type) -> dict[str, Any]:
        return {field.name: override(rename=json_key(field)) for field in attrs.fields(cls)}

    converter.register_structure_hook_factory(
        attrs.has, lambda cls: make_dict_structure_fn(cls, converter, **names(cls))
    )
    converter.register_unstructure_hook_factory(
        attrs.has, lambda cls: make_dict_unstructure_fn(cls, converter, _cattrs_omit_if_default=True, **names(cls))
    )
    converter.register_structure_hook_func(lambda hint: hint is object, lambda value, _: value)
    return converter
