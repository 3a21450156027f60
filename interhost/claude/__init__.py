"""Claude Code: its hook entry, and what it knows about installed plugins."""
