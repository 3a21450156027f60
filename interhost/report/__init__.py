"""The story of a context, as a person wants to read it: what happened, what failed or waits, and where to continue."""
