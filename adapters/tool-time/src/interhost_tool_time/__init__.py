"""The interhost adapter for tool-time: which tool calls fail and what that says, and a sprint's own statistics."""
