"""The interhost adapter for Clavain: runs of the kernel, artifacts, quality gates, dispatched work, commands."""
