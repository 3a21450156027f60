"""How a delivery may end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from interhost_hookspecs import Advice, Outcome, OutcomeKind

LATER = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize("kind", [kind for kind in OutcomeKind if kind is not OutcomeKind.DEFERRED])
def test_a_final_outcome_is_a_kind_and_a_reason(kind: OutcomeKind) -> None:
    """Each has a constructor of its own name, which leaves nothing else to say."""
    assert getattr(Outcome, kind.value)("why") == Outcome(kind, "why", None)


@pytest.mark.parametrize("reason", [None, 7, ["x"], b"x"])
def test_a_reason_is_text(reason: Any) -> None:
    """What cannot be shown in one line is refused where it is made, not where it would be stored."""
    with pytest.raises(TypeError, match="'reason' is one line of text"):
        Outcome.done(reason)


def test_a_reason_and_advice_do_nothing_to_whoever_reads_them() -> None:
    """No escape sequence, no turned writing; a reason is one line, advice may have several."""
    hostile = "a\x1b]0;x\x07\u202eb\n\tc"
    assert Outcome.done(hostile).reason == "a ]0;x  b  c"
    assert Advice(text=hostile).text == "a ]0;x  b\n\tc"


def test_a_deferral_says_until_when() -> None:
    """It is the only one that comes again."""
    assert Outcome.deferred(LATER, "busy") == Outcome(OutcomeKind.DEFERRED, "busy", LATER)


@pytest.mark.parametrize("kind", list(OutcomeKind))
def test_a_time_belongs_to_a_deferral_and_to_nothing_else(kind: OutcomeKind) -> None:
    """A deferral without one would never come again; a final outcome with one is a misunderstanding."""
    with pytest.raises(ValueError, match="exactly when the outcome is deferred"):
        Outcome(kind, "why", None if kind is OutcomeKind.DEFERRED else LATER)


def test_a_time_without_a_zone_is_refused() -> None:
    """Host and adapter may read it differently; the message shows how to get one with a zone."""
    with pytest.raises(ValueError, match=r"datetime\.now\(UTC\)"):
        Outcome.deferred(datetime(2026, 11, 20), "busy")


def test_an_outcome_cannot_be_changed() -> None:
    """What was returned is what is recorded."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Outcome.done("x").reason = "y"  # type: ignore[misc]
