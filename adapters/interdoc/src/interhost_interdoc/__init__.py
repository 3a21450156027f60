"""The interhost adapter for interdoc: an AGENTS.md that falls behind its code, is written, or is reviewed; and back."""
