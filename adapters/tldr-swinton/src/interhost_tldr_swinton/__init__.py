"""The interhost adapter for tldr-swinton: what it knows of a project, and evidence of what a change touches."""
