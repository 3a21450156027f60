"""Interbase: guards, actions and companion nudges that never raise and never block."""
