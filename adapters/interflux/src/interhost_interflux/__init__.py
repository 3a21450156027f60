"""The interhost adapter for interflux: tells of finished reviews, and asks for the ones a new document deserves."""
