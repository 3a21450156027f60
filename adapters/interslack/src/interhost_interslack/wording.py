"""What a message says: one line about the fact, and those keys of its payload that are meant for people.

A message is plain text. Whatever came from elsewhere loses control sequences and secrets, in this order (a secret may
be interrupted by something invisible), and then the three characters that mean something to Slack.

Source: ``reference/modules/interslack.md`` sections 6.1 and 6.4.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from interhost_hookspecs import Intent, Notify, Severity
from interhost_hookspecs.files import short_name
from interhost_hookspecs.reading import encodable, one_line

LENGTH = 3000
"""Most characters of a message, escapes included."""

REDACTED = "[redacted]"

KEYS: Mapping[str, Sequence[str]] = {
    "notify": ("link",),
    "release_status": ("module", "version", "previous_version", "state", "stated_state", "dry_run", "reason"),
    "review_pass": ("mode", "verdict", "stated_verdict", "counts"),
    "health_signal": ("signal", "level", "value", "unit", "detail"),
    "gate_result": ("target", "outcome", "reason"),
    "drift_detected": ("kind", "signal", "detail"),
    "coordination": ("resource", "resource_id", "action", "reason"),
}
"""What is said of each fact; everything else of a payload stays here."""

_SEQUENCE = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?")
_SECRETS: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"xox[a-z](?:\.xox[a-z])?-\S+|xapp-\S+", re.IGNORECASE), REDACTED),
    (re.compile(r"https?://hooks\.slack\.com/\S+", re.IGNORECASE), REDACTED),
    (re.compile(r"\b(?:gh[a-z]_|github_pat_|glpat-|sk-)[\w-]{16,}|\bAKIA[0-9A-Z]{16}\b"), REDACTED),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), REDACTED),
    (re.compile(r"(\bBearer\s+)\S+", re.IGNORECASE), rf"\1{REDACTED}"),
    (re.compile(r"(://[^\s/:@]*:)[^\s/@]+(?=@)"), rf"\1{REDACTED}"),
    (
        re.compile(
            r"(\b[\w-]{0,30}(?:password|passwd|secret|token|api[_-]?key)[\"']?\s*[=:]\s*)(?!\[)\S+", re.IGNORECASE
        ),
        rf"\1{REDACTED}",
    ),
)
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))
_CUT_ESCAPE = re.compile(r"&[a-z]{0,3}$")


def compose_message(intent: Intent[object]) -> str:
    """The text for Slack: at most ``LENGTH`` characters, without anything that is not for everybody's eyes."""
    text = escape(clean("\n".join(_lines(intent))))
    return text if len(text) <= LENGTH else _CUT_ESCAPE.sub("", text[: LENGTH - 1]) + "…"


def clean(text: str) -> str:
    """A text without terminal sequences, control and format characters, and without what looks like a secret."""
    text = _SEQUENCE.sub("", text.replace("\r\n", "\n").replace("\t", " "))
    text = "".join(letter for letter in text if letter == "\n" or unicodedata.category(letter) not in ("Cc", "Cf"))
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return encodable(text)


def clean_line(text: str) -> str:
    """The first line that says something, cleaned: of an error, for whoever reads a trace."""
    return next((line for one in clean(text).splitlines() if (line := one_line(one))), "")


def escape(text: str) -> str:
    """The text with the characters escaped that begin links, mentions and entities in Slack."""
    for letter, instead in _ESCAPES:
        text = text.replace(letter, instead)
    return text


def _lines(intent: Intent[object]) -> Iterator[str]:
    about = [intent.name, intent.context_id]
    if intent.artifact_path:
        about.append(short_name(intent.artifact_path, intent.project_dir))
    yield f"[{Severity(intent.severity)}] {' - '.join(filter(None, map(one_line, about)))}"
    if isinstance(intent.payload, Notify):
        yield from filter(None, (intent.payload.title, intent.payload.text))
    for key in KEYS.get(intent.name, ()):
        value = getattr(intent.payload, key, None)
        if isinstance(value, Mapping):
            value = ", ".join(f"{count} {name}" for name, count in sorted(value.items()))
        if value is not None and (line := one_line(str(value))):
            yield f"{key}: {line}"
