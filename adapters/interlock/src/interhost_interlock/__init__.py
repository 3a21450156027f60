"""The interhost adapter for interlock: who holds which files, and who is told about it."""
