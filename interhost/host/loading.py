"""Import an adapter and hold it against its contract, behind a fence.

Whatever goes wrong here concerns this adapter alone. ``INTERHOST_STRICT=1`` opens the fence, for authors.
Source: design sections 6 and 7; style, habit 5.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Mapping
from typing import NamedTuple, cast

from interhost_hookspecs import API_LEVEL, CATALOGUE, ContractError, HookCaller, register_adapter
from pluggy import PluginManager

from interhost.errors import AdapterError
from interhost.host.codec import payload_class
from interhost.host.registry import AdapterEntry
from interhost.manifests.interbus import InterbusSection

STRICT_VARIABLE = "INTERHOST_STRICT"


class LoadedAdapter(NamedTuple):
    """An adapter that can be called.

    Attributes:
        entry: Where it comes from.
        manager: Its own plugin manager.
    """

    entry: AdapterEntry
    manager: PluginManager

    @property
    def name(self) -> str:
        """Its name on the bus."""
        return self.entry.name

    @property
    def settings(self) -> Mapping[str, Mapping[str, object]]:
        """The settings that its manifest declares."""
        return self.entry.interbus.settings if self.entry.interbus else {}

    @property
    def hook(self) -> HookCaller:
        """Its hooks, typed."""
        return cast(HookCaller, self.manager.hook)

    def implements(self, hook: str) -> bool:
        """Whether it implements a hook."""
        return bool(getattr(self.manager.hook, hook).get_hookimpls())


def is_strict() -> bool:
    """Whether every fence is to be a crash."""
    return os.environ.get(STRICT_VARIABLE) == "1"


def load_adapter(entry: AdapterEntry) -> LoadedAdapter:
    """Import and register one adapter.

    Raises:
        AdapterError: It cannot be used; the message says why in one line.
    """
    if entry.interbus is None:
        raise AdapterError(entry.problem, entry.name)
    if entry.interbus.api != API_LEVEL:
        raise AdapterError(
            f"written for API level {entry.interbus.api}, this host has level {API_LEVEL}",
            entry.name,
            hint=f"upgrade {entry.distribution} or interhost",
        )
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output belongs to whoever runs us
            module = importlib.import_module(entry.module)
    except (Exception, SystemExit) as error:  # a module that exits while it is imported must not end the host
        if is_strict():
            raise
        raise AdapterError(f"import of {entry.module}: {describe(error)}", entry.name) from error
    try:
        loaded = LoadedAdapter(entry, register_adapter(module, entry.name))
    except ContractError as error:
        if is_strict():
            raise
        raise AdapterError("; ".join(error.problems), entry.name) from error
    if problem := _manifest_problem(loaded, entry.interbus):
        raise AdapterError(problem, entry.name, hint=f"correct {entry.name}'s integration.json or its hooks")
    return loaded


def describe(error: BaseException) -> str:
    """An exception in one line that can be stored and printed, its type first."""
    try:
        text = " ".join(str(error).split()).encode("utf-8", "backslashreplace").decode()
    except Exception:  # its own fault again
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def hook_of(intent: str) -> str:
    """The hook that receives an intent, given with its version."""
    return f"on_{intent.partition('@')[0]}" if payload_class(intent) else "on_intent"


def _manifest_problem(loaded: LoadedAdapter, interbus: InterbusSection) -> str:
    """What the manifest promises must be there, and what is there must be promised: else it would never be called."""
    if loaded.implements("observe_hook") != bool(interbus.hooks):
        if interbus.hooks:
            return "its manifest observes hook events, but observe_hook is not implemented"
        return "observe_hook is implemented, but its manifest observes no hook event"
    if interbus.answers and not interbus.hooks:
        return "its manifest says that it answers hooks, but observes no hook event"
    consumes = interbus.consumes
    wanted = {hook_of(intent) for intent in consumes if intent != "*"}
    for hook in sorted(wanted):
        if not loaded.implements(hook):
            return f"its manifest consumes what {hook} would receive, but {hook} is not implemented"
    if "*" in consumes:
        return ""
    for hook in [*(f"on_{name}" for name in CATALOGUE), "on_intent"]:
        if loaded.implements(hook) and hook not in wanted:
            return f"{hook} is implemented, but its manifest does not consume that intent"
    return ""
