"""The shell libraries that plugins source: what they are, how they get to ``~/.intermod``, and which copy is in use."""
