"""What passes the fence around a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from interhost.host.providers import HostGuards

if TYPE_CHECKING:
    from tests.conftest import Stage


@pytest.mark.parametrize("strict", [False, True])
def test_interrupting_a_provider_interrupts_who_asked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, strict: bool
) -> None:
    """Ctrl-C passes the fence always, another fault only where an author opened it."""
    stage.adapter(
        "broken", [], "@hookimpl\ndef has_ic():\n    raise KeyboardInterrupt\n\n\n@hookimpl\ndef has_bd():\n    1/0\n"
    )
    guards = HostGuards(stage.host().providers)
    with pytest.raises(KeyboardInterrupt):
        guards.has_ic()
    if not strict:
        monkeypatch.setenv("PATH", "")
        assert guards.has_bd() is False
        return
    monkeypatch.setenv("INTERHOST_STRICT", "1")
    with pytest.raises(ZeroDivisionError):
        guards.has_bd()
