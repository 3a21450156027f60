"""What the tests of the hook share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.claude_kit import Claude


@pytest.fixture
def claude(tmp_path: Path) -> Iterator[Claude]:
    """A fresh Claude Code; afterwards none of its processes is left."""
    claude = Claude(tmp_path)
    yield claude
    claude.close()
