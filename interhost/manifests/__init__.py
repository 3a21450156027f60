"""Manifests: what a module says about itself in its ``integration.json``."""
