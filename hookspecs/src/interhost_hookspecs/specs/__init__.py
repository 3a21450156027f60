"""The hook specifications: everything an adapter may implement.

An adapter implements the few it needs, as module-level functions marked ``@hookimpl``. Arguments are passed by name; an
implementation may leave out those it does not use. Hooks are plain functions: ``async def`` is refused.

Source: design section 6.
"""

from interhost_hookspecs.specs.adapter import (
    check_adapter,
    describe_adapter,
)
from interhost_hookspecs.specs.guards import (
    get_bead,
    has_bd,
    has_companion,
    has_ic,
    in_ecosystem,
    in_sprint,
)
from interhost_hookspecs.specs.intents import (
    on_artifact_ready,
    on_coordination,
    on_discover_work,
    on_drift_detected,
    on_gate_result,
    on_health_signal,
    on_intent,
    on_notify,
    on_phase_transition,
    on_release_status,
    on_review_pass,
    on_start_sprint,
)
from interhost_hookspecs.specs.observation import (
    observe,
    observe_hook,
)
from interhost_hookspecs.specs.submissions import (
    advance_run,
    create_sprint,
    dispatch_task,
    enforce_gate,
    get_artifact,
    override_gate,
    read_sprint,
    submit_artifact,
)

__all__ = [
    "advance_run",
    "check_adapter",
    "create_sprint",
    "describe_adapter",
    "dispatch_task",
    "enforce_gate",
    "get_artifact",
    "get_bead",
    "has_bd",
    "has_companion",
    "has_ic",
    "in_ecosystem",
    "in_sprint",
    "observe",
    "observe_hook",
    "on_artifact_ready",
    "on_coordination",
    "on_discover_work",
    "on_drift_detected",
    "on_gate_result",
    "on_health_signal",
    "on_intent",
    "on_notify",
    "on_phase_transition",
    "on_release_status",
    "on_review_pass",
    "on_start_sprint",
    "override_gate",
    "read_sprint",
    "submit_artifact",
]
