"""The pytest plugin of the hook specifications: what an adapter's tests get without asking.

Nothing but pytest is imported before a test needs it: coverage that ``pytest-cov`` starts sees the rest being imported.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from interhost_hookspecs.testing import FakeContext


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test per check of every function that takes ``contract_check``."""
    if "contract_check" in metafunc.fixturenames:
        from interhost_hookspecs.contract_checks import CHECKS

        metafunc.parametrize("contract_check", CHECKS, ids=[check.name for check in CHECKS])


@pytest.fixture
def fake_context(tmp_path: Path, request: pytest.FixtureRequest) -> FakeContext:
    """The context, on a machine with nothing on it, of the adapter that the test's module imports as ``adapter``."""
    from interhost_hookspecs.testing import FakeContext

    adapter = getattr(request.module, "adapter", None)
    return FakeContext(tmp_path, of=adapter if isinstance(adapter, ModuleType) else None)


@pytest.fixture
def hook_payload() -> Callable[..., dict[str, object]]:
    """Makes documents as Claude Code writes them to hooks: ``hook_payload("PostToolUse", tool_name="Edit")``."""
    from interhost_hookspecs.testing import hook_payload

    return hook_payload
