"""A project on disk whose clock is the fake context's."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from interhost_hookspecs import Draft, ReviewPass
from interhost_hookspecs.testing import EPOCH, FakeContext
from interhost_intercraft import adapter


class Project:
    """A project, and the adapter that looks at it."""

    def __init__(self, base: Path) -> None:
        self.root = base / "wid gets"
        self.root.mkdir()
        self.ctx = FakeContext(base, of=adapter, root=base, projects=(self.root,))

    def write(self, name: str, content: object, *, age: float = 300.0) -> Path:
        """A file of some age; anything but a text is JSON."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        at = (EPOCH - timedelta(seconds=age)).timestamp()
        os.utime(path, (at, at))
        return path

    def look(self) -> list[Draft]:
        """What one look tells."""
        return list(adapter.observe(self.ctx).drafts)

    def review(self) -> tuple[Draft, ReviewPass]:
        """The only review that one look tells."""
        (draft,) = self.look()
        assert isinstance(draft.payload, ReviewPass)
        return draft, draft.payload


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    return Project(tmp_path)
