"""What an adapter's own tests are made with.

``FakeContext`` keeps what an adapter asked for, so that a test can look at it; commands are answered from a table or,
with ``Programs``, run for real, and files are real files below a temporary directory. ``make_intent`` and
``make_hook_event`` give an adapter something to react to and to look at.
"""

from interhost_hookspecs.testing.context import Answer, FakeCommand, FakeContext
from interhost_hookspecs.testing.fakes import FakeCursor, FakeGuards, FakeSideband, FakeTail
from interhost_hookspecs.testing.hook_events import HOOK_EVENTS, hook_payload, make_hook_event
from interhost_hookspecs.testing.intents import EPOCH, make_intent, make_request, payloads
from interhost_hookspecs.testing.programs import Programs
from interhost_hookspecs.testing.submissions import FakeSubmissions

__all__ = [
    "EPOCH",
    "HOOK_EVENTS",
    "Answer",
    "FakeCommand",
    "FakeContext",
    "FakeCursor",
    "FakeGuards",
    "FakeSideband",
    "FakeSubmissions",
    "FakeTail",
    "Programs",
    "hook_payload",
    "make_hook_event",
    "make_intent",
    "make_request",
    "payloads",
]
