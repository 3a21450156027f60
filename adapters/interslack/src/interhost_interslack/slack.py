"""The transport: ``slackcli``, which posts under the user's own name and cannot take a message back.

It has no key by which it would notice a repetition, so a message is tried once. What may have been sent is never sent
again, and says so.

Source: ``reference/modules/interslack.md`` sections 6.2 and 6.4; ``_wave2-shared-ground.md`` section 0, fact 7.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from attrs import frozen
from interhost_hookspecs import AdapterContext, Completed
from interhost_hookspecs.reading import first_line, read_object

from interhost_interslack.wording import clean_line

PROGRAM = "slackcli"

SENT = re.compile(r"Message timestamp: (\d{5,12}\.\d{1,9})(?!\d)")
"""What ``slackcli`` says after a message was posted, if it was not asked for JSON."""

TIMESTAMP = re.compile(r"\d{5,12}\.\d{1,9}")
RECIPIENT = re.compile(r"[CDGUW][A-Z0-9]{2,20}")
WORKSPACE = re.compile(r"\w[\w .-]{0,79}")

_TIMEOUT = 30.0
_FILES_SINCE = (0, 11)
_NOT_SET_UP = re.compile(
    r"no workspace configured|auth login|workspace .*not found|not_authed|invalid_auth", re.IGNORECASE
)


@frozen(kw_only=True)
class Message:
    """One message with its address.

    Attributes:
        text: The text, as Slack is to get it.
        workspace: Name or id of the workspace: without it, ``slackcli`` would take its default one.
        recipient: Channel, conversation or user.
        thread: Timestamp of the message that it answers, if any.
    """

    text: str
    workspace: str
    recipient: str
    thread: str | None = None

    def argv(self, *more: str) -> list[str]:
        """The command that sends it: each value is a part of one word, so none can be taken for an option."""
        thread = [f"--thread-ts={self.thread}"] if self.thread else []
        place = [f"--workspace={self.workspace}", f"--recipient-id={self.recipient}"]
        return [PROGRAM, "messages", "send", *place, *thread, *(more or [f"--message={self.text}"])]


@frozen(kw_only=True)
class Answer:
    """What came of a message.

    Attributes:
        state: ``sent``, ``failed``, ``skipped`` (nobody is logged in) or ``unknown``.
        reason: Why it was not sent, in one line.
        ts: Slack's timestamp of it, which is its name there.
        channel: Where it stands.
        permalink: Link to it.
    """

    state: str
    reason: str = ""
    ts: str | None = None
    channel: str | None = None
    permalink: str | None = None


def send(message: Message, version: str, ctx: AdapterContext) -> Answer:
    """Send a message, once.

    Args:
        message: What and where to.
        version: What ``slackcli --version`` printed. Since 0.11 the text goes through a file, which no list of
            processes shows.
        ctx: Runs the command.
    """
    if _number(version) < _FILES_SINCE:
        return _read(ctx.run(message.argv(), timeout=_TIMEOUT))
    handle, name = tempfile.mkstemp(prefix="interslack-", suffix=".txt")  # for the user alone
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(message.text)
        return _read(ctx.run(message.argv(f"--message-file={name}", "--json"), timeout=_TIMEOUT))
    finally:
        Path(name).unlink(missing_ok=True)


def _read(answer: Completed) -> Answer:
    """What an answer proves. A command that was ended, by us or by a signal, may have posted before that."""
    told = read_object(answer.stdout)
    found = SENT.search(answer.stdout)
    stated = first_line(told, "ts") or (found[1] if found else "")
    ts = stated if TIMESTAMP.fullmatch(stated) else None
    if answer.ok or ts:
        return Answer(
            state="sent", ts=ts, channel=first_line(told, "channel_id"), permalink=first_line(told, "permalink")
        )
    if answer.missing:
        return Answer(state="skipped", reason=f"{PROGRAM} is not installed")
    if answer.returncode is None or answer.returncode < 0:
        return Answer(state="unknown", reason=clean_line(answer.problem) or f"{PROGRAM} was ended by a signal")
    reason = clean_line(answer.stderr or answer.stdout) or f"exit status {answer.returncode}"
    return Answer(state="skipped" if _NOT_SET_UP.search(reason) else "failed", reason=reason)


def _number(version: str) -> tuple[int, ...]:
    found = re.search(r"(\d{1,6})\.(\d{1,6})", version)
    return tuple(map(int, found.groups())) if found else ()
