"""interhost: a plugin host that turns what happens in each module into intents, and delivers them to those who care.

Nothing is imported here: a hook that has nothing to do must cost nothing.
"""
