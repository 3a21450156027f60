"""The pytest plugin of the hook specifications: what an adapter's tests get without asking.

Nothing but pytest is imported before a test needs it: coverage that ``pytest-cov`` starts sees the rest being imported.
"""

from __future__ import annotations

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test per check of every function that takes ``contract_check``."""
    if "contract_check" in metafunc.fixturenames:
        from interhost_hookspecs.contract_checks import CHECKS

        metafunc.parametrize("contract_check", CHECKS, ids=[check.name for check in CHECKS])
