"""The interhost adapter for interline."""
