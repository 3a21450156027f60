"""The interhost adapter for interslack: what deserves a person's attention, drafted for Slack or sent there."""
