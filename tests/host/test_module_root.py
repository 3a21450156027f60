"""Where a module is installed, for the project that a delivery is about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from interhost.bus.log import Query
from interhost.host.codec import view
from interhost.host.context import HostContext
from interhost.host.providers import Providers

if TYPE_CHECKING:
    from tests.conftest import Stage


def test_installation_of_another_project_does_not_count(stage: Stage) -> None:
    """A plugin that is installed for one project is there for facts of that project, and for looks of the host."""

    def root(project: Path) -> Path | None:
        install = {"scope": "project", "projectPath": str(project), "installPath": str(stage.home)}
        record.write_text(json.dumps({"version": 2, "plugins": {"echo@market": [install]}}))
        return context.module_root()

    record = stage.home / ".claude" / "plugins" / "installed_plugins.json"
    record.parent.mkdir(parents=True)
    stage.publish()
    cause = stage.bus.log.read(Query())[0].envelope
    context = HostContext(
        "echo", stage.bus, stage.config(), Providers([], lambda *_: None), cause=cause, intent=view(cause)
    )
    assert root(stage.project) == stage.home
    assert root(stage.home / "elsewhere") is None
    context = HostContext("echo", stage.bus, stage.config(), Providers([], lambda *_: None))
    assert root(stage.home / "elsewhere") == stage.home
