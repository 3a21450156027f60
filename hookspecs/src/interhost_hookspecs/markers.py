"""The two markers that pluggy needs, and the level of the contract they mark."""

from __future__ import annotations

from pluggy import HookimplMarker, HookspecMarker

hookspec = HookspecMarker("interhost")
hookimpl = HookimplMarker("interhost")
"""Marks a function of an adapter as the implementation of the hook of the same name."""

API_LEVEL = 1
"""Level of this contract. An adapter's manifest states the level it was written for in ``interbus.api``."""
