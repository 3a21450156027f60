"""A refusal as an MCP tool reports it, and as ``interhost submit`` prints it."""

from __future__ import annotations

from collections.abc import Mapping

from interhost_hookspecs import SubmissionCode, SubmissionError

from interhost.interbase.toolerror import (
    ERR_CONFLICT,
    ERR_INTERNAL,
    ERR_NOT_FOUND,
    ERR_PERMISSION,
    ERR_TRANSIENT,
    ERR_VALIDATION,
    ToolError,
)

_TYPES: Mapping[SubmissionCode, str] = {
    SubmissionCode.NOT_FOUND: ERR_NOT_FOUND,
    SubmissionCode.GATE_BLOCKED: ERR_PERMISSION,
    SubmissionCode.BUDGET_EXCEEDED: ERR_PERMISSION,
    SubmissionCode.PAUSED: ERR_PERMISSION,
    SubmissionCode.CLAIM_CONFLICT: ERR_CONFLICT,
    SubmissionCode.PHASE_CONFLICT: ERR_CONFLICT,
    SubmissionCode.IN_DOUBT: ERR_CONFLICT,
    SubmissionCode.INVALID: ERR_VALIDATION,
    SubmissionCode.UNAVAILABLE: ERR_TRANSIENT,
    SubmissionCode.TIMEOUT: ERR_TRANSIENT,
    SubmissionCode.INTERNAL: ERR_INTERNAL,
}


def to_tool_error(error: SubmissionError) -> ToolError:
    """The structured error: the code, what to do and the evidence are its data."""
    found = ToolError(_TYPES[error.code], error.message, code=error.code.value, in_doubt=error.in_doubt)
    if error.remediation:
        found.with_data(remediation=error.remediation)
    if error.evidence:
        found.with_data(evidence=dict(error.evidence))
    found.__cause__ = error
    return found.with_recoverable(error.recoverable)
