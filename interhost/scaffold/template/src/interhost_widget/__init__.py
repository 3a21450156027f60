"""The interhost adapter for widget."""
