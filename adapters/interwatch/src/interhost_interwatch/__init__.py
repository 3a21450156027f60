"""The interhost adapter for interwatch: documents that drift, as its scans say, and back."""
