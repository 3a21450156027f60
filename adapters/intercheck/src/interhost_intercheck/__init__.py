"""The interhost adapter for intercheck."""
