"""Reading sideband files."""

from __future__ import annotations

import errno
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from interhost.errors import InputError, StateError
from interhost.interband.protocol import FIELDS, ProtocolError, check_envelope, check_payload, decode
from interhost.interband.store import read_file

SKEW_SECONDS = 60.0
"""A file that is this much from the future is not taken for fresh."""


class Envelope(NamedTuple):
    """What a sideband file holds.

    Attributes:
        version: Begins with ``1.``.
        namespace: Who writes it; empty when the file does not say so.
        type: What the payload is; likewise.
        session_id: Whose; likewise.
        timestamp: When it was written, as it stands there: text of RFC 3339, or of some writers a number.
        payload: The payload.
        extra: Every other field.
    """

    version: str
    namespace: str
    type: str
    session_id: str
    timestamp: str | int | float | None
    payload: Mapping[str, Any]
    extra: Mapping[str, Any]

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Envelope:
        """The view of a document that keeps the protocol."""
        moment = document.get("timestamp")
        return cls(
            version=document["version"],
            namespace=_text(document.get("namespace")),
            type=_text(document.get("type")),
            session_id=_text(document.get("session_id")),
            timestamp=moment if isinstance(moment, str | int | float) and not isinstance(moment, bool) else None,
            payload=document["payload"],
            extra={key: value for key, value in document.items() if key not in FIELDS},
        )

    def document(self) -> dict[str, Any]:
        """The JSON object, its fields in the order of the specification."""
        fields = {field: getattr(self, field) for field in FIELDS}
        return {**fields, **self.extra}


class Found(NamedTuple):
    """A sideband that was read.

    Attributes:
        path: The file.
        envelope: What it holds.
        age: Seconds since its last change.
        legacy: It is a file from before interband.
    """

    path: Path
    envelope: Envelope
    age: float
    legacy: bool = False

    def is_fresh(self, seconds: float) -> bool:
        """Whether it is at most so old, and not from the future either."""
        return -SKEW_SECONDS <= self.age <= seconds


def read_sideband(path: Path, *, check: bool = False, now: float | None = None) -> Found | None:
    """Read one file by one ``open``.

    Args:
        path: The file.
        check: Hold a known payload against its rules, too; every phase that is not blank is accepted.
        now: Unix time.

    Returns:
        What was found; ``None`` when there is no such file.

    Raises:
        InputError: It is no envelope of version 1, or its payload breaks a rule; says which.
        StateError: It cannot be read.
    """
    try:
        data, changed = read_file(str(path))
        envelope = Envelope.from_document(_checked(data, check=check))
    except ProtocolError as error:
        raise InputError(f"{path}: {error}") from None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable(path, error) from None
    return Found(path, envelope, (time.time() if now is None else now) - changed)


def unreadable(path: Path, error: OSError) -> InputError | StateError:
    """What to raise for a file that cannot be opened."""
    if error.errno == errno.ENAMETOOLONG:
        return InputError(f"{path.name}: longer than a file name can be")
    return StateError(f"{path}: {error.strerror}", str(path))


def _checked(data: bytes, *, check: bool) -> dict[str, Any]:
    document = decode(data)
    check_envelope(document)
    if check:
        kind = (_text(document.get("namespace")), _text(document.get("type")))
        check_payload(*kind, document["payload"], any_phase=True)
    return document


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
