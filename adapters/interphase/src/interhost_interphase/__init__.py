"""The interhost adapter for interphase: phases and gates of beads, from its telemetry, and back."""
