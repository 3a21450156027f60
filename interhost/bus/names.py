"""Shapes of names, for those who need no more of the bus than that."""

from __future__ import annotations

import re

ADAPTER_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
