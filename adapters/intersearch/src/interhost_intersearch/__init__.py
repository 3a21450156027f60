"""The interhost adapter for intersearch: what its index knows, when it changes, and what is related to new work."""
