"""What a hook wants done. Each ends within ten seconds and never raises; what failed is said on standard error.

Where the program is missing, nothing happens and nothing is said. Source: interface specification, domain 2; design
section 10, decision 5.
"""

import os
import time

from interhost.interbase.guards import has_run
from interhost.interbase.programs import ACTION_SECONDS, find_program, run_program
from interhost.interbase.terminal import say

_USAGE = 3
"""What ``ic`` ends with when it does not know the arguments."""
_NOT_STARTED = 126
"""As a shell has it."""
_JOINED = ("phase", "payload")
"""Arguments that are given behind a ``=``, and so may begin with a dash."""


def phase_set(bead: str, phase: str, reason: str = "") -> None:
    """Set the phase of a bead: ``bd set-state BEAD phase=PHASE``.

    Args:
        bead: The bead. Without one, or without a phase, nothing happens.
        phase: Its new phase.
        reason: Reserved by the specification, and not used.
    """
    bd = find_program("bd")
    if bd and _are_words("phase_set", bead=bead, phase=phase):
        until = time.monotonic() + ACTION_SECONDS
        _tell("bd set-state", *_run([bd, "set-state", bead, f"phase={phase}"], until))


def emit_event(run_id: str, event_type: str, payload: str = "{}") -> None:
    """Put an event on the kernel's log: ``ic events emit RUN TYPE --payload=JSON``.

    No released ``ic`` takes that form. Where it is refused as a usage error, the event is recorded with ``ic events
    record`` as one of the agency ``interbase``. Source: reference/cli-contracts.md section 1.9.

    Args:
        run_id: The run. Without one, or without a type, nothing happens.
        event_type: What happened.
        payload: JSON. What is no object is recorded as ``{"value": TEXT}``.
    """
    ic = find_program("ic")
    payload = payload or "{}"
    if ic and _are_words("emit_event", run_id=run_id, event_type=event_type, payload=payload):
        until = time.monotonic() + ACTION_SECONDS
        ended = _run([ic, "events", "emit", run_id, event_type, f"--payload={payload}"], until)
        if ended[0] == _USAGE:
            ended = _run([ic, "events", "record", *_record(run_id, event_type, payload)], until)
        _tell("ic events", *ended)


def session_status() -> str:
    """One line about the ecosystem: ``[interverse] beads=… | ic=…``. It is not printed."""
    ic = find_program("ic")
    kernel = "not-detected" if ic is None else "active" if has_run(ic) else "not-initialized"
    return f"[interverse] beads={'active' if find_program('bd') else 'not-detected'} | ic={kernel}"


def _record(run_id: str, event_type: str, payload: str) -> list[str]:
    import json

    # The kernel takes an object only. One is handed on as its author wrote it: read and written again, a number may
    # become another one. Anything else goes in as the text it is.
    context = payload if _is_object(payload) else f'{{"value":{json.dumps(payload)}}}'
    head = json.dumps({"agency_name": "interbase", "cycle_id": run_id, "stage": event_type}, separators=(",", ":"))
    return [
        "--source=agency",
        f"--type={event_type}",
        f"--run={run_id}",
        f"--idempotency-key=interbase-{os.getpid()}-{time.time_ns()}",
        f'--payload={head[:-1]},"context":{context}}}',
    ]


def _is_object(text: str) -> bool:
    """Whether a text is one JSON object, strictly: the kernel takes no ``NaN``."""
    import json

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        return isinstance(json.loads(text, parse_constant=refuse), dict)
    except (ValueError, RecursionError):
        return False


def _are_words(action: str, **arguments: object) -> bool:
    """Whether a program can be given all of these; says which one it cannot, unless it is just missing."""
    for name, value in arguments.items():
        if value is None or value == "":
            return False
        if not isinstance(value, str):
            say(f"[interbase] {action}: {name}: expected text, got {type(value).__name__}; nothing was done")
            return False
        is_option = value.startswith("-") and name not in _JOINED
        if is_option or "\0" in value or not _is_encodable(value):
            say(f"[interbase] {action}: {name}: no program can be given {value!r:.80}; nothing was done")
            return False
    return True


def _is_encodable(value: str) -> bool:
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return True


def _run(argv: list[str], until: float) -> tuple[int | None, str]:
    try:
        return run_program(argv, until, keep_errors=True)
    except (OSError, ValueError) as error:
        return _NOT_STARTED, str(getattr(error, "strerror", None) or error)


def _tell(what: str, code: int | None, errors: str) -> None:
    if code is None:
        say(f"[interbase] {what}: no answer within {ACTION_SECONDS:g} s")
    elif code:
        code = code if code > 0 else 128 - code  # ended by a signal, as a shell puts it
        lines = [line for line in errors.splitlines() if line.strip()]
        say(f"[interbase] {what} failed with exit code {code}{f': {lines[-1]}' if lines else ''}")  # the last says most
